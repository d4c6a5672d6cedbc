// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// What puts entries into a stream again and again, each once.
public struct StreamJob: Hashable, Sendable {
    public let name: [UInt8]
    /// See `CronExpression`.
    public let schedule: [UInt8]
    /// How far the schedule's clock is ahead of UTC, without a zone.
    public let offsetSeconds: Int64
    /// Whose clocks the schedule is of.
    public let zone: NamedZone?
    /// A run that is later than this, in milliseconds, is left out: nobody wants those of a week when a server was off.
    public let grace: Int64
    /// Of its entries.
    public let priority: EntryPriority
    /// When it ran last, in milliseconds of the Unix clock: the moment that was due.
    public internal(set) var lastRun: Int64?
    public internal(set) var runCount: UInt64 = 0
    public internal(set) var skippedCount: UInt64 = 0
    /// Names and values of its entries, in the form of `FieldList`.
    public let fields: [UInt8]

    /// A day.
    public static let defaultGrace: Int64 = 86_400_000
    /// The farthest from UTC that a place on earth is, and some more.
    public static let maximumOffsetSeconds: Int64 = 18 * 3600
    static let offsetRange = -maximumOffsetSeconds...maximumOffsetSeconds

    public init(
        name: [UInt8], schedule: [UInt8], offsetSeconds: Int64 = 0, zone: NamedZone? = nil,
        grace: Int64 = Self.defaultGrace, priority: EntryPriority = .normal, fields: [UInt8]
    ) {
        self.name = name
        self.schedule = schedule
        self.offsetSeconds = zone == nil ? offsetSeconds : 0
        self.zone = zone
        self.grace = grace
        self.priority = priority
        self.fields = fields
    }

    func next(after moment: Int64) -> Int64? {
        guard let schedule = CronExpression(schedule) else { return nil }
        guard let zone else { return schedule.next(after: moment, offsetSeconds: offsetSeconds) }
        return schedule.next(after: moment, in: zone.rules)
    }

    // MARK: In a queue of moments

    /// Stands for an offset where a zone follows: its name and its rules, as texts.
    private static let zoneMark = maximumOffsetSeconds + 1
    /// Stands in front of an offset or a zone where the priority, which follows it, isn't the usual one.
    private static let priorityMark = zoneMark + 1

    /// Texts name and schedule, priority, offset (signed) or zone, grace, last run plus one (0: none), runs, skipped
    /// runs; the fields to the end.
    var content: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(text: name)
        bytes.append(text: schedule)
        if priority > .normal {
            Varint.append(signed: Self.priorityMark, to: &bytes)
            bytes.append(priority.rawValue)
        }
        Varint.append(signed: zone == nil ? offsetSeconds : Self.zoneMark, to: &bytes)
        if let zone {
            bytes.append(text: zone.name)
            bytes.append(text: zone.rules.bytes)
        }
        Varint.append(UInt64(grace), to: &bytes)
        Varint.append(lastRun.map { UInt64(max($0, 0)) + 1 } ?? 0, to: &bytes)
        Varint.append(runCount, to: &bytes)
        Varint.append(skippedCount, to: &bytes)
        return bytes + fields
    }

    /// `nil` if the bytes are no job.
    init?(content bytes: RawSpan) {
        var reader = RecordReader()
        guard let name = reader.text(bytes), let schedule = reader.text(bytes), var offset = reader.signed(bytes) else {
            return nil
        }
        var priority = EntryPriority.normal
        if offset == Self.priorityMark {
            guard let number = reader.number(bytes), let rank = UInt8(exactly: number),
                let urgent = EntryPriority(rawValue: rank), urgent > .normal, let next = reader.signed(bytes)
            else { return nil }
            (priority, offset) = (urgent, next)
        }
        var zone: NamedZone?
        if offset == Self.zoneMark {
            guard let place = reader.text(bytes), NamedZone.isName(place),
                let rules = reader.text(bytes).flatMap({ ZoneRules(decoding: $0) })
            else { return nil }
            zone = NamedZone(name: place, rules: rules)
        }
        guard let grace = reader.natural(bytes), let last = reader.natural(bytes), let runs = reader.number(bytes),
            let skipped = reader.number(bytes), CronExpression(schedule) != nil,
            zone != nil || Self.offsetRange.contains(offset),
            FieldList.shape(of: bytes.extracting(droppingFirst: reader.offset)) != nil
        else { return nil }
        self.init(
            name: name, schedule: schedule, offsetSeconds: offset, zone: zone, grace: grace, priority: priority,
            fields: [UInt8](copying: bytes.extracting(droppingFirst: reader.offset)))
        lastRun = last == 0 ? nil : last - 1
        (runCount, skippedCount) = (runs, skipped)
    }
}

