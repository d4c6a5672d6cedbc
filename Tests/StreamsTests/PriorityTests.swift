// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStreams
import Testing

/// Entries with priorities, and groups that prefer what is urgent.
@Suite struct PriorityTests {
    private let g = bytes("g")
    private let limits = BlockLimits(entries: 3, bytes: 0)

    private func rank(_ number: Int) throws -> EntryPriority {
        try #require(EntryPriority(rawValue: UInt8(number)))
    }

    private func add(_ stream: inout Stream, _ number: UInt64, _ priority: Int, _ field: String = "v") throws {
        _ = try stream.append(
            .explicit(id(number)), fields(("f", field)), limits: limits, now: 0, priority: try rank(priority))
    }

    private func stream(_ priorities: [Int]) throws -> Stream {
        var stream = Stream(configuration: small)
        try stream.createGroup(g, at: .after(.zero))
        var policy = GroupPolicy()
        policy.prefersUrgent = true
        try stream.setPolicy(policy, group: g, now: 0)
        for (place, priority) in priorities.enumerated() { try add(&stream, UInt64(place + 1), priority) }
        return stream
    }

    private func read(_ stream: inout Stream, _ count: Int = .max) throws -> [UInt64] {
        try stream.readGroup(g, consumer: bytes("c"), count: count, now: 1).deliveries.map(\.entry.id.milliseconds)
    }

    @Test func theMostUrgentComesFirst() throws {
        var stream = try stream([0, 9, 0, 5, 9, 5])
        #expect(try read(&stream, 1) == [2])
        #expect(try read(&stream, 2) == [5, 4])
        // What comes meanwhile overtakes what waits.
        try add(&stream, 7, 9)
        #expect(try read(&stream, 2) == [7, 6])
        let group = try #require(stream.group(named: g))
        #expect(group.lastDeliveredID == .zero && stream.lag(of: group) == 2)
        #expect(try read(&stream) == [1, 3])
        #expect(stream.lag(of: try #require(stream.group(named: g))) == 0)
        #expect(try read(&stream).isEmpty)
        #expect(stream.group(named: g)?.lastDeliveredID == id(7))
        #expect(stream.prioritizedCount == 5)
        #expect(stream.invariantViolation == nil)
    }

    @Test func priorityStandsWithTheEntry() throws {
        var stream = try stream([0, 3, 9])
        #expect(stream.entries(in: .all).map(\.priority.rawValue) == [0, 3, 9])
        #expect(EntryPriority(rawValue: 10) == nil)
        // Half of a block goes, and what is left is packed anew.
        #expect(stream.delete([id(1), id(2)]) == 2)
        #expect(stream.entries(in: .all).map(\.priority.rawValue) == [9])
        #expect(stream.prioritizedCount == 1)
    }

    /// When the policy ends nothing is handed over twice, and nothing is forgotten.
    @Test func aPolicyThatEndsLeavesNothing() throws {
        var stream = try stream([0, 9, 0, 5, 0])
        #expect(try read(&stream, 2) == [2, 4])
        try stream.setPolicy(GroupPolicy(), group: g, now: 0)
        #expect(try read(&stream) == [1, 3, 5])
        #expect(try read(&stream).isEmpty)
    }

    /// What a group has passed counts as passed for who removes what all groups have acknowledged.
    @Test func whatIsAcknowledgedAheadGoes() throws {
        var stream = try stream([0, 9, 0])
        #expect(try read(&stream, 1) == [2])
        #expect(stream.acknowledgeAndDelete([id(2)], group: g, .acknowledged) == [.deleted])
        #expect(stream.delete([id(1)], .acknowledged) == [.kept])
    }

    @Test func aFilterPassesOver() throws {
        var stream = try stream([])
        var policy = GroupPolicy()
        policy.prefersUrgent = true
        policy.filter = [.init(bytes("f"), bytes("yes"))]
        try stream.setPolicy(policy, group: g, now: 0)
        for (place, (priority, field)) in [(0, "yes"), (9, "no"), (5, "yes"), (0, "no"), (9, "yes")].enumerated() {
            try add(&stream, UInt64(place + 1), priority, field)
        }
        #expect(try read(&stream, 2) == [5, 3])
        #expect(try read(&stream) == [1])
        #expect(stream.lag(of: try #require(stream.group(named: g))) == 0)
    }

