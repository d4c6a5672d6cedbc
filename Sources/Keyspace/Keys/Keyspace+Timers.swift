// SPDX-License-Identifier: Apache-2.0

import MartletStreams

/// When streams have something to do: a queue of moments, and of each stream the earliest that is in it. Follows from
/// the streams; what is in the queue of moments that have changed since is passed over when it comes up.
struct StreamTimers: Sendable {
    /// By place in `Keyspace.streams`: which key holds the stream, and when the queue has it next.
    private struct Row: Sendable {
        var key = KeyspaceChanges.Place(database: 0, place: -1)
        var dueAt: Int64?
        /// Of the stream that is to do it.
        var number: UInt64 = 0
    }

    private var rows: [Row] = []
    private(set) var queue = ExpiryQueue()

    /// A stream is new at this place.
    mutating func clear(_ stream: Int) {
        while rows.count <= stream { rows.append(Row()) }
        rows[stream] = Row()
    }

    mutating func setKey(_ stream: Int, database: Int, place: Int) {
        rows[stream].key = KeyspaceChanges.Place(database: Int32(database), place: Int32(place))
    }

    func key(of stream: Int) -> (database: Int, place: Int) {
        (Int(rows[stream].key.database), Int(rows[stream].key.place))
    }

    mutating func put(_ stream: Int, number: UInt64, due: Int64) {
        if let known = rows[stream].dueAt, known <= due { return }
        (rows[stream].dueAt, rows[stream].number) = (due, number)
        queue.put(ExpiryQueue.Item(moment: due, number: number, database: 0, place: Int32(stream)))
    }

    /// Takes the earliest away, if it is due; whether it is what the stream was put for last.
    mutating func take(upTo now: Int64) -> (item: ExpiryQueue.Item, isCurrent: Bool)? {
        guard let item = queue.earliest, item.moment <= now else { return nil }
        queue.removeEarliest()
        let stream = Int(item.place)
        guard rows[stream].dueAt == item.moment, rows[stream].number == item.number else { return (item, false) }
        rows[stream].dueAt = nil
        return (item, true)
    }
}

extension Keyspace {
    /// When something happens by itself next: a key expires, or a stream has something to do. In milliseconds of the
    /// Unix clock. May be too early, never too late.
    public var nextDue: Int64? {
        guard let key = expiries.earliest?.moment else { return timers.queue.earliest?.moment }
        return min(key, timers.queue.earliest?.moment ?? .max)
    }

    /// What streams do of themselves in one record at most, in entries: so that none takes long to apply, and one that
    /// is proposed every few milliseconds still moves some hundred thousand a second.
    public static let maximumDuePerRecord = 1000

    /// Does what is due; what a record does whose proposer saw `nextDue` pass. What is left is due still.
    public mutating func carryOutDue(now: Int64) {
        expireKeys(now: now)
        var left = Self.maximumDuePerRecord
        while left > 0, let (item, isCurrent) = timers.take(upTo: now) {
            let stream = Int(item.place)
            guard isCurrent, hasStream(stream, number: item.number) else { continue }
            // In the order of what streams have to do, not of what was in the queue: that is no part of the state.
            if ask(stream, { $0.nextDue }) == item.moment {
                left -= max(carryOutDue(stream, now: now, atMost: left), 1)
            }
            schedule(stream)
        }
    }

    /// - Returns: how much of the limit it took: no more blocks may be needed than `wantedBlocksDue` names.
    private mutating func carryOutDue(_ stream: Int, now: Int64, atMost limit: Int) -> Int {
        let (database, place) = timers.key(of: stream)
        let work = streams[stream].carryOutDue(now: now, limits: settings.blocks, atMost: limit)
        touch(place, in: database)
        let name = databases[database][place].name
        if work.appended > 0 {
            notify(.stream, "xadd", name, database)
            signalFilled(place, in: database)
        }
        if work.removedConsumers > 0 {
            notify(.stream, "xgroup-delconsumer", name, database)
            // What they held may be somebody else's now.
            signalFilled(place, in: database)
        }
        if work.ended > 0 {
            notify(.stream, "xdel", name, database)
            signalFollowers(stream, place, in: database)
        }
        if work.trimmed > 0 { notify(.stream, "xtrim", name, database) }
        return work.spent
    }

