// SPDX-License-Identifier: Apache-2.0

import MartletTorture
import Testing

/// Histories that are right, and each kind that isn't.
struct TortureCheckerTests {
    private static let events = [
        TortureEvent(revision: 2, key: "r/1", value: 1),
        TortureEvent(revision: 3, key: "w/1", value: 2),
        TortureEvent(revision: 4, key: "r/1", value: 3),
        TortureEvent(revision: 5, key: "r/1", value: nil),
    ]

    private static func call(
        _ key: String, _ action: KnownCall.Action, _ outcome: KnownCall.Outcome, at begin: Int
    ) -> KnownCall {
        KnownCall(key: key, action: action, outcome: outcome, began: begin, ended: begin + 5)
    }

    private static let calls = [
        call("r/1", .put(1), .done(revision: 2), at: 0),
        call("w/1", .put(2), .done(revision: 3), at: 10),
        call("r/1", .read(value: 1, modRevision: 2), .done(revision: 3), at: 20),
        call("r/1", .swap(expected: 1, new: 3), .done(revision: 4), at: 30),
        call("r/1", .swap(expected: 1, new: 4), .refused(revision: 4), at: 40),
        call("w/2", .put(9), .never, at: 45),
        call("r/1", .delete, .done(revision: 5), at: 50),
        call("r/1", .delete, .refused(revision: 5), at: 60),
        call("r/1", .read(value: nil, modRevision: 0), .done(revision: 5), at: 70),
        call("r/1", .put(5), .unknown, at: 80),
    ]

    private static func violations(
        _ histories: [[TortureEvent]] = [events, events, events], _ calls: [KnownCall] = calls,
        watched: [TortureEvent]? = events
    ) -> [String] {
        let named = histories.enumerated().map { (member: "m\($0 + 1)", events: $1) }
        return TortureChecker(histories: named, calls: calls, watched: watched).verdict().violations
    }

    private static func changed<Value>(_ value: Value, _ change: (inout Value) -> Void) -> Value {
        var value = value
        change(&value)
        return value
    }

    @Test func aRightRunPasses() {
        #expect(Self.violations() == [])
        // What nobody was told of may have happened.
        let more = Self.events + [TortureEvent(revision: 6, key: "r/1", value: 5)]
        #expect(Self.violations([more, more, more], watched: more) == [])
    }

    @Test func membersThatDifferAreSeen() {
        let short = Array(Self.events.dropLast())
        let other = Self.changed(Self.events) { $0[3].value = 5 }
        let gap = Self.changed(Self.events) { $0[3].revision = 6 }
        for wrong in [short, other, gap] {
            for place in 0..<3 {
                let histories = Self.changed([Self.events, Self.events, Self.events]) { $0[place] = wrong }
                #expect(!Self.violations(histories).isEmpty)
            }
            #expect(!Self.violations([wrong, wrong, wrong], watched: wrong).isEmpty)
        }
        #expect(!Self.violations([]).isEmpty)
    }

    @Test func watchesAreWholeAndInOrder() {
        #expect(!Self.violations(watched: Self.changed(Self.events) { $0.remove(at: 1) }).isEmpty)
        #expect(!Self.violations(watched: Self.changed(Self.events) { $0.insert($0[1], at: 1) }).isEmpty)
        #expect(!Self.violations(watched: Self.changed(Self.events) { $0.swapAt(1, 2) }).isEmpty)
        #expect(!Self.violations(watched: []).isEmpty)
    }

    @Test func nothingIsLostDoneTwiceOrAgainstItsAnswer() {
        let wrong: [(inout [KnownCall]) -> Void] = [
            // Acknowledged at another revision, or never there.
            { $0[1].outcome = .done(revision: 2) },
            { $0.append(Self.call("w/3", .put(7), .done(revision: 6), at: 90)) },
            // Refused, and there.
            { $0[1].outcome = .never },
            { $0[3].outcome = .refused(revision: 4) },
            // A read of what was not there then.
            { $0[2].action = .read(value: 3, modRevision: 4) },
            { $0[2].action = .read(value: nil, modRevision: 0) },
            // A swap that had nothing in its way, or something.
            { $0[4].action = .swap(expected: 3, new: 4) },
            { $0[3].action = .swap(expected: 7, new: 3) },
            // A deletion that found nothing where there was something.
            { $0[7].outcome = .refused(revision: 4) },
            { $0[6].outcome = .done(revision: 4) },
            // An answer from the past.
            {
                $0.append(Self.call("w/1", .read(value: 2, modRevision: 3), .done(revision: 4), at: 90))
            },
        ]
        for (number, change) in wrong.enumerated() {
            #expect(!Self.violations(ofCalls: calls(change)).isEmpty, "\(number)")
        }
        let again = Self.events + [TortureEvent(revision: 6, key: "r/1", value: 1)]
        #expect(!Self.violations([again, again, again], watched: again).isEmpty)
    }

    private func calls(_ change: (inout [KnownCall]) -> Void) -> [KnownCall] { Self.changed(Self.calls, change) }

    private static func violations(ofCalls calls: [KnownCall]) -> [String] {
        violations([events, events, events], calls)
    }

    /// What revisions alone would let pass: values have no order in which they can have been read.
    @Test func anOrderIsNeeded() {
        let calls = Self.changed(Self.calls) { calls in
            for index in calls.indices where calls[index].key != "w/1" { calls[index].outcome = .unknown }
            calls.append(Self.call("r/9", .read(value: 3, modRevision: 0), .done(revision: 5), at: 90))
        }
        #expect(Self.violations(ofCalls: calls).contains { $0.contains("no order") })
    }
}
