// SPDX-License-Identifier: Apache-2.0

import Testing

/// Histories that are right, and each kind that isn't.
struct HistoryCheckerTests {
    private static let now = ContinuousClock.now

    /// Three writes, the last one of two keys and a deletion.
    private static let writes: [KnownWrite] = [
        KnownWrite(puts: [.init(key: "a", value: "1")], outcome: .made(2)),
        KnownWrite(puts: [.init(key: "a", value: "2", lease: 9)], outcome: .made(3)),
        KnownWrite(
            puts: [.init(key: "b", value: "3"), .init(key: "c", value: "4")], deletes: ["a", "none"],
            condition: .init(key: "a", modRevision: 3), outcome: .unknown),
    ]

    private static let events: [HistoryEvent] = [
        .init(revision: 2, key: "a", value: "1", createRevision: 2, version: 1),
        .init(revision: 3, key: "a", value: "2", createRevision: 2, version: 2, lease: 9),
        .init(revision: 4, key: "b", value: "3", createRevision: 4, version: 1),
        .init(revision: 4, key: "c", value: "4", createRevision: 4, version: 1),
        .init(revision: 4, key: "a", value: nil),
    ]

    private static let lease = KnownLease(id: 9, ttlSeconds: 60, existence: .granted, renewed: now)

    private static func violations(
        _ writes: [KnownWrite] = writes, _ events: [HistoryEvent] = events, current: Int64? = nil,
        leases: [KnownLease] = [lease]
    ) -> [String] {
        var checker = HistoryChecker()
        checker.check(
            writes, leases: leases, added: events, current: current ?? events.last?.revision ?? 1, now: now)
        return checker.violations
    }

    private static func changed<Value>(_ value: Value, _ change: (inout Value) -> Void) -> Value {
        var value = value
        change(&value)
        return value
    }

    @Test func aRightHistoryPasses() {
        #expect(Self.violations() == [])
        // What nobody was told of may be missing.
        #expect(Self.violations(Self.writes, Array(Self.events.prefix(2))) == [])
        #expect(Self.violations([], []) == [])
    }

    @Test func whatWasAcknowledgedIsThere() {
        let lost = Self.violations(Self.writes, Array(Self.events.prefix(1)))
        #expect(lost.count == 1)
        #expect(lost.first?.contains("acknowledged at revision 3, and lost") == true)
        #expect(!Self.violations(Self.writes, []).isEmpty)
        // At another revision than was said.
        #expect(!Self.violations(Self.changed(Self.writes) { $0[0].outcome = .made(3) }).isEmpty)
        // What was refused, or found nothing to do, happened.
        #expect(!Self.violations(Self.changed(Self.writes) { $0[2].outcome = .nothing }).isEmpty)
        // With another value.
        #expect(!Self.violations(Self.writes, Self.changed(Self.events) { $0[1].value = "other" }).isEmpty)
    }

    @Test func nothingHappensTwice() {
        let again = HistoryEvent(revision: 5, key: "a", value: "1", createRevision: 5, version: 1)
        #expect(!Self.violations(Self.writes, Self.events + [again]).isEmpty)
        // Nor in the next round.
        var checker = HistoryChecker()
        checker.check(Self.writes, leases: [Self.lease], added: Self.events, current: 4, now: Self.now)
        #expect(checker.violations == [])
        checker.check([], leases: [Self.lease], added: [again], current: 5, now: Self.now)
        #expect(checker.violations.first?.contains("as another did before") == true)
    }

    @Test func revisionsHaveNoGap() {
        let late = Self.changed(Array(Self.events.suffix(3))) { events in
            for index in events.indices { events[index].revision = 5 }
        }
        #expect(!Self.violations(Self.writes, Array(Self.events.prefix(2)) + Array(late)).isEmpty)
        #expect(!Self.violations(current: 6).isEmpty)
        #expect(!Self.violations(current: 3).isEmpty)
    }

    @Test func transactionsAreWhole() {
        for index in 2..<5 {
            #expect(!Self.violations(Self.writes, Self.changed(Self.events) { $0.remove(at: index) }).isEmpty)
        }
        let wrong = Self.changed(Self.writes) { $0[2].condition = .init(key: "a", modRevision: 2) }
        #expect(Self.violations(wrong).first?.contains("condition did not hold") == true)
    }

    @Test func versionsCount() {
        #expect(!Self.violations(Self.writes, Self.changed(Self.events) { $0[1].version = 1 }).isEmpty)
        #expect(!Self.violations(Self.writes, Self.changed(Self.events) { $0[1].createRevision = 3 }).isEmpty)
        #expect(!Self.violations(Self.writes, Self.changed(Self.events) { $0[1].lease = 0 }).isEmpty)
    }

