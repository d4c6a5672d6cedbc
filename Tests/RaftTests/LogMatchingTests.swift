// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft
import Testing

/// A follower as plain arrays, which compares whole logs.
///
/// It sees what no member can: the whole log of the leader that sent an append. By the log matching property, looking
/// at one entry's index and term must come to the same.
private struct NaiveFollower {
    var term: UInt64 = 1
    var log: [Entry] = []
    var committed = 0

    enum Answer: Equatable {
        case stale
        case accepted(Int)
        case rejected(Int, hint: Int)
    }

    /// Source: Raft figure 2, "AppendEntries"; but old news, from before what is committed, is only acknowledged.
    mutating func take(_ append: SentAppend) -> Answer {
        guard append.term >= term else { return .stale }
        term = append.term
        if append.previous < committed { return .accepted(committed) }
        guard log.count >= append.previous, log.prefix(append.previous) == append.log.prefix(append.previous) else {
            let highest = (0...min(append.previous, log.count)).last { index in
                index == 0 || log[index - 1].term <= append.previousID.term
            }
            return .rejected(append.previous, hint: highest ?? 0)
        }
        let told = append.log.prefix(append.end)
        if !log.starts(with: told) { log = Array(told) }
        committed = max(committed, min(append.commit, append.end))
        return .accepted(append.end)
    }
}

/// An append, and the log of which it is a part, as it was then.
private struct SentAppend {
    var term: UInt64
    var log: [Entry]
    var previous: Int
    var end: Int
    var commit: Int

    var previousID: EntryID { previous == 0 ? .zero : log[previous - 1].id }

    var message: Message {
        Message(
            from: one, to: two, term: Term(term),
            body: .append(
                previous: previousID, entries: Array(log[previous..<end]), commit: LogIndex(UInt64(commit))))
    }
}

/// Leaders of successive terms: each goes on from some log there was, and has all that is committed.
private struct Leaders {
    var term: UInt64 = 0
    var log: [Entry] = []
    var past: [[Entry]] = []
    var committed: [Entry] = []
    var sent: [SentAppend] = []

    mutating func elect(_ random: inout SeededRandom) {
        past.append(log)
        if past.count > 8 { past.removeFirst() }
        let able = past.filter { $0.starts(with: committed) }
        let chosen = able[random.below(able.count)]
        log = Array(chosen.prefix(committed.count + random.below(chosen.count - committed.count + 1)))
        term += UInt64(1 + random.below(2))
        propose(1)
    }

    mutating func propose(_ count: Int) {
        for _ in 0..<count {
            let index = UInt64(log.count + 1)
            log.append(Entry(term: Term(term), index: LogIndex(index), data: bytes("\(index)/\(term)")))
        }
    }

    /// Only by an entry of its own term.
    mutating func commit(_ random: inout SeededRandom) {
        let index = committed.count + random.below(log.count - committed.count + 1)
        guard index > 0, log[index - 1].term == Term(term) else { return }
        committed = Array(log.prefix(index))
    }

    /// - Parameter near: how far the follower has committed; soon after, logs differ.
    mutating func send(near: Int, _ random: inout SeededRandom) -> SentAppend {
        let from = random.chance(1, in: 4) ? 0 : min(log.count, max(0, near - 1))
        let previous = from + random.below(min(random.chance(3, in: 4) ? 4 : .max, log.count - from) + 1)
        let append = SentAppend(
            term: term, log: log, previous: previous, end: previous + random.below(min(6, log.count - previous) + 1),
            commit: random.below(committed.count + 1))
        sent.append(append)
        if sent.count > 20 { sent.removeFirst() }
        return append
    }
}

