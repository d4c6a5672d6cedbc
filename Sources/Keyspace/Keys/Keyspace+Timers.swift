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
    package var nextDue: Int64? {
        guard let key = expiries.earliest?.moment else { return timers.queue.earliest?.moment }
        return min(key, timers.queue.earliest?.moment ?? .max)
    }

    /// What streams do of themselves in one record at most, in entries: so that none takes long to apply, and one that
    /// is proposed every few milliseconds still moves some hundred thousand a second.
    package static let maximumDuePerRecord = 1000

    /// Does what is due; what a record does whose proposer saw `nextDue` pass. What is left is due still.
    package mutating func carryOutDue(now: Int64) {
        expireKeys(now: now)
        var left = Self.maximumDuePerRecord
        while left > 0, let (item, isCurrent) = timers.take(upTo: now) {
            let stream = Int(item.place)
            guard isCurrent, streams[stream] != nil, streamNumbers[stream] == item.number else { continue }
            // In the order of what streams have to do, not of what was in the queue: that is no part of the state.
            if streams[stream]!.nextDue == item.moment { left -= max(carryOutDue(stream, now: now, atMost: left), 1) }
            schedule(stream)
        }
    }

    /// - Returns: how much of the limit it took: no more blocks may be needed than `wantedBlocksDue` names.
    private mutating func carryOutDue(_ stream: Int, now: Int64, atMost limit: Int) -> Int {
        let (database, place) = timers.key(of: stream)
        let work = streams[stream]!.carryOutDue(now: now, limits: settings.blocks, atMost: limit)
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
        if let due = streams[stream]!.nextDue { timers.put(stream, number: streamNumbers[stream], due: due) }
    }

    /// Notes where the stream of a key is, if it holds one.
    mutating func settleStream(_ place: Int, in database: Int) {
        guard case .stream(let stream) = databases[database][place].value else { return }
        timers.setKey(stream, database: database, place: place)
        schedule(stream)
    }

    /// The blocks that `carryOutDue` asks for and that are not in memory.
    package func wantedBlocksDue(now: Int64) -> [WantedBlock] {
        guard mayLackBlocks else { return [] }
        var wanted: [WantedBlock] = []
        var known: Set<WantedBlock> = []
        timers.queue.forEach(upTo: now) { item in
            let stream = Int(item.place)
            guard streams[stream] != nil, streamNumbers[stream] == item.number, streams[stream]!.absentCount > 0 else {
                return
            }
            var demand = BlockDemand()
            streams[stream]!.demandDue(now: now, atMost: Self.maximumDuePerRecord, &demand)
            for block in self.wanted(demand, of: stream) where known.insert(block).inserted { wanted.append(block) }
        }
        return wanted
    }
}

extension ExpiryQueue {
    /// Calls `body` with all items up to a moment, in no order. Complexity: O(their number).
    func forEach(upTo moment: Int64, _ body: (Item) -> Void) {
        var places = [0]
        while let place = places.popLast() {
            guard let item = item(at: place), item.moment <= moment else { continue }
            body(item)
            places += [2 * place + 1, 2 * place + 2]
        }
    }
}
