// SPDX-License-Identifier: Apache-2.0

import MartletStreams

/// A stream as an array and dictionaries: what a `Stream` must agree with.
struct Twin {
    struct Entry {
        var id: StreamID
        var fields: FieldList
        var block: Int
    }

    struct Pending: Equatable {
        var consumer: String?
        var deliveredAt: Int64
        var count: Int64
        /// The order in which nobody's entries were given back.
        var ticket: Int
    }

    struct Consumer: Equatable {
        var seenAt: Int64
        var activeAt: Int64?
    }

    struct Group {
        var last: StreamID
        var read: Int64?
        var pending: [StreamID: Pending] = [:]
        var consumers: [String: Consumer] = [:]

        /// IDs by age: nobody's by ticket, then by moment and ID.
        var byAge: [StreamID] {
            pending.keys.sorted { left, right in
                let (one, other) = (pending[left]!, pending[right]!)
                if (one.consumer == nil) != (other.consumer == nil) { return one.consumer == nil }
                if one.consumer == nil { return one.ticket < other.ticket }
                return (one.deliveredAt, left) < (other.deliveredAt, right)
            }
        }
    }

    var entries: [Entry] = []
    var last = StreamID.zero
    var maxDeleted = StreamID.zero
    var added: Int64 = 0
    var block = 0
    var blockGiven = 0
    /// IDs in each block, deleted ones included as long as they keep their place.
    var physical: [Int: [StreamID]] = [:]
    var groups: [String: Group] = [:]
    var tickets = 0

    func index(_ id: StreamID) -> Int? { entries.firstIndex { $0.id == id } }

    mutating func append(_ id: StreamID, _ fields: FieldList, blockEntries: Int) {
        if blockGiven >= blockEntries || !entries.contains(where: { $0.block == block }) {
            block += 1
            blockGiven = 0
        }
        blockGiven += 1
        entries.append(Entry(id: id, fields: fields, block: block))
        physical[block, default: []].append(id)
        last = id
        added += 1
    }

    func isNeeded(_ id: StreamID) -> Bool {
        groups.values.contains { $0.last < id || $0.pending[id] != nil }
    }

    mutating func dropReferences(_ id: StreamID) {
        for name in groups.keys { groups[name]!.pending[id] = nil }
    }

    mutating func delete(_ id: StreamID, _ policy: ReferencePolicy) -> DeleteOutcome {
        guard let index = index(id) else {
            if policy == .delete { dropReferences(id) }
            return .notFound
        }
        if policy == .acknowledged, isNeeded(id) { return .kept }
        let block = entries.remove(at: index).block
        maxDeleted = max(maxDeleted, id)
        clean(block)
        if policy == .delete { dropReferences(id) }
        return .deleted
    }

    /// Deleted entries go when they are half of their block.
    private mutating func clean(_ block: Int) {
        let live = entries.filter { $0.block == block }.map(\.id)
        if live.isEmpty {
            physical[block] = nil
        } else if live.count * 2 <= physical[block]!.count {
            physical[block] = live
        }
    }

    mutating func trim(_ trim: Trim) -> Int {
        func isSurplus(_ entry: Entry) -> Bool {
            switch trim.strategy {
            case .maximumLength(let count): entries.count > count
            case .minimumID(let id): entry.id < id
            }
        }
        var removed = 0
        var place = 0
        func removeAt(_ place: Int) -> StreamID {
            let id = entries[place].id
            entries.remove(at: place)
            return id
        }
        while place < entries.count {
            let block = entries[place].block
            let members = entries.filter { $0.block == block }
            if trim.isApproximate {
                // Only what would go as a whole is looked at.
                switch trim.strategy {
                case .maximumLength(let count):
                    if entries.count <= count || entries.count - members.count < count { return removed }
                case .minimumID(let id):
                    if physical[block]!.last! >= id { return removed }
                }
                if let limit = trim.limit, removed + members.count > limit { return removed }
            }
            defer { clean(block) }
            for member in members {
                guard isSurplus(member) else { return removed }
                if trim.policy == .acknowledged, isNeeded(member.id) {
                    place += 1
                    continue
                }
                let id = removeAt(place)
                removed += 1
                if trim.policy == .delete { dropReferences(id) }
            }
        }
        return removed
    }

    // MARK: Groups

    func derivedRead(_ id: StreamID) -> Int64? {
        if added == 0 { return 0 }
        if entries.isEmpty, id <= last { return added }
        if id != .zero, id < maxDeleted { return nil }
        if id == last { return added }
        guard id < last, let first = entries.first?.id, maxDeleted < first else { return nil }
        if id < first { return added - Int64(entries.count) }
        return id == first ? added - Int64(entries.count) + 1 : nil
    }

    mutating func see(_ consumer: String, _ group: String, now: Int64) -> Bool {
        let isNew = groups[group]!.consumers[consumer] == nil
        groups[group]!.consumers[consumer, default: Consumer(seenAt: now)].seenAt = now
        return isNew
    }