extension Stream {
    /// Jobs of one stream at most: each is looked at when its moment comes.
    public static let maximumJobCount = 10_000

    public var jobCount: Int { jobs.count }

    /// Sets a job. One of this name that recurs at the same moments goes on as it was, with other fields and another
    /// priority: so whoever starts may say each time what is to recur.
    ///
    /// - Returns: when it is due next.
    /// - Throws: `scheduleIsEmpty` for one that never comes; `tooManyTimed`, `elementsTooLarge`.
    public mutating func setJob(_ job: StreamJob, now: Int64) throws(StreamError) -> Int64 {
        guard let shape = FieldList.shape(of: job.fields.span.bytes) else {
            preconditionFailure("fields are not packed")
        }
        if shape.contentBytes > FieldList.maximumContentBytes { throw .elementsTooLarge }
        guard let next = job.next(after: now) else { throw .scheduleIsEmpty }
        if let id = jobNames[job.name], let content = jobs.remove(id),
            let old = StreamJob(content: content.span.bytes)
        {
            var job = job
            (job.lastRun, job.runCount, job.skippedCount) = (old.lastRun, old.runCount, old.skippedCount)
            let isSame = (old.schedule, old.offsetSeconds) == (job.schedule, job.offsetSeconds) && old.zone == job.zone
            let due = isSame ? Int64(clamping: id.milliseconds) : next
            putJob(job, StreamID(UInt64(max(due, 0)), id.sequence))
            return due
        }
        guard jobs.count < Self.maximumJobCount else { throw .tooManyTimed }
        nextTimedNumber += 1
        putJob(job, StreamID(UInt64(max(next, 0)), nextTimedNumber))
        return next
    }

    private mutating func putJob(_ job: StreamJob, _ id: StreamID) {
        jobs.put(id, job.content)
        jobNames[job.name] = id
    }

    /// Whether there was such a job.
    public mutating func removeJob(_ name: [UInt8]) -> Bool {
        guard let id = jobNames.removeValue(forKey: name) else { return false }
        return jobs.remove(id) != nil
    }

    /// Jobs and when they are due, the next one first.
    public var allJobs: [(job: StreamJob, due: Int64)] {
        var all: [(job: StreamJob, due: Int64)] = []
        jobs.forEach { id, content in
            if let job = StreamJob(content: content.span.bytes) { all.append((job, Int64(clamping: id.milliseconds))) }
            return true
        }
        return all
    }

    /// Runs the job that is due first: an entry that says which and when it was due, and the job's next moment.
    mutating func runJob(now: Int64, _ limits: BlockLimits, _ work: inout DueWork) {
        guard let id = jobs.earliest, let content = jobs.remove(id),
            var job = StreamJob(content: content.span.bytes)
        else {
            preconditionFailure("no job is due")
        }
        let due = Int64(clamping: id.milliseconds)
        let oldest = now.subtractingReportingOverflow(job.grace)
        var next: Int64?
        if !oldest.overflow, due < oldest.partialValue {
            // The first that isn't too late; what recurs by intervals keeps no step with those that are left out.
            job.skippedCount &+= 1
            next = job.next(after: oldest.partialValue - 1)
        } else {
            var fields: [UInt8] = []
            for (name, value) in [("Cron-Job", job.name), ("Cron-Due", Array("\(due)".utf8))] {
                fields.append(text: Array(name.utf8))
                fields.append(text: value)
            }
            fields += job.fields
            // Where no more entries may be urgent it comes as others do.
            let priority = canPrioritizeMore ? job.priority : .normal
            // A stream that has used its last ID takes nothing any more.
            _ = try? append(.automatic, fields: fields.span.bytes, limits: limits, now: due, priority: priority)
            job.lastRun = due
            job.runCount &+= 1
            next = job.next(after: due)
            work.appended += 1
        }
        if let next {
            putJob(job, StreamID(UInt64(max(next, 0)), id.sequence))
        } else {
            jobNames[job.name] = nil
        }
    }
}
