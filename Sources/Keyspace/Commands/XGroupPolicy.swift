// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

extension GroupPolicy {
    /// The words behind the group of XGROUP SETPOLICY, or OFF. What isn't named is not so.
    init(_ call: Call, from begin: Int) throws(CommandError) {
        self.init()
        if call.count == begin + 1, call.arguments.matches(begin, "OFF") { return }
        var index = begin
        while index < call.count {
            guard index + 1 < call.count else { throw .syntax }
            let words = call.arguments
            if words.matches(index, "VISIBILITY") {
                visibility = try Self.number(call, index, 0...Stream.maximumDelay)
            } else if words.matches(index, "MAXDELIVERIES") {
                maximumDeliveries = try Self.number(call, index, 1...Int64(Int32.max))
            } else if words.matches(index, "DEADLETTER") {
                guard deadLetter == nil else { throw .syntax }
                deadLetter = words.array(index + 1)
            } else if words.matches(index, "IDLECONSUMERS") {
                idleConsumers = try Self.number(call, index, 1...Stream.maximumDelay)
            } else if words.matches(index, "ORDERBY") {
                orderField = words.array(index + 1)
            } else if words.matches(index, "DELIVER") {
                prefersUrgent = words.matches(index + 1, "PRIORITY")
                guard prefersUrgent || words.matches(index + 1, "ID") else { throw .syntax }
            } else if words.matches(index, "FILTER"), index + 2 < call.count {
                guard filter.count < Self.maximumFilterCount else { throw .text("ERR too many FILTER options") }
                filter.append(Field(words.array(index + 1), words.array(index + 2)))
                index += 1
            } else {
                throw .syntax
            }
            index += 2
        }
        if (maximumDeliveries == nil) != (deadLetter == nil) {
            throw .text("ERR syntax error, MAXDELIVERIES and DEADLETTER must be given together")
        }
        if prefersUrgent, orderField != nil {
            throw .text("ERR syntax error, ORDERBY and DELIVER PRIORITY can't be given together")
        }
        if deadLetter == call.arguments.array(2) { throw .text("ERR a stream can't take its own dead letters") }
    }

    /// Where the words behind the group name a stream for dead letters, read as `init` reads them.
    static func deadLetterPlace(_ words: Arguments, from begin: Int) -> Int? {
        var index = begin
        while index + 1 < words.count {
            if words.matches(index, "DEADLETTER") { return index + 1 }
            index += words.matches(index, "FILTER") ? 3 : 2
        }
        return nil
    }

    private static func number(
        _ call: Call, _ index: Int, _ range: ClosedRange<Int64>
    ) throws(CommandError) -> Int64 {
        let number = try call.integer(index + 1)
        guard range.contains(number) else {
            throw .message("ERR \(call.arguments.text(index).uppercased()) is out of range")
        }
        return number
    }
}

extension Keyspace {
    mutating func xgroupSetPolicy(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let policy = try GroupPolicy(call, from: 4)
        let (stream, place) = try existingGroup(call)
        if let target = policy.deadLetter, let other = self.place(target, in: call.database, now: call.time),
            databases[call.database][other].value.type != .stream
        {
            throw .wrongType
        }
        try streaming { () throws(StreamError) in
            try streams[stream].setPolicy(policy, group: call.arguments.array(3), now: call.time)
        }
        touch(place, in: call.database)
        schedule(stream)
        // Whoever waits may get something now, and has moments to keep that it didn't know of.
        signalLost(databases[call.database][place].name, call.database)
        notify(.stream, "xgroup-setpolicy", call, 2)
        reply.ok()
    }

    /// Those who wait may get what followed entries that are no longer pending.
    mutating func signalFollowers(_ stream: Int, _ place: Int, in database: Int) {
        if isSignalling, ask(stream, { $0.ordersKeys }) { signalFilled(place, in: database) }
    }

    // MARK: Dead letters

    /// Where dead letters of a group go; `nil`: there are none, or what is there can't take them: then entries are
    /// delivered all the same.
    mutating func deadLetterTarget(_ stream: Int, _ group: RawSpan, _ call: Call) -> [UInt8]? {
        guard let target = ask(stream, { $0.deadLetterTarget(of: group) }) else { return nil }
        guard let place = place(target, in: call.database, now: call.time) else { return target }
        // A stream that was renamed may have become its own; one at the end of all time can't take many.
        guard case .stream(let other) = databases[call.database][place].value, other != stream,
            ask(other, { $0.lastID.milliseconds }) < .max
        else { return nil }
        return target
    }

    /// Puts dead letters away: what they were, behind where they come from and why.
    ///
    /// - Parameter key: the word of the stream that they come from.
    mutating func bury(_ letters: [DeadLetter], from key: Int, _ group: [UInt8], into target: [UInt8], _ call: Call) {
        for letter in letters {
            var fields = FieldList()
            func add(_ name: String, _ value: [UInt8]) {
                fields.append(name: Array(name.utf8).span.bytes, value: value.span.bytes)
            }
            add(DeadLetterField.stream, call.arguments.array(key))
            add(DeadLetterField.group, group)
            add(DeadLetterField.id, Array("\(letter.entry.id)".utf8))
            let isFatal = letter.deliveryCount == .max
            add(DeadLetterField.reason, Array((isFatal ? "fatal" : "delivered \(letter.deliveryCount) times").utf8))
            if let consumer = letter.consumer { add(DeadLetterField.consumer, consumer) }
            letter.entry.forEachField {
                fields.append(name: $0.array.span.bytes, value: $1.array.span.bytes)
            }
            // There was room: see `deadLetterTarget`.
            _ = try? append(
                fields, to: target, in: call.database, now: call.time, priority: letter.entry.priority)
        }
    }

    /// Appends an entry to the stream of a key, made if need be. It has the priority if there is room for one more.
    ///
    /// - Throws: `wrongType`, and what a stream refuses.
    mutating func append(
        _ fields: FieldList, to name: [UInt8], in database: Int, now: Int64, priority: EntryPriority = .normal
    ) throws(CommandError) -> StreamID {
        let limits = settings.blocks
        var place = livePlace(name, in: database, now: now)
        if let found = place, databases[database][found].value.type != .stream { throw .wrongType }
        if place == nil { place = add(name, .stream(add(emptyStream)), in: database) }
        guard let place, case .stream(let stream) = databases[database][place].value else { throw .wrongType }
        let appended = try streaming { () throws(StreamError) in
            let rank = streams[stream].canPrioritizeMore ? priority : .normal
            return try streams[stream].append(.automatic, fields, limits: limits, now: now, priority: rank)
        }
        touch(place, in: database)
        notify(.stream, "xadd", name, database)
        retain(stream, place, database, now: now)
        signalFilled(place, in: database)
        return appended.id
    }
}

/// Names of the fields that a dead letter begins with.
enum DeadLetterField {
    static let stream = "Dead-Letter-Stream"
    static let group = "Dead-Letter-Group"
    static let id = "Dead-Letter-Id"
    static let reason = "Dead-Letter-Reason"
    static let consumer = "Dead-Letter-Consumer"

    static let all = [stream, group, id, reason, consumer]
}
