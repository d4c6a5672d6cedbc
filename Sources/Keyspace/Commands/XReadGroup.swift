// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

/// What a group's consumer reads of one key's stream.
private struct GroupSource {
    enum Start {
        case new
        case history(after: StreamID)
    }

    var stream: Int
    /// The key's.
    var place: Int
    var start: Start
}

extension Keyspace {
    mutating func xreadgroup(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let request = try ReadRequest(call, isGroup: true)
        for key in 0..<request.keyCount { _ = livePlace(call, request.key(key)) }
        if let start = request.groupStart { try makeGroups(call, request, start) }
        let sources = try groupSources(call, request)
        let now = call.time
        let words = call.arguments.bytes.span.bytes
        let group = words.extracting(call.arguments.range(request.group!))
        let consumer = words.extracting(call.arguments.range(request.group! + 1))
        let mark = reply.mark()
        var served = 0
        var waits = request.timeout != nil
        var budget = request.budget
        var letters: [(key: Int, target: [UInt8], letters: [DeadLetter])] = []
        for key in 0..<request.keyCount where !budget.isSpent {
            let (stream, place) = (sources[key].stream, sources[key].place)
            switch sources[key].start {
            case .new:
                let target = deadLetterTarget(stream, group, call)
                let read = try streaming { () throws(StreamError) in
                    try streams[stream].readGroup(
                        group, consumer: consumer, count: request.count, claimIdle: request.claimIdle,
                        isAcknowledged: request.isAcknowledged, buries: target != nil, now: now
                    ) { budget.admits($0, request.selection) }
                }
                note(isNewConsumer: read.isNewConsumer, call, request.key(key))
                if let target, !read.deadLetters.isEmpty {
                    letters.append((request.key(key), target, read.deadLetters))
                }
                if read.isChanged { signalFollowers(stream, place, in: call.database) }
                if read.isNewConsumer || read.isChanged || !read.deliveries.isEmpty {
                    touch(place, in: call.database)
                } else {
                    // The consumer was seen.
                    markChanged(place, in: call.database)
                }
                if read.deliveries.isEmpty { continue }
                if !request.isAcknowledged { signalDelivered(place, in: call.database) }
                reply.begin(call, request.key(key))
                reply.deliveries(read.deliveries, isClaim: request.claimIdle != nil, request.selection)
            case .history(let id):
                waits = false
                let read = try streaming { () throws(StreamError) in
                    try streams[stream].readHistory(
                        group, consumer: consumer, after: id, count: request.count, now: now
                    ) { budget.admits($0, request.selection) }
                }
                note(isNewConsumer: read.isNewConsumer, call, request.key(key))
                touch(place, in: call.database)
                reply.begin(call, request.key(key))
                reply.history(read.items, request.selection)
            }
            served += 1
        }
        // They may go into one of the streams that are read, where nothing may move before.
        for (key, target, letters) in letters {
            bury(letters, from: key, call.arguments.array(request.group!), into: target, call)
        }
        if served > 0 { return reply.keyed(served, since: mark) }
        if waits { throw .waits }
        reply.nullArray()
    }

    /// Makes groups and streams that aren't there.
    private mutating func makeGroups(
        _ call: Call, _ request: ReadRequest, _ word: Int
    ) throws(CommandError) {
        let group = call.arguments.array(request.group!)
        let start: Stream.GroupStart =
            call.arguments.byte(word) == UInt8(ascii: "$") ? .last : .after(try call.streamID(word))
        // What is of another type is refused before anything is made.
        for key in 0..<request.keyCount { _ = try stream(call, request.key(key)) }
        for key in 0..<request.keyCount {
            if let found = try liveStream(call, request.key(key)) {
                if ask(found.stream, { $0.hasGroup(named: group) }) { continue }
                try streaming { () throws(StreamError) in
                    try streams[found.stream].createGroup(group, at: start)
                }
                touch(found.place, in: call.database)
            } else {
                var stream = emptyStream
                try streaming { () throws(StreamError) in try stream.createGroup(group, at: start) }
                add(call.arguments.array(request.key(key)), .stream(add(stream)), in: call.database)
            }
            notify(.stream, "xgroup-create", call, request.key(key))
        }
    }

    /// Whether a read has to make a group, so that it isn't in vain.
    private mutating func makesGroup(_ call: Call, _ request: ReadRequest) -> Bool {
        guard request.groupStart != nil else { return false }
        let group = call.arguments.array(request.group!)
        for key in 0..<request.keyCount {
            guard let found = try? stream(call, request.key(key)) else { return true }
            if !ask(found, { $0.hasGroup(named: group) }) { return true }
        }
        return false
    }

