// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdClient

extension CrashedStore {
    /// How long the store may take for what takes it milliseconds.
    private static let answerLimit: Duration = .seconds(180)
    /// How long a lease may live on: a restart gives it its whole time again, and expiry has its own pace.
    private static let expiryLimit: Duration = .seconds(180)
    private static let spotChecks = 5
    private static let statusChecks = 10

    /// Holds what the restarted store tells against what the clients of the last round know.
    mutating func checkHistory(isQuiet: Bool) async throws {
        let round = recorder.takeRound()
        for violation in round.violations { checker.report(violation) }
        let all = try await client.get(.all)
        if all.revision < recorder.revision {
            checker.report("the revision went back from \(recorder.revision) to \(all.revision)")
        }
        let added = try await Self.history(client, from: checker.revision + 1, to: all.revision)
        checker.check(round.writes, leases: recorder.leases, added: added, current: all.revision, now: .now)
        checker.check(contents: Self.contents(all), at: all.revision)
        try await checkOldRevisions()
        try await checkLeases(isQuiet: isQuiet)
        checkTape()
    }

    /// What comes when nothing is killed any more: short leases end, the long watch catches up, and all of the history
    /// is still there.
    mutating func checkEnd() async throws {
        let clock = ContinuousClock.now
        var late: [KnownLease] = []
        repeat {
            try await Task.sleep(for: .milliseconds(50))
            let present = Set(try await client.leases().map(\.rawValue))
            late = recorder.leases.filter {
                $0.ttlSeconds < Writer.longTTLSeconds && $0.id != KeptLease.id && present.contains($0.id)
            }
        } while !late.isEmpty && clock.duration(to: .now) < Self.expiryLimit
        if !late.isEmpty { checker.report("leases don't end: \(late)") }
        try await checkHistory(isQuiet: true)

        let everything = try await Self.history(client, from: 1, to: checker.revision)
        if everything != checker.events {
            checker.report("the history from revision 1 is not the one that was told piece by piece")
        }
        let end = ContinuousClock.now + Self.answerLimit
        while tape.count < checker.events.count, tape.problem == nil, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(10))
        }
        checkTape()
        if watched < checker.events.count {
            checker.report("a watch stopped after \(watched) of \(checker.events.count) events")
        }
    }

    private static func contents(_ result: EtcdGetResult) -> [String: StoredKey] {
        Dictionary(uniqueKeysWithValues: result.keyValues.map { ($0.keyText, StoredKey($0)) })
    }

    /// All events of these revisions, by a watch of its own.
    private static func history(_ client: EtcdClient, from first: Int64, to last: Int64) async throws -> [HistoryEvent]
    {
        guard first <= last else { return [] }
        return try await within(answerLimit, "watching revisions \(first) to \(last)") {
            var events: [HistoryEvent] = []
            for try await batch in client.watch(.all, from: first) {
                events += batch.events.map { HistoryEvent($0) }
                // A watch that has come to the end tells so even if the last revisions are missing.
                if batch.events.isEmpty ? batch.revision >= last : events.last?.revision ?? 0 >= last { break }
            }
            return events.filter { $0.revision <= last }
        }
    }

    /// Reads some of what was written long ago, at its own revision.
    private mutating func checkOldRevisions() async throws {
        guard !checker.events.isEmpty else { return }
        for _ in 0..<Self.spotChecks {
            guard let event = checker.events.randomElement(using: &random), let value = event.value else { continue }
            let found = try await client.get(.key(event.key)) { $0.revision = event.revision }
            let keys = found.keyValues.map { StoredKey($0) }
            if keys.map(\.value) != [value] || keys.first?.modRevision != event.revision {
                checker.report("a read of \(event.key) at revision \(event.revision) finds \(keys)")
            }
        }
        let revision = Int64.random(in: 2...max(checker.revision, 2), using: &random)
        let prefix = "hot/"
        let found = try await client.get(.prefix(prefix)) { $0.revision = revision }
        checker.check(contents: Self.contents(found), of: prefix, atOld: revision)
    }

    private mutating func checkLeases(isQuiet: Bool) async throws {
        let now = ContinuousClock.now
        let ids = try await client.leases().map(\.rawValue)
        var present: [Int64: [String]?] = Dictionary(uniqueKeysWithValues: ids.map { ($0, .none) })
        for id in ids.shuffled(using: &random).prefix(Self.statusChecks) {
            do {
                let status = try await client.leaseStatus(EtcdLeaseID(rawValue: id), withKeys: true)
                if status.remainingSeconds > status.grantedSeconds {
                    checker.report("lease \(id) has \(status.remainingSeconds) s left of \(status.grantedSeconds) s")
                }
                present[id] = .some(status.keys.map { String(decoding: $0, as: UTF8.self) }.sorted())
            } catch let error as EtcdError where error.code == .leaseNotFound {
                // It ended meanwhile; that it might is checked with the next history.
                present[id] = .some(.none)
            }
        }
        // A lease that ends with keys moves the revision, and one may have ended since the history was read.
        let isStill = try await client.get(.key("none")).revision == checker.revision
        checker.check(leases: present, now: now, isQuiet: isQuiet && isStill)
        recorder.settle(gone: checker.leases.values.filter { $0.existence == .gone }.map(\.id))
    }

    private mutating func checkTape() {
        if let problem = tape.problem { checker.report("a watch ended: \(problem)") }
        let events = tape.events(from: watched)
        checker.check(watched: events)
        watched = min(events.endIndex, checker.events.count)
    }
}
