// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

/// What XREAD or XREADGROUP asks for.
struct ReadRequest {
    /// Of each stream.
    var count = Int.max
    /// Of all of them.
    var budget = ReplyBudget()
    /// Milliseconds to wait; 0: for ever; `nil`: not at all.
    var timeout: Int64?
    var group: Int?
    var isAcknowledged = false
    /// Milliseconds for which pending entries must have waited.
    var claimIdle: Int64?
    var selection = EntrySelection()
    /// Where groups begin that the read makes, if it may: the place of a word.
    var groupStart: Int?
    var firstKey = 0
    var keyCount = 0

    /// The word of a key's ID.
    func id(_ key: Int) -> Int { firstKey + keyCount + key }
    func key(_ key: Int) -> Int { firstKey + key }

    init(_ call: Call, isGroup: Bool) throws(CommandError) {
        let words = call.arguments
        var (totalCount, totalBytes) = (Int.max, Int.max)
        var index = 1
        while index < call.count {
            let rest = call.count - index - 1
            if words.matches(index, "BLOCK"), rest > 0 {
                index += 1
                timeout = try Self.timeout(call, index)
            } else if words.matches(index, "COUNT"), rest > 0 {
                index += 1
                let number = try call.integer(index)
                count = number <= 0 ? .max : Int(number)
            } else if words.matches(index, "MAXCOUNT"), rest > 0 {
                index += 1
                totalCount = try Self.total(call, index, "MAXCOUNT")
            } else if words.matches(index, "MAXSIZE"), rest > 0 {
                index += 1
                totalBytes = try Self.total(call, index, "MAXSIZE")
            } else if words.matches(index, "STREAMS"), rest > 0 {
                firstKey = index + 1
                if rest & 1 != 0 {
                    let ids = isGroup ? "an ID or '>'" : "an ID, '+', or '$'"
                    let name = isGroup ? "xreadgroup" : "xread"
                    throw .message(
                        "ERR Unbalanced '\(name)' list of streams: for each stream key \(ids) must be specified.")
                }
                keyCount = rest / 2
                break
            } else if words.matches(index, "GROUP"), rest > 1 {
                if !isGroup { throw Self.groupOnly("GROUP") }
                group = index + 1
                index += 2
            } else if words.matches(index, "NOACK") {
                if !isGroup { throw Self.groupOnly("NOACK") }
                isAcknowledged = true
            } else if words.matches(index, "CLAIM"), rest > 0 {
                if !isGroup { throw Self.groupOnly("CLAIM") }
                index += 1
                guard let idle = words.integer(index) else {
                    throw .text("ERR min-idle-time is not an integer or out of range")
                }
                if idle < 0 { throw .text("ERR min-idle-time must be a positive integer") }
                claimIdle = idle
            } else if isGroup, words.matches(index, "MKGROUP"), rest > 0 {
                index += 1
                if words.byte(index) != UInt8(ascii: "$") { _ = try call.streamID(index) }
                groupStart = index
            } else {
                // A group's read shows all of what it takes.
                let count = isGroup && !words.matches(index, "NOVALUES") ? 0 : try selection.read(call, index)
                if count == 0 { throw .syntax }
                index += count - 1
            }
            index += 1
        }
        if keyCount == 0 { throw .syntax }
        if isGroup, group == nil { throw .text("ERR Missing GROUP option for XREADGROUP") }
        if count < .max, totalCount < count { throw .text("ERR MAXCOUNT must not be less than COUNT") }
        count = min(count, totalCount)
        budget = ReplyBudget(count: totalCount, bytes: totalBytes)
    }

    /// The texts are our own: Redis's are not known here.
    private static func total(_ call: Call, _ index: Int, _ option: String) throws(CommandError) -> Int {
        guard let number = call.arguments.integer(index), number > 0 else {
            throw .message("ERR \(option) must be a positive integer")
        }
        return Int(number)
    }

    static func timeout(_ call: Call, _ index: Int) throws(CommandError) -> Int64 {
        guard let milliseconds = call.arguments.integer(index) else {
            throw .text("ERR timeout is not an integer or out of range")
        }
        if milliseconds < 0 { throw .text("ERR timeout is negative") }
        return milliseconds
    }

    private static func groupOnly(_ option: String) -> CommandError {
        .message("ERR The \(option) option is only supported by XREADGROUP. You called XREAD instead.")
    }
}

/// From where a stream is read without a group.
enum ReadStart {
    case after(StreamID)
    /// The last entry alone.
    case last
}

extension Keyspace {
    func xread(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let request = try ReadRequest(call, isGroup: false)
        let mark = reply.mark()
        var served = 0
        let starts = try readStarts(call, request)
        var budget = request.budget
        for key in 0..<request.keyCount where !budget.isSpent {
            guard let stream = try stream(call, request.key(key), &reply) else { continue }
            if write(stream, starts[key], request, call, key, &budget, &reply) { served += 1 }
        }
        if served > 0 { return reply.keyed(served, since: mark) }
        if request.timeout != nil { throw .waits }
        reply.nullArray()
    }

    /// Where each of the streams is read from; what isn't an ID is resolved.
    func readStarts(_ call: Call, _ request: ReadRequest) throws(CommandError) -> [ReadStart] {
        var starts: [ReadStart] = []
        for key in 0..<request.keyCount {
            let stream = try stream(call, request.key(key))
            switch call.arguments.byte(request.id(key)) {
            case UInt8(ascii: "$"): starts.append(.after(stream.map { look(at: $0) { $0.lastID } } ?? .zero))
            case UInt8(ascii: "+"): starts.append(.last)
            case UInt8(ascii: ">"):
                throw .text(
                    """
                    ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> \
                    option.
                    """)
            default: starts.append(.after(try call.streamID(request.id(key))))
            }
        }
        return starts
    }

    /// Whether the stream had something.
    private func write(
        _ stream: Int, _ start: ReadStart, _ request: ReadRequest, _ call: Call, _ key: Int,
        _ budget: inout ReplyBudget, _ reply: inout ReplyWriter
    ) -> Bool {
        switch start {
        case .last:
            guard let last = look(at: stream, { $0.last }), request.selection.admits(last) else { return false }
            reply.begin(call, request.key(key))
            reply.array(1)
            let begin = reply.bytes.count
            reply.entry(last, request.selection)
            budget.spend(reply.bytes.count - begin)
            return true
        case .after(let id):
            guard id < look(at: stream, { $0.lastID }), let range = StreamRange.after(id) else { return false }
            let begin = reply.bytes.count
            reply.begin(call, request.key(key))
            let mark = reply.mark()
            var written = 0
            look(at: stream) { stream in
                stream.forEach(in: range) { entry in
                    if !request.selection.admits(entry) { return true }
                    let begin = reply.bytes.count
                    reply.entry(entry, request.selection)
                    budget.spend(reply.bytes.count - begin)
                    written += 1
                    return written < request.count && !budget.isSpent
                }
            }
            if written == 0 {
                reply.truncate(to: begin)
                return false
            }
            reply.array(written, since: mark)
            return true
        }
    }
}

extension ReplyWriter {
    /// The name of a stream, in front of its entries: a pair in RESP2, a map's key in RESP3.
    mutating func begin(_ call: Call, _ key: Int) {
        if !isRESP3 { array(2) }
        bulk(call.arguments[key])
    }

    /// Closes what `begin` began: so many streams.
    mutating func keyed(_ count: Int, since mark: Mark) {
        if isRESP3 { map(count, since: mark) } else { array(count, since: mark) }
    }
}
