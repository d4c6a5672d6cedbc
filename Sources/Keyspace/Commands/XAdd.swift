// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

/// The words between key and ID of XADD, or behind the key of XTRIM.
struct TrimOptions {
    var trim: Trim?
    var policy: ReferencePolicy?
    var makesStream = true
    var idempotency: Idempotency?
    var delay = DelayOptions()
    /// The first word that isn't one of these.
    var end: Int

    enum Idempotency {
        /// Places of producer and idempotent ID.
        case given(producer: Int, id: Int)
        /// The ID is made of the content.
        case automatic(producer: Int)
    }

    /// - Parameter isAppend: whether the words end at the first that isn't known.
    init(_ call: Call, from begin: Int, isAppend: Bool, limits: BlockLimits) throws(CommandError) {
        var strategy: Trim.Strategy?
        var isApproximate = false
        var limit: Int?
        var index = begin
        scan: while index < call.count {
            let words = call.arguments
            let rest = call.count - index - 1
            if isAppend, words.byte(index) == UInt8(ascii: "*") { break }
            if words.matches(index, "MAXLEN") && rest > 0 || words.matches(index, "MINID") && rest > 0 {
                if strategy != nil {
                    throw .text("ERR syntax error, MAXLEN and MINID options at the same time are not compatible")
                }
                let isLength = words.matches(index, "MAXLEN")
                index += 1
                isApproximate = false
                if rest > 1, let sign = words.byte(index), sign == UInt8(ascii: "~") || sign == UInt8(ascii: "=") {
                    isApproximate = sign == UInt8(ascii: "~")
                    index += 1
                }
                if isLength {
                    let count = try call.integer(index)
                    if count < 0 { throw .text("ERR The MAXLEN argument must be >= 0.") }
                    strategy = .maximumLength(Int(count))
                } else {
                    strategy = .minimumID(try call.streamID(index))
                }
            } else if words.matches(index, "LIMIT"), rest > 0 {
                index += 1
                let count = try call.integer(index)
                if count < 0 { throw .text("ERR The LIMIT argument must be >= 0.") }
                limit = Int(count)
            } else if words.matches(index, "KEEPREF") || words.matches(index, "DELREF")
                || words.matches(index, "ACKED")
            {
                if policy != nil { throw .syntax }
                policy = Self.policy(call, index)
            } else if isAppend, words.matches(index, "NOMKSTREAM") {
                makesStream = false
            } else if isAppend, words.matches(index, "IDMP"), rest > 1 {
                if idempotency != nil { throw Self.twice }
                if words.byteCount(index + 1) == 0 {
                    throw .text("ERR syntax error, IDMP requires a non-empty producer ID")
                }
                if words.byteCount(index + 2) == 0 {
                    throw .text("ERR syntax error, IDMP requires a non-empty idempotent ID")
                }
                idempotency = .given(producer: index + 1, id: index + 2)
                index += 2
            } else if isAppend, words.matches(index, "IDMPAUTO"), rest > 0 {
                if idempotency != nil { throw Self.twice }
                if words.byteCount(index + 1) == 0 {
                    throw .text("ERR syntax error, IDMPAUTO requires a non-empty producer ID")
                }
                idempotency = .automatic(producer: index + 1)
                index += 1
            } else if isAppend, rest > 0, try delay.read(call, index) {
                index += 1
            } else if isAppend {
                break scan
            } else {
                throw .syntax
            }
            index += 1
        }
        end = index
        // What is no option is taken for the ID, and refused before the options as a whole are.
        if isAppend, limit != nil, index < call.count { try call.checkAppendID(index) }
        if let limit, limit != 0, strategy == nil {
            throw .text("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
        }
        if limit != nil, !isApproximate {
            throw .text("ERR syntax error, LIMIT cannot be used without the special ~ option")
        }
        guard let strategy else { return }
        trim = Trim(
            strategy, isApproximate: isApproximate, limit: limit == 0 ? nil : limit ?? limits.defaultTrimLimit,
            policy: policy ?? .keep)
    }

    /// What says when an entry comes goes with neither a given ID nor what is found out by an append.
    func checkDelay(_ id: AppendID) throws(CommandError) {
        if id != .automatic { throw .text("ERR syntax error, DELAY and AT can be used only with auto-generated IDs") }
        if trim != nil || idempotency != nil {
            throw .text("ERR syntax error, DELAY and AT can't be used with MAXLEN, MINID, IDMP or IDMPAUTO")
        }
    }

    private static let twice = CommandError.text("ERR syntax error, IDMP/IDMPAUTO specified multiple times")

    static func policy(_ call: Call, _ index: Int) -> ReferencePolicy? {
        if call.arguments.matches(index, "KEEPREF") { return .keep }
        if call.arguments.matches(index, "DELREF") { return .delete }
        return call.arguments.matches(index, "ACKED") ? .acknowledged : nil
    }
}

extension Call {
    /// Refuses what is no ID at all.
    fileprivate func checkAppendID(_ index: Int) throws(CommandError) {
        let range = arguments.range(index)
        do throws(StreamError) {
            _ = try AppendID(text: arguments.bytes.span.bytes.extracting(range))
        } catch {
            if error != .addIDIsZero { throw .stream(error) }
        }
    }

