// SPDX-License-Identifier: Apache-2.0

/// Holds the history that a store tells against what its clients know.
///
/// The history of a round comes after the restart that follows it: by then each write has either happened or never
/// will. Every revision must be explained by one write or by the end of one lease, every acknowledged write must be
/// there at its revision, and no write twice. A value: no clock, no I/O.
struct HistoryChecker {
    /// Up to which revision the history was checked. A new store is at 1.
    private(set) var revision: Int64 = 1
    /// All of it.
    private(set) var events: [HistoryEvent] = []
    /// What the store must hold now.
    private(set) var keys: [String: StoredKey] = [:]
    private(set) var leases: [Int64: KnownLease] = [:]
    private(set) var violations: [String] = []

    /// How many were found; the messages end at a limit, since one fault may break everything.
    private static let violationsMax = 20

    mutating func report(_ violation: String) {
        if violations.count < Self.violationsMax { violations.append(violation) }
    }

    // MARK: A round

    /// The writes of a round that are not explained yet.
    private struct Round {
        var writes: [KnownWrite]
        var happened: [Bool]
        var byValue: [String: Int] = [:]
        var deletesByRevision: [Int64: Int] = [:]

        init(_ writes: [KnownWrite]) {
            self.writes = writes
            happened = Array(repeating: false, count: writes.count)
            for (index, write) in writes.enumerated() {
                for put in write.puts { byValue[put.value] = index }
                if write.puts.isEmpty, case .made(let revision) = write.outcome { deletesByRevision[revision] = index }
            }
        }
    }

    /// Checks what was added to the history, up to the store's revision `current`.
    ///
    /// - Parameters:
    ///   - leases: what is known of all leases of the round, older ones too.
    ///   - added: all events after the last checked revision, in the order they came.
    mutating func check(
        _ writes: [KnownWrite], leases known: [KnownLease], added: [HistoryEvent], current: Int64,
        now: ContinuousClock.Instant
    ) {
        for lease in known { leases[lease.id] = lease }
        var round = Round(writes)
        var rest = added[...]
        while let first = rest.first {
            let same = rest.prefix { $0.revision == first.revision }
            rest = rest.dropFirst(same.count)
            if first.revision != revision + 1 {
                report("revision \(first.revision) follows revision \(revision)")
            }
            explain(Array(same), &round, now)
            apply(same)
            revision = max(revision, first.revision)
        }
        if revision != current { report("the history ends at \(revision), but the store is at \(current)") }
        for (write, happened) in zip(round.writes, round.happened) {
            if case .made(let revision) = write.outcome, !happened {
                let end = "the store is at \(current)"
                report("acknowledged at revision \(revision), and lost: \(Self.text(write)); \(end)")
            }
        }
    }

    private mutating func explain(_ events: [HistoryEvent], _ round: inout Round, _ now: ContinuousClock.Instant) {
        let revision = events[0].revision
        if let put = events.first(where: { $0.value != nil }), let value = put.value {
            guard let index = round.byValue[value] else {
                let isOld = self.events.contains { $0.value == value }
                let why = isOld ? "as another did before" : "which nobody wrote since the last check"
                return report("revision \(revision) puts \(Self.text(value)) into \(put.key), \(why)")
            }
            return settle(index, events, &round)
        }
        if let index = round.deletesByRevision[revision] { return settle(index, events, &round) }
        if let lease = lease(endedBy: events) {
            if leases[lease]?.mayEnd(at: now) != true {
                report("lease \(lease) ended too early, at revision \(revision)")
            }
            leases[lease]?.existence = .gone
            return
        }
        let unknown = round.writes.indices.first {
            round.writes[$0].puts.isEmpty && round.writes[$0].outcome == .unknown && !round.happened[$0]
                && expected(round.writes[$0], at: revision) == Set(events.map(Self.bare))
        }
        guard let unknown else {
            return report("revision \(revision) deletes \(events.map(\.key)), and nobody asked for it")
        }
        settle(unknown, events, &round)
    }

    /// These events are said to be this write.
    private mutating func settle(_ index: Int, _ events: [HistoryEvent], _ round: inout Round) {
        let write = round.writes[index]
        let revision = events[0].revision
        if round.happened[index] { report("happened again at revision \(revision): \(Self.text(write))") }
        round.happened[index] = true
        switch write.outcome {
        case .made(revision), .unknown: break
        case .made(let other):
            report("acknowledged at revision \(other), but is at \(revision): \(Self.text(write))")
        case .nothing: report("should have done nothing, but made revision \(revision): \(Self.text(write))")
        }
        if let condition = write.condition, keys[condition.key]?.modRevision ?? 0 != condition.modRevision {
            report("its condition did not hold at revision \(revision): \(Self.text(write))")
        }
        if expected(write, at: revision) != Set(events.map(Self.bare)) || Set(events.map(\.key)).count != events.count {
            report("revision \(revision) is a part of, or more than: \(Self.text(write)): \(events.map(\.key))")
        }
    }

    /// What the write makes of the store as it stands, without versions.
    private func expected(_ write: KnownWrite, at revision: Int64) -> Set<HistoryEvent> {
        var result: Set<HistoryEvent> = []
        for put in write.puts {
            result.insert(HistoryEvent(revision: revision, key: put.key, value: put.value, lease: put.lease))
        }
        for key in write.deletes where keys[key] != nil { result.insert(HistoryEvent(revision: revision, key: key)) }
        return result
    }