@Suite struct LogMatchingTests {
    @Test func appendsMatchAComparisonOfWholeLogs() {
        var random = SeededRandom(seed: testSeed("LogMatchingTests"))
        var seen = (stale: 0, accepted: 0, rejected: 0, conflicts: 0, compactions: 0)
        for history in 0..<(isDebugBuild ? 100 : 400) {
            var node = RaftNode.make(two, voters: [one, two, three], term: 1)
            var twin = NaiveFollower()
            var leaders = Leaders()
            var applied: [Entry] = []
            leaders.elect(&random)
            for round in 0..<100 {
                if random.chance(1, in: 8) { leaders.elect(&random) }
                leaders.propose(random.below(3))
                if random.chance(1, in: 12) { leaders.commit(&random) }
                let fresh = leaders.send(near: twin.committed, &random)
                let append = random.chance(1, in: 3) ? leaders.sent[random.below(leaders.sent.count)] : fresh
                let before = twin.log
                let expected = twin.take(append)
                node.step(append.message)
                let orders = node.settle()
                applied += orders.committed
                switch expected {
                case .stale:
                    seen.stale += 1
                    #expect(orders.bodies == [.staleTerm])
                case .accepted(let match):
                    seen.accepted += 1
                    #expect(orders.bodies == [.appendAccepted(match: LogIndex(UInt64(match)))])
                case .rejected(let index, let hint):
                    seen.rejected += 1
                    let hintID = hint == 0 ? .zero : twin.log[hint - 1].id
                    #expect(
                        orders.bodies == [.appendRejected(rejected: LogIndex(UInt64(index)), hint: hintID)])
                }
                if !twin.log.starts(with: before) { seen.conflicts += 1 }
                if random.chance(1, in: 10) {
                    node.compact(upTo: LogIndex(UInt64(random.below(Int(node.log.applied.rawValue) + 1))))
                    if node.log.base.index > .zero { seen.compactions += 1 }
                }
                guard Self.agree(node, twin), applied == Array(twin.log.prefix(twin.committed)) else {
                    Issue.record("history \(history), round \(round): \(append.message) gave \(orders.bodies)")
                    return
                }
            }
        }
        #expect(seen.stale > 100 && seen.accepted > 100 && seen.rejected > 100, "\(seen)")
        #expect(seen.conflicts > 100 && seen.compactions > 100, "\(seen)")
    }

    private static func agree(_ node: RaftNode, _ twin: NaiveFollower) -> Bool {
        let base = Int(node.log.base.index.rawValue)
        guard node.term == Term(twin.term), node.log.last == LogIndex(UInt64(twin.log.count)),
            node.log.committed == LogIndex(UInt64(twin.committed)), base <= twin.committed,
            node.log.base == (base == 0 ? .zero : twin.log[base - 1].id), node.violatedInvariants() == []
        else { return false }
        return twin.log[base...].allSatisfy { node.log[$0.index] == $0 }
    }
}

@Suite struct VoteOutcomeTests {
    /// Against all ways in which the missing votes may still come, for every vote of up to six voters.
    @Test func anElectionIsOpenWhileItMayBeWon() {
        for count in 0...6 {
            let configuration = Configuration(
                voters: (0..<count).map { MemberID(UInt64($0) + 1) }, learners: [MemberID(9)])
            for combination in 0..<Self.power(3, count) {
                let votes: [Bool?] = (0..<count).map { [nil, true, false][combination / Self.power(3, $0) % 3] }
                // A learner, and a stranger, count for nothing.
                let outcome = configuration.outcome { member in
                    member.rawValue <= UInt64(count) ? votes[Int(member.rawValue) - 1] : true
                }
                #expect(outcome == Self.naive(votes), "\(votes)")
            }
        }
    }

    private static func naive(_ votes: [Bool?]) -> Configuration.VoteOutcome {
        func isWon(_ all: [Bool]) -> Bool { 2 * all.filter { $0 }.count > all.count }
        var completions: [[Bool]] = [[]]
        for vote in votes {
            let open = vote.map { [$0] } ?? [true, false]
            completions = completions.flatMap { done in open.map { done + [$0] } }
        }
        if completions.allSatisfy({ isWon($0) }) { return .won }
        return completions.contains { isWon($0) } ? .pending : .lost
    }

    private static func power(_ base: Int, _ exponent: Int) -> Int {
        (0..<exponent).reduce(1) { result, _ in result * base }
    }
}