    /// Has a stream looked at when it has something to do; to be called whenever that may have become earlier.
    @inline(__always)
    mutating func schedule(_ stream: Int) {
        if let due = ask(stream, { $0.nextDue }) { timers.put(stream, number: streamNumbers[stream], due: due) }
    }

    /// As `schedule`, behind a trim, which may have left something to be done. Mostly it has not.
    @inline(__always)
    mutating func scheduleGone(_ stream: Int) {
        if ask(stream, { $0.endingCount }) > 0 { schedule(stream) }
    }

    /// Notes where the stream of a key is, if it holds one.
    mutating func settleStream(_ place: Int, in database: Int) {
        guard case .stream(let stream) = databases[database][place].value else { return }
        timers.setKey(stream, database: database, place: place)
        schedule(stream)
    }

    /// The blocks that `carryOutDue` asks for and that are not in memory.
    ///
    /// Goes through streams as that does, in the order of what they have to do, until as much is due as one record
    /// does: so however many streams and entries are due, it names what a thousand of them need. Complexity: O(streams
    /// looked at · log streams + entries).
    public func wantedBlocksDue(now: Int64) -> [WantedBlock] {
        guard mayLackBlocks else { return [] }
        var wanted: [WantedBlock] = []
        var left = Self.maximumDuePerRecord
        timers.forEachDue(upTo: now) { stream, number, moment in
            guard hasStream(stream, number: number), let due = look(at: stream, { $0.nextDue }) else { return .done }
            // It is put back for later, and perhaps for now.
            if due != moment { return due <= now ? .later(due) : .done }
            if streams[stream].absentCount > 0 {
                var demand = BlockDemand()
                streams[stream].demandDue(now: now, atMost: left, &demand)
                wanted += self.wanted(demand, of: stream)
            }
            let (database, place) = timers.key(of: stream)
            // One that expires at the same moment does nothing, and another comes in its place.
            if !databases[database][place].isExpired(at: now) {
                left -= max(min(streams[stream].dueCount(now: now, atMost: left), left), 1)
            }
            return left > 0 ? .done : .end
        }
        return wanted
    }
}

extension StreamTimers {
    /// What becomes of a walk through what is due.
    enum DueStep {
        case done
        /// The stream comes again at another moment that has passed.
        case later(Int64)
        case end
    }

    /// Calls `body` with the streams that are due, the numbers and the moments for which they were put last, in the
    /// order in which `take` would give them. Complexity: O(visited · log visited).
    func forEachDue(upTo now: Int64, _ body: (_ stream: Int, _ number: UInt64, _ moment: Int64) -> DueStep) {
        // Of the heap what may come next; and those that come again, of which the database says so.
        var next = ExpiryQueue()
        // One may be put twice for the same moment; then the first counts. Only searched.
        var seen: Set<Int> = []
        func add(_ place: Int) {
            guard let item = queue.item(at: place), item.moment <= now else { return }
            next.put(ExpiryQueue.Item(moment: item.moment, number: item.number, database: 0, place: Int32(place)))
        }
        add(0)
        while let item = next.earliest {
            next.removeEarliest()
            let isAgain = item.database == 1
            var stream = Int(item.place)
            if !isAgain {
                guard let known = queue.item(at: Int(item.place)) else { continue }
                stream = Int(known.place)
                add(2 * Int(item.place) + 1)
                add(2 * Int(item.place) + 2)
                guard rows[stream].dueAt == item.moment, rows[stream].number == item.number,
                    seen.insert(stream).inserted
                else { continue }
            }
            switch body(stream, item.number, item.moment) {
            case .done: continue
            case .later(let moment):
                next.put(
                    ExpiryQueue.Item(moment: moment, number: item.number, database: 1, place: Int32(stream)))
            case .end: return
            }
        }
    }
}