    /// The ID of an XADD, which its pairs follow.
    fileprivate func appendID(_ index: Int) throws(CommandError) -> AppendID {
        let range = arguments.range(index)
        let pairs = count - index - 1
        do throws(StreamError) {
            return try AppendID(text: arguments.bytes.span.bytes.extracting(range))
        } catch {
            // The count of words is looked at before the number they name.
            if error == .addIDIsZero, pairs < 2 || pairs & 1 != 0 { throw .arity("xadd") }
            throw .stream(error)
        }
    }
}

extension Keyspace {
    mutating func xadd(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let words = call.arguments
        // Mostly the ID follows the key, and is automatic.
        var options: TrimOptions?
        var index = 2
        if words.byte(2) != UInt8(ascii: "*") {
            let parsed = try TrimOptions(call, from: 2, isAppend: true, limits: settings.blocks)
            index = parsed.end
            options = parsed
        }
        guard index < call.count else { throw .arity("xadd") }
        let pairs = call.count - index - 1
        let id = try call.appendID(index)
        if options?.idempotency != nil, id != .automatic {
            throw .text("ERR syntax error, IDMP/IDMPAUTO can be used only with auto-generated IDs")
        }
        if pairs < 2 || pairs & 1 != 0 { throw .arity("xadd") }
        if let delay = options?.delay, let moment = delay.dueAt {
            try options?.checkDelay(id)
            if moment > call.time {
                if options?.makesStream == false, try liveStream(call, 1) == nil { return reply.null() }
                return try self.delay(
                    call, delay, until: moment, fields: words.packedRange(from: index + 1), &reply)
            }
        }

        guard let appended = try append(id, call, fieldsFrom: index + 1, options) else { return reply.null() }
        reply.bulk(appended)
    }

    /// Adds an entry, and does what follows from that.
    ///
    /// - Returns: its ID; `nil`: there is no stream, and none is to be made.
    @inline(__always)
    mutating func append(
        _ id: AppendID, _ call: Call, fieldsFrom index: Int, _ options: TrimOptions?
    ) throws(CommandError) -> StreamID? {
        let words = call.arguments
        let timeToLive = options?.delay.timeToLive
        let priority = options?.delay.priority ?? .normal
        let found = try liveStream(call, 1)
        if found == nil, options?.makesStream == false { return nil }
        let fields = words.packedRange(from: index)
        let key = try idempotentKey(options?.idempotency, call, index)
        let appended: Stream.Appended
        let place: Int
        if let found {
            let limits = settings.blocks
            if timeToLive != nil, !ask(found.stream, { $0.canEndMore }) { throw .stream(.tooManyTimed) }
            appended = try streaming { () throws(StreamError) in
                try streams[found.stream].append(
                    id, fields: words.bytes.span.bytes.extracting(fields), limits: limits, now: call.time, key: key,
                    priority: priority)
            }
            place = found.place
        } else {
            // What fails leaves no key behind.
            var stream = emptyStream
            appended = try streaming { () throws(StreamError) in
                try stream.append(
                    id, fields: words.bytes.span.bytes.extracting(fields), limits: settings.blocks, now: call.time,
                    key: key, priority: priority)
            }
            place = add(words.array(1), .stream(add(stream)), in: call.database)
        }
        // Duplicates are counted.
        if appended.isDuplicate {
            markChanged(place, in: call.database)
            return appended.id
        }
        touch(place, in: call.database)
        notify(.stream, "xadd", call)
        if case .stream(let stream) = databases[call.database][place].value {
            if let trim = options?.trim, streams[stream].trim(trim) > 0 {
                notify(.stream, "xtrim", call)
                scheduleGone(stream)
            }
            if let timeToLive {
                try streaming { () throws(StreamError) in
                    try streams[stream].end(appended.id, at: call.time + timeToLive)
                }
                schedule(stream)
            }
            retain(stream, place, call.database, now: call.time)
        }
        signalFilled(place, in: call.database)
        return appended.id
    }

    private func idempotentKey(
        _ idempotency: TrimOptions.Idempotency?, _ call: Call, _ fields: Int
    ) throws(CommandError) -> IdempotentKey? {
        guard let idempotency else { return nil }
        return try streaming { () throws(StreamError) in
            switch idempotency {
            case .given(let producer, let id):
                try IdempotentKey(producer: call.arguments.array(producer), id: call.arguments.array(id))
            case .automatic(let producer):
                try IdempotentKey(
                    producer: call.arguments.array(producer), id: ContentID.bytes(call.arguments, from: fields))
            }
        }
    }

    mutating func xtrim(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let options = try TrimOptions(call, from: 2, isAppend: false, limits: settings.blocks)
        guard let trim = options.trim else {
            throw .text("ERR syntax error, XTRIM must be called with a trimming strategy")
        }
        guard let (stream, place) = try liveStream(call, 1) else { return reply.integer(0) }
        let count = streams[stream].trim(trim)
        if count > 0 {
            touch(place, in: call.database)
            scheduleGone(stream)
            signalFollowers(stream, place, in: call.database)
            notify(.stream, "xtrim", call)
        }
        reply.integer(count)
    }
}

/// An ID made of an entry's names and values, whatever order the pairs have.
///
/// 128 bits: each pair is hashed by two functions, and the hashes of all pairs are summed up. Not proof against those
/// who look for collisions: these could only suppress entries of their own producers.
enum ContentID {
    private static let seeds: [UInt64] = [0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344]

    static func bytes(_ words: Arguments, from begin: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for seed in seeds {
            var sum: UInt64 = 0
            for name in stride(from: begin, to: words.count - 1, by: 2) {
                let (nameRange, valueRange) = (words.range(name), words.range(name + 1))
                let first = NameHash.hash(words.bytes.span.bytes.extracting(nameRange), seed: seed)
                sum &+= NameHash.hash(
                    words.bytes.span.bytes.extracting(valueRange), seed: first &* 0x9E37_79B9_7F4A_7C15)
            }
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: sum >> shift))
            }
        }
        return bytes
    }
}