    mutating func note(isNewConsumer: Bool, _ call: Call, _ key: Int) {
        guard isNewConsumer else { return }
        notify(.stream, "xgroup-createconsumer", call, key)
        // It may be idle one day.
        if let stream = try? stream(call, key) { schedule(stream) }
    }

    /// Mutating only because streams are lent: see `ask`.
    private mutating func groupSources(_ call: Call, _ request: ReadRequest) throws(CommandError) -> [GroupSource] {
        let group = call.arguments.bytes.span.bytes.extracting(call.arguments.range(request.group!))
        var sources: [GroupSource] = []
        sources.reserveCapacity(request.keyCount)
        for key in 0..<request.keyCount {
            let (stream, place) = try groupStream(call, request, key)
            guard ask(stream, { $0.hasGroup(named: group) }) else { throw Self.noGroup(call, request, key) }
            sources.append(GroupSource(stream: stream, place: place, start: try Self.groupStart(call, request, key)))
        }
        return sources
    }

    private func groupStream(
        _ call: Call, _ request: ReadRequest, _ key: Int
    ) throws(CommandError) -> (stream: Int, place: Int) {
        guard let place = place(call, request.key(key)) else { throw Self.noGroup(call, request, key) }
        guard case .stream(let stream) = databases[call.database][place].value else { throw .wrongType }
        return (stream, place)
    }

    private static func groupStart(
        _ call: Call, _ request: ReadRequest, _ key: Int
    ) throws(CommandError) -> GroupSource.Start {
        switch call.arguments.byte(request.id(key)) {
        case UInt8(ascii: ">"): .new
        case UInt8(ascii: "$"): throw meaningless("$")
        case UInt8(ascii: "+"): throw meaningless("+")
        default: .history(after: try call.streamID(request.id(key)))
        }
    }

    private static func noGroup(_ call: Call, _ request: ReadRequest, _ key: Int) -> CommandError {
        .message(
            "NOGROUP No such key '\(call.arguments.text(request.key(key)))' or consumer group "
                + "'\(call.arguments.text(request.group!))' in XREADGROUP with GROUP option")
    }

    private static func meaningless(_ id: String) -> CommandError {
        .message(
            "ERR The \(id) ID is meaningless in the context of XREADGROUP: you want to read the history of this "
                + "consumer by specifying a proper ID, or use the > ID to get new messages. The \(id) ID would just "
                + "return an empty result set.")
    }

    /// Whether a read of a group would hand out nothing and change nothing, so that it needs no record. Then it is
    /// answered with nothing, or waits.
    private mutating func isInVain(_ call: Call, _ request: ReadRequest, _ sources: [GroupSource]) -> Bool {
        let words = call.arguments.bytes.span.bytes
        let group = words.extracting(call.arguments.range(request.group!))
        let consumer = words.extracting(call.arguments.range(request.group! + 1))
        let (claimIdle, now) = (request.claimIdle, call.time)
        for source in sources {
            guard case .new = source.start else { return false }
            let isInVain = ask(source.stream) { stream in
                stream.isReadInVain(by: consumer, of: group, claimIdle: claimIdle, now: now)
            }
            if !isInVain { return false }
        }
        return true
    }

    /// What becomes of a read of a group that changes nothing now; `nil`: it is to be carried out.
    mutating func vainGroupRead(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) -> CommandOutcome? {
        let request = try ReadRequest(call, isGroup: true)
        if makesGroup(call, request) { return nil }
        let sources = try groupSources(call, request)
        guard isInVain(call, request, sources) else { return nil }
        if request.timeout != nil { return .waits }
        reply.nullArray()
        return .replied
    }
}

extension ReplyWriter {
    mutating func deliveries(_ deliveries: [Delivery], isClaim: Bool, _ selection: EntrySelection) {
        array(deliveries.count)
        for delivery in deliveries {
            if !isClaim || selection.showsIDsOnly {
                entry(delivery.entry, selection)
                continue
            }
            array(4)
            bulk(delivery.entry.id)
            fields(delivery.entry)
            integer(delivery.idle)
            integer(delivery.previousCount)
        }
    }

    mutating func history(_ items: [HistoryItem], _ selection: EntrySelection) {
        array(items.count)
        for item in items {
            if let entry = item.entry {
                self.entry(entry, selection)
            } else {
                array(2)
                bulk(item.id)
                nullArray()
            }
        }
    }
}
