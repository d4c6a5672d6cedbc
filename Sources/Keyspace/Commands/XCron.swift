// SPDX-License-Identifier: Apache-2.0

public import MartletRESPCodec
public import MartletStreams

extension Keyspace {
    /// XCRON SET key name schedule [TZ offset | TZRULES zone rules] [GRACE ms] [PRIORITY n] * field value …: answers
    /// when it is due next. A zone's name behind TZ is replaced by TZRULES on the way into the log: see
    /// `CommandEntry.withZone`.
    mutating func xcronSet(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let words = call.arguments
        guard CronExpression(words.array(4)) != nil else { throw .text("ERR Invalid schedule") }
        var offset: Int64 = 0
        var zone: NamedZone?
        var grace = StreamJob.defaultGrace
        var priority = EntryPriority.normal
        var index = 5
        while index < call.count, words.byte(index) != UInt8(ascii: "*") {
            guard index + 1 < call.count else { throw .syntax }
            if words.matches(index, "TZ") {
                guard let seconds = Self.offsetSeconds(words.array(index + 1)) else {
                    let name = words[index + 1]
                    guard NamedZone.isName(name) else {
                        throw .text("ERR a time zone is UTC, an offset of it, like +02:00, or a name")
                    }
                    throw .message("ERR unknown time zone '\(String(decoding: name, as: UTF8.self))'")
                }
                (offset, zone) = (seconds, nil)
            } else if words.matches(index, "TZRULES") {
                guard index + 2 < call.count, NamedZone.isName(words[index + 1]),
                    let rules = ZoneRules(decoding: words.array(index + 2))
                else { throw .text("ERR Invalid rules of a time zone") }
                zone = NamedZone(name: words.array(index + 1), rules: rules)
                index += 1
            } else if words.matches(index, "GRACE") {
                grace = try call.integer(index + 1)
                guard 0...Stream.maximumDelay ~= grace else { throw .text("ERR GRACE is out of range") }
            } else if words.matches(index, "PRIORITY") {
                priority = try call.priority(index + 1)
            } else {
                throw .syntax
            }
            index += 2
        }
        let pairs = call.count - index - 1
        if pairs < 2 || pairs & 1 != 0 { throw .arity("xcron|set") }
        let packed = words.packedRange(from: index + 1)
        let job = StreamJob(
            name: words.array(3), schedule: words.array(4), offsetSeconds: offset, zone: zone, grace: grace,
            priority: priority, fields: Array(words.bytes[packed]))
        let due: Int64
        if let (stream, place) = try liveStream(call, 2) {
            due = try streaming { () throws(StreamError) in try streams[stream].setJob(job, now: call.time) }
            touch(place, in: call.database)
            schedule(stream)
        } else {
            var stream = emptyStream
            due = try streaming { () throws(StreamError) in try stream.setJob(job, now: call.time) }
            add(words.array(2), .stream(add(stream)), in: call.database)
        }
        notify(.stream, "xcron-set", call, 2)
        reply.integer(due)
    }

    mutating func xcronDel(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        guard let (stream, place) = try liveStream(call, 2), streams[stream].removeJob(call.arguments.array(3)) else {
            return reply.integer(0)
        }
        touch(place, in: call.database)
        notify(.stream, "xcron-del", call, 2)
        reply.integer(1)
    }

    /// One map a job, the next one first.
    func xcronList(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        guard let stream = try stream(call, 2, &reply) else { return reply.array(0) }
        let jobs = streams[stream].allJobs
        reply.array(jobs.count)
        for (job, due) in jobs {
            reply.map(9 + (job.zone == nil ? 0 : 1) + (job.priority == .normal ? 0 : 1))
            reply.bulk("name")
            reply.bulk(job.name)
            reply.bulk("schedule")
            reply.bulk(job.schedule)
            let numbers: [(StaticString, Int64)] = [
                ("offset", job.offsetSeconds), ("grace", job.grace), ("next", due), ("last", job.lastRun ?? -1),
                ("runs", Int64(clamping: job.runCount)), ("skipped", Int64(clamping: job.skippedCount)),
            ]
            for (name, number) in numbers {
                reply.bulk(name)
                reply.integer(number)
            }
            if let zone = job.zone {
                reply.bulk("zone")
                reply.bulk(zone.name)
            }
            if job.priority > .normal {
                reply.bulk("priority")
                reply.integer(Int64(job.priority.rawValue))
            }
            reply.bulk("fields")
            let mark = reply.mark()
            var texts = 0
            FieldList.forEachText(in: job.fields[...]) {
                reply.bulk($0)
                texts += 1
            }
            reply.array(texts, since: mark)
        }
    }

    fileprivate static func isOffset(_ text: [UInt8]) -> Bool { offsetSeconds(text) != nil }

    /// `UTC`, `Z`, or a sign, two digits of hours and two of minutes, with or without a colon between.
    private static func offsetSeconds(_ text: [UInt8]) -> Int64? {
        let text = String(decoding: text, as: UTF8.self).uppercased()
        if text == "UTC" || text == "Z" { return 0 }
        let digits = text.dropFirst().filter { $0 != ":" }
        guard let sign = text.first, sign == "+" || sign == "-", digits.utf8.count == 4,
            digits.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }), let number = Int64(digits),
            number % 100 < 60, text.utf8.count == 5 || text.utf8.count == 6 && text.dropFirst(3).first == ":"
        else { return nil }
        let seconds = (number / 100 * 60 + number % 100) * 60
        guard seconds <= StreamJob.maximumOffsetSeconds else { return nil }
        return sign == "-" ? -seconds : seconds
    }
}

extension CommandEntry {
    /// The word that names a time zone which is to be replaced by its rules before the command goes into the log;
    /// `nil`: there is none.
    public func zoneWord(_ arguments: Arguments) -> Int? {
        optionWord(arguments) { index in
            arguments.matches(index, "TZ") && NamedZone.isName(arguments[index + 1])
                && !Keyspace.isOffset(arguments.array(index + 1))
        }.map { $0 + 1 }
    }

    /// What a member must read to carry the command out as others do.
    public func format(_ arguments: Arguments) -> KeyspaceRecord.Format {
        optionWord(arguments) { arguments.matches($0, "PRIORITY") } == nil ? .first : .jobPriorities
    }

    /// The first of a job's options that fits and has a word behind it.
    private func optionWord(_ arguments: Arguments, _ fits: (Int) -> Bool) -> Int? {
        guard flags.contains(.zoned) else { return nil }
        var index = 5
        while index + 1 < arguments.count, arguments.byte(index) != UInt8(ascii: "*") {
            if fits(index) { return index }
            index += arguments.matches(index, "TZRULES") ? 3 : 2
        }
        return nil
    }

    /// The command with rules in place of a zone's name: members whose machines know other rules, or none, compute the
    /// same moments.
    ///
    /// - Parameter word: from `zoneWord`.
    public static func withZone(_ arguments: Arguments, at word: Int, _ rules: ZoneRules) -> Arguments {
        var words = (0..<arguments.count).map { arguments.array($0) }
        words[word - 1] = Array("TZRULES".utf8)
        words.insert(rules.bytes, at: word + 1)
        return Arguments(words)
    }
}
