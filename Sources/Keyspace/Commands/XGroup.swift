// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

extension Keyspace {
    private static let keyRequired = CommandError.text(
        """
        ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM \
        option to create an empty stream automatically.
        """)

    static func unknownOption(_ call: Call, _ container: String) -> CommandError {
        .message(
            "ERR unknown subcommand or wrong number of arguments for '\(call.arguments.text(1))'. "
                + "Try \(container) HELP.")
    }

    private static func noSuchGroup(_ call: Call) -> CommandError {
        .message("NOGROUP No such consumer group '\(call.arguments.text(3))' for key name '\(call.arguments.text(2))'")
    }

    /// The stream of word 2, which must be there.
    private mutating func groupStream(_ call: Call) throws(CommandError) -> (stream: Int, place: Int) {
        guard let found = try liveStream(call, 2) else { throw Self.keyRequired }
        return found
    }

    /// The stream of word 2, which must be there and have the group of word 3.
    mutating func existingGroup(_ call: Call) throws(CommandError) -> (stream: Int, place: Int) {
        let found = try groupStream(call)
        guard streams[found.stream].hasGroup(named: call.arguments.array(3)) else { throw Self.noSuchGroup(call) }
        return found
    }

    private func groupOptions(
        _ call: Call, isCreate: Bool
    ) throws(CommandError) -> (makesStream: Bool, entriesRead: Int64?) {
        var makesStream = false
        var entriesRead: Int64?
        var index = 5
        while index < call.count {
            if isCreate, call.arguments.matches(index, "MKSTREAM") {
                makesStream = true
            } else if call.arguments.matches(index, "ENTRIESREAD"), index + 1 < call.count {
                index += 1
                let number = try call.integer(index)
                if number < -1 { throw .stream(.entriesReadNegative) }
                entriesRead = number
            } else {
                throw Self.unknownOption(call, "XGROUP")
            }
            index += 1
        }
        return (makesStream, entriesRead)
    }

    mutating func xgroupCreate(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let (makesStream, entriesRead) = try groupOptions(call, isCreate: true)
        let found = try liveStream(call, 2)
        if found == nil, !makesStream { throw Self.keyRequired }
        let start: Stream.GroupStart =
            call.arguments.byte(4) == UInt8(ascii: "$") ? .last : .after(try call.streamID(4))
        let place: Int
        if let found {
            try streaming { () throws(StreamError) in
                try streams[found.stream].createGroup(call.arguments.array(3), at: start, entriesRead: entriesRead)
            }
            place = found.place
            touch(place, in: call.database)
        } else {
            var stream = emptyStream
            try streaming { () throws(StreamError) in
                try stream.createGroup(call.arguments.array(3), at: start, entriesRead: entriesRead)
            }
            place = add(call.arguments.array(2), .stream(add(stream)), in: call.database)
            signalFilled(place, in: call.database)
        }
        notify(.stream, "xgroup-create", call, 2)
        reply.ok()
    }

    mutating func xgroupSetID(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let (_, entriesRead) = try groupOptions(call, isCreate: false)
        let (stream, place) = try existingGroup(call)
        let start: Stream.GroupStart
        switch call.arguments.byte(4) {
        case UInt8(ascii: "$"): start = .last
        case UInt8(ascii: "-"): start = .after(.zero)
        case UInt8(ascii: "+"): start = .after(.max)
        default: start = .after(try call.streamID(4))
        }
        try streaming { () throws(StreamError) in
            try streams[stream].setGroup(call.arguments.array(3), to: start, entriesRead: entriesRead)
        }
        touch(place, in: call.database)
        notify(.stream, "xgroup-setid", call, 2)
        reply.ok()
    }

    mutating func xgroupDestroy(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let (stream, place) = try groupStream(call)
        guard streams[stream].destroyGroup(call.arguments.array(3)) else { return reply.integer(0) }
        touch(place, in: call.database)
        signalLost(databases[call.database][place].name, call.database)
        notify(.stream, "xgroup-destroy", call, 2)
        reply.integer(1)
    }

    mutating func xgroupCreateConsumer(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let (stream, place) = try existingGroup(call)
        let isNew = try streaming { () throws(StreamError) in
            try streams[stream].createConsumer(call.arguments.array(4), group: call.arguments.array(3), now: call.time)
        }
        if isNew {
            touch(place, in: call.database)
            note(isNewConsumer: true, call, 2)
        }
        reply.integer(isNew ? 1 : 0)
    }

    /// One simple string a line. Source: Redis 8.8.
    func xgroupHelp(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        reply.lines(StreamHelp.xgroup)
    }

    func xinfoHelp(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        reply.lines(StreamHelp.xinfo)
    }

    // MARK: Settings of a stream

    mutating func xcfgset(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        var duration: Int64?
        var count: Int64?
        var index = 2
        if call.count == 2 { throw .text("ERR At least one parameter must be specified") }
        while index < call.count {
            guard index + 1 < call.count else { throw .syntax }
            if call.arguments.matches(index, "IDMP-DURATION") {
                if duration != nil { throw .text("ERR IDMP-DURATION specified multiple times") }
                duration = try call.integer(index + 1)
                guard IdempotencyWindow.durationSecondsRange.contains(duration!) else {
                    throw .stream(.idempotencyDurationOutOfRange)
                }
            } else if call.arguments.matches(index, "IDMP-MAXSIZE") {
                if count != nil { throw .text("ERR IDMP-MAXSIZE specified multiple times") }
                count = try call.integer(index + 1)
                guard IdempotencyWindow.maximumCountRange.contains(Int(count!)) else {
                    throw .stream(.idempotencyCountOutOfRange)
                }
            } else {
                throw .syntax
            }
            index += 2
        }
        guard let (stream, place) = try liveStream(call, 1) else { throw .noSuchKey }
        try streaming { () throws(StreamError) in
            try streams[stream].setIdempotency(durationSeconds: duration, maximumCount: count.map { Int($0) })
        }
        touch(place, in: call.database)
        reply.ok()
    }

    mutating func xidmprecord(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let key = try streaming { () throws(StreamError) in
            try IdempotentKey(producer: call.arguments.array(2), id: call.arguments.array(3))
        }
        let id = try call.streamID(4)
        guard let (stream, place) = try liveStream(call, 1) else { throw .noSuchKey }
        try streaming { () throws(StreamError) in
            try streams[stream].noteIdempotent(key, id, now: call.time)
        }
        touch(place, in: call.database)
        reply.ok()
    }
}

extension ReplyWriter {
    mutating func lines(_ lines: [StaticString]) {
        array(lines.count)
        for line in lines { simple(line) }
    }
}
