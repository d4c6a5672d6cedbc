// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

/// When an entry of XADD comes, for how long it stays, and how urgent it is.
struct DelayOptions {
    /// In milliseconds of the Unix clock.
    var dueAt: Int64?
    /// Milliseconds, from when it is there.
    var timeToLive: Int64?
    var priority = EntryPriority.normal

    /// Reads DELAY, AT, TTL or PRIORITY and its number.
    ///
    /// - Returns: `false` where the word is none of them.
    mutating func read(_ call: Call, _ index: Int) throws(CommandError) -> Bool {
        if call.arguments.matches(index, "DELAY") {
            if dueAt != nil { throw Self.twice }
            let delay = try call.integer(index + 1)
            guard 0...Stream.maximumDelay ~= delay else { throw Self.outOfRange("DELAY") }
            dueAt = call.time + delay
        } else if call.arguments.matches(index, "AT") {
            if dueAt != nil { throw Self.twice }
            let moment = try call.integer(index + 1)
            guard moment >= 0, moment - call.time <= Stream.maximumDelay else { throw Self.outOfRange("AT") }
            dueAt = moment
        } else if call.arguments.matches(index, "TTL") {
            let duration = try call.integer(index + 1)
            guard 1...Stream.maximumDelay ~= duration else { throw Self.outOfRange("TTL") }
            timeToLive = duration
        } else if call.arguments.matches(index, "PRIORITY") {
            priority = try call.priority(index + 1)
        } else {
            return false
        }
        return true
    }

    private static let twice = CommandError.text("ERR syntax error, DELAY and AT can be given only once")

    private static func outOfRange(_ option: String) -> CommandError {
        .message("ERR \(option) is out of range")
    }
}

extension Call {
    /// How urgent an entry is.
    func priority(_ index: Int) throws(CommandError) -> EntryPriority {
        guard let number = UInt8(exactly: try integer(index)), let priority = EntryPriority(rawValue: number) else {
            throw .text("ERR PRIORITY is out of range")
        }
        return priority
    }
}

extension Keyspace {
    /// Puts an entry by until its moment.
    mutating func delay(
        _ call: Call, _ options: DelayOptions, until moment: Int64, fields: Range<Int>, _ reply: inout ReplyWriter
    ) throws(CommandError) {
        let bytes = call.arguments.bytes
        let place: Int
        let handle: StreamID
        if let found = try liveStream(call, 1) {
            handle = try streaming { () throws(StreamError) in
                try streams[found.stream].delay(
                    bytes.span.bytes.extracting(fields), until: moment, timeToLive: options.timeToLive,
                    priority: options.priority)
            }
            place = found.place
            touch(place, in: call.database)
            schedule(found.stream)
        } else {
            var stream = emptyStream
            handle = try streaming { () throws(StreamError) in
                try stream.delay(
                    bytes.span.bytes.extracting(fields), until: moment, timeToLive: options.timeToLive,
                    priority: options.priority)
            }
            place = add(call.arguments.array(1), .stream(add(stream)), in: call.database)
        }
        notify(.stream, "xdelay", call)
        reply.bulk(handle)
    }

    /// Entries that wait, by their handles.
    func xdelayed(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let request = try RangeRequest(call, start: 2, end: 3, allowsSelection: false)
        guard let stream = try stream(call, 1, &reply), !request.range.isEmpty, request.count > 0 else {
            return reply.array(0)
        }
        let mark = reply.mark()
        var written = 0
        streams[stream].forEachDelayed(in: request.range) { entry in
            reply.array(2)
            reply.bulk(entry.handle)
            reply.array(2 * entry.pairCount)
            entry.forEachText { reply.bulk($0) }
            written += 1
            return written < request.count
        }
        reply.array(written, since: mark)
    }

    mutating func xcancel(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let handles = try call.streamIDs(2..<call.count)
        guard let (stream, place) = try liveStream(call, 1) else { return reply.integer(0) }
        let count = streams[stream].cancelDelayed(handles)
        if count > 0 {
            touch(place, in: call.database)
            notify(.stream, "xcancel", call)
        }
        reply.integer(count)
    }
}
