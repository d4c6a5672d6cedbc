// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

/// The words of XREPLAY key target [COUNT n] [ANY].
struct ReplayRequest {
    /// Entries of one call at most.
    static let maximumCount = 10_000

    var count = 100
    /// Whether entries go that came from elsewhere, or don't say from where.
    var isAny = false

    init(_ call: Call) throws(CommandError) {
        var index = 3
        while index < call.count {
            if call.arguments.matches(index, "ANY") {
                isAny = true
            } else if call.arguments.matches(index, "COUNT"), index + 1 < call.count {
                index += 1
                let number = try call.integer(index)
                guard 1...Int64(Self.maximumCount) ~= number else { throw .text("ERR COUNT is out of range") }
                count = Int(number)
            } else {
                throw .syntax
            }
            index += 1
        }
        if call.arguments[1] == call.arguments[2] {
            throw .text("ERR source and destination objects are the same")
        }
    }
}

extension Keyspace {
    /// Puts dead letters back, the oldest first: what they were is appended to the stream they came from, for all its
    /// groups, and they go. Answers how many. Of the first `count` those stay that came from elsewhere.
    mutating func xreplay(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let request = try ReplayRequest(call)
        let target = call.arguments.array(2)
        guard let (stream, place) = try liveStream(call, 1) else { return reply.integer(0) }
        // What is of another type is refused before anything is done.
        _ = try liveStream(call, 2)
        var replayed: [StreamID] = []
        for entry in streams[stream].entries(in: .all, count: request.count) {
            if !request.isAny, entry.value(of: Array(DeadLetterField.stream.utf8)) != target { continue }
            guard let fields = Self.fields(ofDeadLetter: entry),
                (try? append(
                    fields, to: target, in: call.database, now: call.time, priority: entry.priority)) != nil
            else { continue }
            replayed.append(entry.id)
        }
        if !replayed.isEmpty {
            _ = streams[stream].delete(replayed)
            touch(place, in: call.database)
            notify(.stream, "xdel", call)
        }
        reply.integer(replayed.count)
    }

    /// What an entry was before it became a dead letter; `nil`: nothing.
    private static func fields(ofDeadLetter entry: StreamEntry) -> FieldList? {
        var fields = FieldList()
        var known = DeadLetterField.all.map { Array($0.utf8) }
        entry.forEachField { name, value in
            // The first of each name was put in front; the entry itself may have such fields, too.
            let name = name.array
            if let index = known.firstIndex(of: name) {
                known.remove(at: index)
            } else {
                fields.append(name: name.span.bytes, value: value.array.span.bytes)
            }
        }
        return fields.pairCount == 0 ? nil : fields
    }
}