    /// What went with whole blocks is neither counted nor handed over, however much of it is known still.
    @Test func aTrimForgetsByAndBy() throws {
        var stream = try stream((0..<5000).map { $0 % 2 == 0 ? 7 : 0 })
        var tables = Tables()
        stream.checkpoint(into: &tables)
        #expect(stream.trim(Trim(.maximumLength(2))) == 4998)
        #expect(stream.prioritizedCount == 1)
        #expect(stream.lag(of: try #require(stream.group(named: g))) == 2)
        stream.checkpoint(into: &tables)
        var restored = try tables.restored(small)
        #expect(try read(&stream) == [4999, 5000])
        #expect(try read(&restored) == [4999, 5000])
        #expect(state(stream) == state(restored))
        // IDs may come again.
        #expect(stream.trim(Trim(.maximumLength(0))) == 2)
        try stream.setLastID(id(10))
        try add(&stream, 11, 0)
        #expect(stream.prioritizedCount == 0 && stream.invariantViolation == nil)
    }

    private func state(_ stream: Stream) -> [UInt8] {
        var bytes: [UInt8] = []
        stream.encodeState(into: &bytes)
        return bytes
    }

    /// Against a list that is sorted for each read.
    @Test(arguments: 1...40) func agreesWithASortedList(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
        var stream = try stream([])
        var twin: [(id: UInt64, priority: Int, isDelivered: Bool)] = []
        var (last, isUrgent): (UInt64, Bool) = (0, true)
        var tables = Tables()
        for step in 0..<400 {
            switch below(20) {
            case 0...8:
                last += UInt64(1 + below(3))
                let priority = below(2) == 0 ? 0 : below(10)
                try add(&stream, last, priority)
                twin.append((last, priority, false))
            case 9...12:
                let count = 1 + below(4)
                let waiting = twin.indices.filter { !twin[$0].isDelivered }
                let ranked = waiting.sorted {
                    (isUrgent ? -twin[$0].priority : 0, twin[$0].id) < (isUrgent ? -twin[$1].priority : 0, twin[$1].id)
                }
                let expected = ranked.prefix(count)
                for place in expected { twin[place].isDelivered = true }
                let seen = try read(&stream, count)
                #expect(seen == expected.map { twin[$0].id }, "seed \(seed), step \(step)")
            case 13:
                guard let gone = twin.randomElement(using: &random) else { continue }
                twin.removeAll { $0.id == gone.id }
                #expect(stream.delete([id(gone.id)]) == 1)
            case 14:
                let count = below(30)
                let surplus = max(twin.count - count, 0)
                twin.removeFirst(surplus)
                #expect(stream.trim(Trim(.maximumLength(count))) == surplus)
            case 15:
                let removed = stream.trim(Trim(.minimumID(id(UInt64(below(Int(last) + 2)))), isApproximate: true))
                twin.removeFirst(removed)
            case 16:
                isUrgent.toggle()
                var policy = GroupPolicy()
                policy.prefersUrgent = isUrgent
                try stream.setPolicy(policy, group: g, now: 0)
            case 17:
                guard below(4) == 0 else { continue }
                let place = UInt64(below(Int(last) + 1))
                try stream.setGroup(g, to: .after(id(place)))
                for index in twin.indices { twin[index].isDelivered = twin[index].id <= place }
            case 18:
                guard let some = twin.randomElement(using: &random),
                    let outcome = stream.delete([id(some.id)], .acknowledged).first
                else { continue }
                // Nothing was acknowledged by name: it is pending, or was never handed over.
                let isFree = some.isDelivered && stream.group(named: g)?.isPending(id(some.id)) == false
                #expect(outcome == (isFree ? .deleted : .kept), "seed \(seed), step \(step)")
                if isFree { twin.removeAll { $0.id == some.id } }
            default:
                stream.checkpoint(into: &tables)
                let restored = try tables.restored(small)
                #expect(state(restored) == state(stream), "seed \(seed), step \(step)")
                if below(2) == 0 { stream = restored }
            }
            #expect(stream.ids.map(\.milliseconds) == twin.map(\.id), "seed \(seed), step \(step)")
            #expect(stream.prioritizedCount == twin.count { $0.priority > 0 }, "seed \(seed), step \(step)")
            #expect(stream.entries(in: .all).map { Int($0.priority.rawValue) } == twin.map(\.priority))
            let group = try #require(stream.group(named: g))
            #expect(stream.lag(of: group) == twin.count { !$0.isDelivered }, "seed \(seed), step \(step)")
            if twin.contains(where: { !$0.isDelivered }) {
                let isVain = stream.isReadInVain(
                    by: bytes("c").span.bytes, of: g.span.bytes, claimIdle: nil, now: 0)
                #expect(!isVain, "seed \(seed), step \(step)")
            }
            if let problem = stream.invariantViolation {
                Issue.record("seed \(seed), step \(step): \(problem)")
                return
            }
        }
    }
}

