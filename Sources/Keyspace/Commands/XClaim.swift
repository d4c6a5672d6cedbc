// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

/// The words of XAUTOCLAIM.
struct AutoclaimRequest {
    var minimumIdle: Int64
    var start: StreamID
    var count = 100
    var isIDOnly = false

    init(_ call: Call) throws(CommandError) {
        let words = call.arguments
        guard let minimumIdle = words.integer(4) else {
            throw .text("ERR Invalid min-idle-time argument for XAUTOCLAIM")
        }
        self.minimumIdle = minimumIdle
        start = try call.rangeStart(5)
        var index = 6
        while index < call.count {
            if words.matches(index, "COUNT"), index + 1 < call.count {
                index += 1
                guard let number = words.integer(index), number > 0 else { throw .text("ERR COUNT must be > 0") }
                count = Int(number)
            } else if words.matches(index, "JUSTID") {
                isIDOnly = true
            } else {
                throw .syntax
            }
            index += 1
        }
    }
}

extension Keyspace {
    static func noGroup(_ call: Call) -> CommandError {
        .message(
            "NOGROUP No such key '\(call.arguments.text(1))' or consumer group '\(call.arguments.text(2))'")
    }

    /// The stream of word 1, which must have the group of word 2.
    mutating func liveGroup(_ call: Call) throws(CommandError) -> (stream: Int, place: Int) {
        let group = call.arguments.array(2)
        guard let found = try liveStream(call, 1), ask(found.stream, { $0.hasGroup(named: group) }) else {
            throw Self.noGroup(call)
        }
        return found
    }

    mutating func xack(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        guard let (stream, place) = try liveStream(call, 1) else { return reply.integer(0) }
        let group = call.arguments.array(2)
        guard ask(stream, { $0.hasGroup(named: group) }) else { return reply.integer(0) }
        let count: Int
        if call.count == 4 {
            // Mostly it is one: that needs no list.
            count = streams[stream].acknowledge(try call.streamID(3), group: group) ? 1 : 0
        } else {
            count = streams[stream].acknowledge(try call.streamIDs(3..<call.count), group: group)
        }
        if count > 0 {
            touch(place, in: call.database)
            if streams[stream].removeAcknowledged() > 0 {
                notify(.stream, "xtrim", call)
                scheduleGone(stream)
            }
            signalFollowers(stream, place, in: call.database)
        }
        reply.integer(count)
    }

    mutating func xclaim(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let words = call.arguments
        let (stream, place) = try liveGroup(call)
        guard let minimumIdle = words.integer(4) else {
            throw .text("ERR Invalid min-idle-time argument for XCLAIM")
        }
        var options = ClaimOptions(minimumIdle: minimumIdle)
        var ids: [StreamID] = []
        var index = 5
        while index < call.count, let id = try? call.streamID(index) {
            ids.append(id)
            index += 1
        }
        while index < call.count {
            let hasNext = index + 1 < call.count
            if words.matches(index, "FORCE") {
                options.isForced = true
            } else if words.matches(index, "JUSTID") {
                options.isIDOnly = true
            } else if words.matches(index, "IDLE"), hasNext {
                index += 1
                options.moment = .idle(try claimNumber(call, index, "IDLE"))
            } else if words.matches(index, "TIME"), hasNext {
                index += 1
                options.moment = .at(try claimNumber(call, index, "TIME"))
            } else if words.matches(index, "RETRYCOUNT"), hasNext {
                index += 1
                options.deliveryCount = try claimNumber(call, index, "RETRYCOUNT")
            } else if words.matches(index, "LASTID"), hasNext {
                index += 1
                options.lastDeliveredID = try call.streamID(index)
            } else {
                throw .message("ERR Unrecognized XCLAIM option '\(words.text(index))'")
            }
            index += 1
        }
        let target = deadLetterTarget(stream, words.array(2).span.bytes, call)
        options.buries = target != nil
        let result = try streaming { () throws(StreamError) in
            try streams[stream].claim(
                ids, group: words.array(2), consumer: words.array(3), options, now: call.time)
        }
        note(isNewConsumer: result.isNewConsumer, call, 1)
        touch(place, in: call.database)
        if let target { bury(result.deadLetters, from: 1, words.array(2), into: target, call) }
        signalFollowers(stream, place, in: call.database)
        signalDelivered(place, in: call.database)
        reply.claimed(result.entries, isIDOnly: options.isIDOnly)
    }