    private static func bare(_ event: HistoryEvent) -> HistoryEvent {
        HistoryEvent(
            revision: event.revision, key: event.key, value: event.value, lease: event.value == nil ? 0 : event.lease)
    }

    /// The lease whose keys these deletions are, all of them.
    private func lease(endedBy events: [HistoryEvent]) -> Int64? {
        guard let lease = keys[events[0].key]?.lease, lease != 0 else { return nil }
        return Set(keys(of: lease)) == Set(events.map(\.key)) ? lease : nil
    }

    func keys(of lease: Int64) -> [String] {
        keys.filter { $0.value.lease == lease }.map(\.key).sorted()
    }

    private mutating func apply(_ events: ArraySlice<HistoryEvent>) {
        for event in events {
            self.events.append(event)
            let before = keys[event.key]
            guard let value = event.value else {
                if before == nil { report("revision \(event.revision) deletes \(event.key), which isn't there") }
                keys[event.key] = nil
                continue
            }
            let after = StoredKey(
                value: value, createRevision: before?.createRevision ?? event.revision, modRevision: event.revision,
                version: (before?.version ?? 0) + 1, lease: event.lease)
            if event.createRevision != after.createRevision || event.version != after.version {
                let wanted = "version \(after.version) since \(after.createRevision)"
                let found = "\(event.version) since \(event.createRevision)"
                report("revision \(event.revision) of \(event.key) should have \(wanted), but has \(found)")
            }
            if event.lease != 0, leases[event.lease]?.existence == .gone {
                report("revision \(event.revision) puts \(event.key) under lease \(event.lease), which has ended")
            }
            keys[event.key] = after
        }
    }

    // MARK: Reads

    /// Checks all that the store holds at its newest revision.
    mutating func check(contents: [String: StoredKey], at current: Int64) {
        compare(contents, keys, at: current)
    }

    /// Checks all with a prefix that the store held at an old revision.
    mutating func check(contents: [String: StoredKey], of prefix: String, atOld revision: Int64) {
        var past: [String: StoredKey] = [:]
        for event in events.prefix(while: { $0.revision <= revision }) where event.key.hasPrefix(prefix) {
            past[event.key] = event.value.map {
                StoredKey(
                    value: $0, createRevision: event.createRevision, modRevision: event.revision,
                    version: event.version, lease: event.lease)
            }
        }
        compare(contents, past, at: revision)
    }

    private mutating func compare(_ found: [String: StoredKey], _ wanted: [String: StoredKey], at revision: Int64) {
        for key in Set(found.keys).union(wanted.keys).sorted() where found[key] != wanted[key] {
            let values = "\(Self.text(found[key])) in \(key), not \(Self.text(wanted[key]))"
            report("a read at revision \(revision) finds \(values)")
        }
    }

    /// Checks the leases that the store has, by number with the keys of those that were asked about.
    ///
    /// - Parameter isQuiet: Whether no lease can have ended since the last checked revision.
    mutating func check(leases present: [Int64: [String]?], now: ContinuousClock.Instant, isQuiet: Bool) {
        for lease in leases.values.sorted(by: { $0.id < $1.id }) {
            guard let found = present[lease.id] else {
                if lease.existence == .granted, !lease.mayEnd(at: now) { report("lease \(lease.id) is lost") }
                if isQuiet, !keys(of: lease.id).isEmpty { report("lease \(lease.id) is gone without its keys") }
                if lease.existence != .unknown || !lease.isRepeated { leases[lease.id]?.existence = .gone }
                continue
            }
            if lease.revoke == .done { report("lease \(lease.id) was revoked, and is back") }
            if lease.existence == .gone { report("lease \(lease.id) had ended, and is back") }
            leases[lease.id]?.existence = .granted
            if let found, found != keys(of: lease.id) {
                report("lease \(lease.id) has the keys \(found), not \(keys(of: lease.id))")
            }
        }
        for id in present.keys.sorted() where leases[id] == nil { report("nobody asked for lease \(id)") }
    }

    /// Checks what a watch has delivered so far, beginning behind what was compared before.
    mutating func check(watched: ArraySlice<HistoryEvent>) {
        for (index, event) in zip(watched.indices, watched) where event.revision <= revision {
            if !events.indices.contains(index) || events[index] != event {
                let wanted = events.indices.contains(index) ? Self.text(events[index]) : "nothing"
                return report("a watch delivered \(Self.text(event)) where the history has \(wanted)")
            }
        }
    }

    // MARK: Text

    private static func text(_ value: String) -> String {
        value.count > 40 ? "\(value.prefix(40))… (\(value.utf8.count) bytes)" : value
    }

    private static func text(_ key: StoredKey?) -> String {
        guard let key else { return "nothing" }
        let numbers = "\(key.createRevision), \(key.modRevision), version \(key.version), lease \(key.lease)"
        return "\(text(key.value)) (\(numbers))"
    }

    private static func text(_ event: HistoryEvent) -> String {
        "\(event.key) = \(event.value.map { text($0) } ?? "deleted") at \(event.revision)"
    }

    private static func text(_ write: KnownWrite) -> String {
        let puts = write.puts.map { "\($0.key) = \(text($0.value))" + ($0.lease == 0 ? "" : " lease \($0.lease)") }
        let condition = write.condition.map { "if \($0.key) is of \($0.modRevision): " } ?? ""
        return condition + (puts + write.deletes.map { "delete \($0)" }).joined(separator: ", ")
    }
}