/// Rows about entries that end go with their entries.
@Suite struct EndingRowTests {
    private func stream(_ count: Int) throws -> Stream {
        var stream = Stream(configuration: small)
        for number in 1...count {
            try stream.add(id(UInt64(number)), limits: BlockLimits(entries: 7, bytes: 0))
            try stream.end(id(UInt64(number)), at: 1_000_000)
        }
        return stream
    }

    @Test func theyGoWithWhatIsDeleted() throws {
        var stream = try stream(100)
        #expect(stream.delete([id(5), id(50)]) == 2)
        #expect(stream.endingCount == 98)
        #expect(stream.trim(Trim(.maximumLength(40))) == 58)
        #expect(stream.endingCount == 40)
        #expect(stream.trim(Trim(.minimumID(id(80)), isApproximate: true)) > 0)
        #expect(stream.endingCount == stream.length)
        #expect(stream.trim(Trim(.minimumID(id(90)), policy: .delete)) > 0)
        #expect(stream.endingCount == stream.length && stream.length == 11)
        #expect(stream.invariantViolation == nil)
    }

    /// More than a trim takes along goes by itself, at once.
    @Test func aLongTrimLeavesTheRestForLater() throws {
        var stream = try stream(3500)
        #expect(stream.nextDue == 1_000_000)
        #expect(stream.trim(Trim(.maximumLength(0))) == 3500)
        #expect(stream.endingCount == 2500)
        #expect(stream.nextDue == 0)
        var tables = Tables()
        stream.checkpoint(into: &tables)
        var restored = try tables.restored(small)
        for left in [1501, 502, 0] {
            #expect(stream.carryOutDue(now: 5, limits: BlockLimits(), atMost: 1000).ended == 0)
            _ = restored.carryOutDue(now: 5, limits: BlockLimits(), atMost: 1000)
            #expect(stream.endingCount == left && restored.endingCount == left)
        }
        #expect(stream.nextDue == nil)
        #expect(stream.invariantViolation == nil && restored.invariantViolation == nil)
    }

    /// An ID that comes again has nothing to do with what had it before.
    @Test func anIDThatComesAgainEndsOnce() throws {
        var stream = try stream(2000)
        #expect(stream.trim(Trim(.maximumLength(0))) == 2000)
        try stream.setLastID(id(1))
        try stream.add(id(1500))
        try stream.end(id(1500), at: 2_000_000)
        #expect(stream.endingCount == 1)
        #expect(stream.carryOutDue(now: 1_500_000, limits: BlockLimits(), atMost: 1000).ended == 0)
        #expect(stream.carryOutDue(now: 2_000_000, limits: BlockLimits(), atMost: 1000).ended == 1)
        #expect(stream.length == 0 && stream.endingCount == 0)
    }
}