    private func claimNumber(_ call: Call, _ index: Int, _ option: String) throws(CommandError) -> Int64 {
        guard let number = call.arguments.integer(index) else {
            throw .message("ERR Invalid \(option) option argument for XCLAIM")
        }
        return number
    }

    mutating func xautoclaim(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let request = try AutoclaimRequest(call)
        let (stream, place) = try liveGroup(call)
        let target = deadLetterTarget(stream, call.arguments.array(2).span.bytes, call)
        let result = try streaming { () throws(StreamError) in
            try streams[stream].claimAutomatically(
                from: request.start, count: request.count, group: call.arguments.array(2),
                consumer: call.arguments.array(3), minimumIdle: max(request.minimumIdle, 0),
                isIDOnly: request.isIDOnly, buries: target != nil, now: call.time)
        }
        note(isNewConsumer: result.isNewConsumer, call, 1)
        touch(place, in: call.database)
        if let target { bury(result.deadLetters, from: 1, call.arguments.array(2), into: target, call) }
        signalFollowers(stream, place, in: call.database)
        reply.array(3)
        reply.bulk(result.nextStart)
        reply.claimed(result.entries, isIDOnly: request.isIDOnly)
        reply.array(result.removedIDs.count)
        for id in result.removedIDs { reply.bulk(id) }
    }

    mutating func xnack(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let words = call.arguments
        let modes: [(StaticString, ReleaseMode)] = [("SILENT", .silent), ("FAIL", .fail), ("FATAL", .fatal)]
        guard let mode = modes.first(where: { words.matches(3, $0.0) })?.1 else {
            throw .text("ERR mode must be SILENT, FAIL, or FATAL")
        }
        guard words.matches(4, "IDS"), call.count > 5 else { throw .text("ERR syntax error, expected IDS keyword") }
        guard let count = words.integer(5), count > 0 else { throw .text("ERR numids must be a positive integer") }
        guard count <= call.count - 6 else { throw .text("ERR number of IDs doesn't match numids") }
        var index = 6 + Int(count)
        let ids = try call.streamIDs(6..<index)
        var deliveryCount: Int64?
        var isForced = false
        while index < call.count {
            if words.matches(index, "FORCE") {
                isForced = true
            } else if words.matches(index, "RETRYCOUNT"), index + 1 < call.count {
                index += 1
                guard let number = words.integer(index), number >= 0 else {
                    throw .text("ERR Invalid RETRYCOUNT value, must be >= 0")
                }
                deliveryCount = number
            } else {
                throw .message("ERR Unrecognized XNACK option '\(words.text(index))'")
            }
            index += 1
        }
        let (stream, place) = try liveGroup(call)
        let released = try streaming { () throws(StreamError) in
            try streams[stream].release(
                ids, group: words.array(2), mode, deliveryCount: deliveryCount, isForced: isForced)
        }
        if released > 0 {
            touch(place, in: call.database)
            if let target = deadLetterTarget(stream, words.array(2).span.bytes, call) {
                let letters = streams[stream].buryReleased(ids, group: words.array(2))
                bury(letters, from: 1, words.array(2), into: target, call)
            }
            signalFilled(place, in: call.database)
        }
        reply.integer(released)
    }
}

extension ReplyWriter {
    fileprivate mutating func claimed(_ entries: [StreamEntry], isIDOnly: Bool) {
        array(entries.count)
        for entry in entries {
            if isIDOnly { bulk(entry.id) } else { self.entry(entry) }
        }
    }
}