    @Test func deletionsAreAskedFor() {
        let events = Array(Self.events.prefix(1)) + [HistoryEvent(revision: 3, key: "a", value: nil)]
        let writes = Array(Self.writes.prefix(1))
        #expect(Self.violations(writes, events).count == 1)
        for outcome in [KnownWrite.Outcome.unknown, .made(3)] {
            #expect(Self.violations(writes + [KnownWrite(deletes: ["a"], outcome: outcome)], events) == [])
        }
        #expect(!Self.violations(writes + [KnownWrite(deletes: ["a"], outcome: .nothing)], events).isEmpty)
    }

    @Test func leasesEndInTheirTime() {
        let events = Array(Self.events.prefix(2)) + [HistoryEvent(revision: 4, key: "a", value: nil)]
        let writes = Array(Self.writes.prefix(2))
        #expect(Self.violations(writes, events).first?.contains("ended too early") == true)
        let revoked = Self.changed(Self.lease) { $0.revoke = .sent }
        #expect(Self.violations(writes, events, leases: [revoked]) == [])
        let old = Self.changed(Self.lease) { $0.renewed = Self.now - .seconds(60) }
        #expect(Self.violations(writes, events, leases: [old]) == [])
    }

    @Test func leasesAreThere() {
        func violations(_ lease: KnownLease, _ present: [Int64: [String]?], isQuiet: Bool = false) -> [String] {
            var checker = HistoryChecker()
            checker.check(
                Array(Self.writes.prefix(2)), leases: [lease], added: Array(Self.events.prefix(2)), current: 3,
                now: Self.now)
            checker.check(leases: present, now: Self.now, isQuiet: isQuiet)
            return checker.violations
        }
        #expect(violations(Self.lease, [9: ["a"]]) == [])
        #expect(violations(Self.lease, [9: .none]) == [])
        #expect(violations(Self.lease, [:]) == ["lease 9 is lost"])
        #expect(!violations(Self.lease, [9: []]).isEmpty)
        #expect(!violations(Self.lease, [9: ["a"], 10: []]).isEmpty)
        let old = Self.changed(Self.lease) { $0.renewed = Self.now - .seconds(60) }
        #expect(violations(old, [:]) == [])
        #expect(violations(old, [:], isQuiet: true) == ["lease 9 is gone without its keys"])
        let revoked = Self.changed(Self.lease) { $0.revoke = .done }
        #expect(!violations(revoked, [9: ["a"]]).isEmpty)
        #expect(!violations(Self.changed(Self.lease) { $0.existence = .gone }, [9: ["a"]]).isEmpty)
    }

    @Test func grantsMayComeLate() {
        let unknown = Self.changed(Self.lease) { $0.existence = .unknown }
        for lease in [unknown, Self.changed(unknown) { $0.isRepeated = true }] {
            var checker = HistoryChecker()
            checker.check([], leases: [lease], added: [], current: 1, now: Self.now)
            checker.check(leases: [:], now: Self.now, isQuiet: false)
            checker.check(leases: [9: []], now: Self.now, isQuiet: false)
            #expect(checker.violations.isEmpty == lease.isRepeated)
        }
    }

    @Test func readsAndWatchesAgree() {
        var checker = HistoryChecker()
        checker.check(Self.writes, leases: [Self.lease], added: Self.events, current: 4, now: Self.now)
        let contents = [
            "b": StoredKey(value: "3", createRevision: 4, modRevision: 4, version: 1, lease: 0),
            "c": StoredKey(value: "4", createRevision: 4, modRevision: 4, version: 1, lease: 0),
        ]
        let past = ["a": StoredKey(value: "2", createRevision: 2, modRevision: 3, version: 2, lease: 9)]
        checker.check(contents: contents, at: 4)
        checker.check(contents: past, of: "", atOld: 3)
        checker.check(contents: [:], of: "b", atOld: 3)
        checker.check(watched: Self.events[...])
        checker.check(watched: Self.events[2...])
        #expect(checker.violations == [])

        let wrong: [(inout HistoryChecker) -> Void] = [
            { $0.check(contents: past, at: 4) },
            { $0.check(contents: Self.changed(contents) { $0["b"]?.version = 2 }, at: 4) },
            { $0.check(contents: [:], of: "", atOld: 3) },
            // A gap, a duplicate, another value, and what came to nothing.
            { $0.check(watched: Self.changed(Self.events) { $0.remove(at: 1) }[...]) },
            { $0.check(watched: Self.changed(Self.events) { $0.insert($0[1], at: 1) }[...]) },
            { $0.check(watched: Self.changed(Self.events) { $0[0].value = "other" }[...]) },
            { $0.check(watched: (Self.events + [HistoryEvent(revision: 4, key: "d", value: nil)])[...]) },
        ]
        for check in wrong {
            var copy = checker
            check(&copy)
            #expect(copy.violations.count >= 1)
        }
    }
}