    mutating func read(
        _ group: String, _ consumer: String, count: Int, claimIdle: Int64?, isAcknowledged: Bool, now: Int64
    ) -> [(StreamID, Int64, Int64)] {
        var found: [(StreamID, Int64, Int64)] = []
        if let claimIdle {
            for id in groups[group]!.byAge where found.count < count && index(id) != nil {
                let pending = groups[group]!.pending[id]!
                guard pending.consumer == nil || pending.deliveredAt <= now - claimIdle else { continue }
                found.append((id, now - pending.deliveredAt, pending.count))
            }
            for (id, _, count) in found {
                let next = count == .max ? count : count + 1
                groups[group]!.pending[id] = Pending(consumer: consumer, deliveredAt: now, count: next, ticket: 0)
                groups[group]!.consumers[consumer]!.activeAt = now
            }
        }
        for entry in entries where entry.id > groups[group]!.last && found.count < count {
            let state = groups[group]!
            if let read = state.read, let first = entries.first?.id, state.last >= first, maxDeleted < state.last {
                groups[group]!.read = read + 1
            } else {
                groups[group]!.read = derivedRead(entry.id)
            }
            groups[group]!.last = entry.id
            found.append((entry.id, 0, 0))
            if isAcknowledged { continue }
            groups[group]!.pending[entry.id] = Pending(consumer: consumer, deliveredAt: now, count: 1, ticket: 0)
            groups[group]!.consumers[consumer]!.activeAt = now
        }
        return found
    }

    mutating func history(
        _ group: String, _ consumer: String, after id: StreamID, count: Int, now: Int64
    ) -> [(StreamID, Bool)] {
        let ids = groups[group]!.pending.filter { $0.value.consumer == consumer && $0.key > id }.keys.sorted()
        return ids.prefix(max(count, 0)).map { id in
            guard index(id) != nil else { return (id, false) }
            let count = groups[group]!.pending[id]!.count
            groups[group]!.pending[id]!.count = count == .max ? count : count + 1
            groups[group]!.pending[id]!.deliveredAt = now
            return (id, true)
        }
    }

    mutating func claim(
        _ ids: [StreamID], _ group: String, _ consumer: String, _ options: ClaimOptions, now: Int64
    ) -> (claimed: [StreamID], removed: [StreamID]) {
        var result: (claimed: [StreamID], removed: [StreamID]) = ([], [])
        if let last = options.lastDeliveredID { groups[group]!.last = max(groups[group]!.last, last) }
        for id in ids {
            let old = groups[group]!.pending[id]
            if old == nil, !options.isForced { continue }
            if index(id) == nil {
                if old != nil { result.removed.append(id) }
                groups[group]!.pending[id] = nil
                continue
            }
            if let old, now - old.deliveredAt < options.minimumIdle { continue }
            var moment = now
            switch options.moment {
            case .current: break
            case .idle(let idle): moment = now - idle
            case .at(let at): moment = at
            }
            if moment < 0 || moment > now { moment = now }
            var count = old?.count ?? 1
            if let set = options.deliveryCount, set >= 0 {
                count = set
            } else if !options.isIDOnly, count < .max {
                count += 1
            }
            groups[group]!.pending[id] = Pending(consumer: consumer, deliveredAt: moment, count: count, ticket: 0)
            groups[group]!.consumers[consumer]!.activeAt = now
            result.claimed.append(id)
        }
        return result
    }

    mutating func autoclaim(
        _ start: StreamID, count: Int, _ group: String, _ consumer: String, idle: Int64, isIDOnly: Bool, now: Int64
    ) -> (claimed: [StreamID], removed: [StreamID], next: StreamID) {
        var result: (claimed: [StreamID], removed: [StreamID], next: StreamID) = ([], [], .zero)
        var options = ClaimOptions(minimumIdle: idle)
        options.isIDOnly = isIDOnly
        var attempts = count * 10
        for id in groups[group]!.pending.keys.sorted() where id >= start {
            if attempts == 0 || result.claimed.count + result.removed.count == count {
                result.next = id
                break
            }
            attempts -= 1
            let part = claim([id], group, consumer, options, now: now)
            result.claimed += part.claimed
            result.removed += part.removed
        }
        return result
    }

    mutating func release(
        _ ids: [StreamID], _ group: String, _ mode: ReleaseMode, count: Int64?, isForced: Bool
    ) -> Int {
        var released = 0
        for id in ids {
            let old = groups[group]!.pending[id]
            if old == nil, !isForced || index(id) == nil { continue }
            var pending = Pending(consumer: nil, deliveredAt: 0, count: old?.count ?? 0, ticket: tickets)
            if let old, old.consumer == nil { pending.ticket = old.ticket } else { tickets += 1 }
            switch mode {
            case .silent: pending.count = max(pending.count - 1, 0)
            case .fail: break
            case .fatal: pending.count = .max
            }
            if let count { pending.count = count }
            groups[group]!.pending[id] = pending
            released += 1
        }
        return released
    }
}
