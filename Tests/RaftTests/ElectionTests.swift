// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft
import Testing

@Suite struct ElectionTests {
    static let three_ = [one, two, three]
    static let plain = RaftSettings(usesPreVote: false, checksQuorum: false)

    /// Source: Raft §5.1.
    @Test func laterTermMakesAFollower() {
        var node = RaftNode.leader(voters: Self.three_)
        node.settle()
        node.step(.append(previous: .zero, entries: [], commit: .zero), from: two, term: 5)
        #expect(node.role == .follower && node.term == term(5) && node.leader == two)
        #expect(node.settle().hardState?.term == term(5))
    }

    /// Source: Raft §5.1: a request of an earlier term is turned down.
    @Test func earlierTermIsIgnoredAndItsLeaderTold() {
        var node = RaftNode.make(voters: Self.three_, term: 3)
        node.step(.append(previous: .zero, entries: entries(terms: 2), commit: .zero), from: two, term: 2)
        #expect(node.settle().messages == [Message(from: one, to: two, term: term(3), body: .staleTerm)])
        #expect(node.log.last == index(0) && node.leader == nil && node.counters.staleTerm == 1)
        node.step(.voteAnswer(isGranted: true), from: two, term: 2)
        #expect(node.settle().messages == [] && node.counters.staleTerm == 2)
    }

    /// Source: Raft §5.2: who hears nobody stands for election, after a random time.
    @Test func silenceStartsAnElection() {
        var timeouts: Set<Int> = []
        for seed in UInt64(0)..<200 {
            var node = RaftNode(
                id: one, settings: Self.plain,
                recovered: RecoveredState(hardState: HardState(), configuration: Configuration(voters: Self.three_)),
                random: SeededRandom(seed: seed))
            var ticks = 0
            while node.role == .follower {
                node.tick()
                ticks += 1
            }
            #expect(node.term == term(1) && node.vote == one)
            timeouts.insert(ticks)
        }
        #expect(timeouts == Set(10..<20))
    }

    @Test func aSignOfTheLeaderPutsTheElectionOff() {
        var node = RaftNode.make(voters: Self.three_, settings: Self.plain, term: 1)
        for _ in 0..<50 {
            node.tick(9)
            node.step(.heartbeat(commit: .zero, round: ReadRound(0)), from: two)
        }
        #expect(node.role == .follower && node.leader == two && node.term == term(1))
    }

    /// Source: Raft §5.2: a majority wins, and only a majority.
    @Test(arguments: [
        (1, 0, 0, Role.leader), (3, 0, 0, .candidate), (3, 1, 0, .leader), (3, 0, 1, .candidate), (3, 0, 2, .follower),
        (5, 1, 0, .candidate), (5, 2, 0, .leader), (5, 1, 2, .candidate), (5, 1, 3, .follower), (4, 1, 1, .candidate),
        (4, 2, 0, .leader), (4, 0, 2, .follower),
    ])
    func majorityDecides(voters: UInt64, grants: UInt64, refusals: UInt64, role: Role) {
        var node = RaftNode.make(voters: (1...voters).map { MemberID($0) }, settings: Self.plain)
        node.campaign()
        node.settle()
        for voter in 0..<grants { node.step(.voteAnswer(isGranted: true), from: MemberID(2 + voter)) }
        for voter in 0..<refusals { node.step(.voteAnswer(isGranted: false), from: MemberID(2 + grants + voter)) }
        #expect(node.role == role)
    }

    @Test func aDoubledVoteCountsOnce() {
        var node = RaftNode.make(voters: (1...5).map { MemberID($0) }, settings: Self.plain)
        node.campaign()
        node.settle()
        for _ in 0..<3 { node.step(.voteAnswer(isGranted: true), from: two) }
        #expect(node.role == .candidate)
        // A stranger's or a learner's vote counts for nothing.
        node.step(.voteAnswer(isGranted: true), from: MemberID(9))
        #expect(node.role == .candidate)
    }

    /// Source: Raft §5.2: one vote a term, first come, first served.
    @Test func oneVoteATerm() {
        var node = RaftNode.make(voters: Self.three_, settings: Self.plain, term: 1)
        node.step(.vote(last: .zero, isTransfer: false), from: two, term: 2)
        #expect(node.settle().bodies == [.voteAnswer(isGranted: true)])
        node.step(.vote(last: .zero, isTransfer: false), from: three, term: 2)
        #expect(node.settle().bodies == [.voteAnswer(isGranted: false)])
        node.step(.vote(last: .zero, isTransfer: false), from: two, term: 2)
        #expect(node.settle().bodies == [.voteAnswer(isGranted: true)])
        // Also after a restart.
        var again = RaftNode.make(voters: Self.three_, settings: Self.plain, term: 2, vote: two)
        again.step(.vote(last: .zero, isTransfer: false), from: three, term: 2)
        #expect(again.settle().bodies == [.voteAnswer(isGranted: false)])
        // A new term, a new vote.
        again.step(.vote(last: .zero, isTransfer: false), from: three, term: 3)
        #expect(again.settle().bodies == [.voteAnswer(isGranted: true)])
    }

    /// Source: Raft §5.4.1: the last entries' terms are compared, then the lengths.
    @Test(
        arguments: [
            (3, 1, true), (2, 1, false), (2, 2, true), (9, 1, false), (1, 2, false), (1, 3, true), (3, 2, true),
        ] as [(UInt64, UInt64, Bool)])
    func votesOnlyForLogsThatMissNothing(last: UInt64, lastTerm: UInt64, isGranted: Bool) {
        let log = lastTerm == 1 && last == 3 ? entries(terms: 1, 1, 1) : entries(terms: 1, 2)
        var node = RaftNode.make(voters: Self.three_, settings: Self.plain, entries: log)
        node.step(.vote(last: id(last, term: lastTerm), isTransfer: false), from: two, term: 7)
        #expect(node.settle().bodies == [.voteAnswer(isGranted: isGranted)])
        #expect(node.term == term(7))
        var other = RaftNode.make(voters: Self.three_, entries: log)
        other.step(.preVote(last: id(last, term: lastTerm)), from: two, term: 7)
        #expect(other.settle().bodies == [.preVoteAnswer(isGranted: isGranted)])
        #expect(other.term < term(7) && other.vote == nil)
    }

    /// Source: Raft §5.2: a candidate that hears the term's leader follows it.
    @Test func aCandidateYieldsToTheLeader() {
        for settings in [Self.plain, RaftSettings()] {
            var node = RaftNode.make(voters: Self.three_, settings: settings, term: 1)
            node.campaign()
            node.settle()
            node.step(.heartbeat(commit: .zero, round: ReadRound(0)), from: three)
            #expect(node.role == .follower && node.leader == three)
        }
    }

    /// Source: Raft §5.2, §5.4.2, §8: an entry of its own opens the term, and heartbeats keep others quiet.
    @Test func aNewLeaderOpensItsTermAndTellsAll() {
        var node = RaftNode.leader(voters: Self.three_, entries: entries(terms: 1))
        let opening = Entry(term: term(2), index: index(2), data: [])
        let orders = node.takeOrders()
        #expect(orders.entries == [opening])
        for peer in [two, three] {
            #expect(
                orders.bodies(to: peer) == [.append(previous: id(1, term: 1), entries: [opening], commit: .zero)])
        }
        node.tick()
        #expect(
            node.takeOrders().bodies == [
                .heartbeat(commit: .zero, round: ReadRound(0)), .heartbeat(commit: .zero, round: ReadRound(0)),
            ])
    }

    @Test func learnersAndStrangersNeverStand() {
        for member in [three, MemberID(7)] {
            var node = RaftNode.make(member, voters: [one, two], learners: [three])
            node.tick(100)
            node.campaign()
            #expect(node.role == .follower && node.term == term(0))
        }
    }

    @Test func badMessagesAreCountedAndLetGo() {
        var node = RaftNode.make(voters: Self.three_, entries: entries(terms: 1, 1))
        let before = node
        let bad: [Message.Body] = [
            .append(previous: id(1, term: 1), entries: entries(terms: 1, from: 3), commit: .zero),
            .append(previous: id(1, term: 1), entries: entries(terms: 9, from: 2), commit: .zero),
            .append(previous: EntryID(index: LogIndex(.max), term: term(1)), entries: [], commit: .zero),
            .append(previous: id(2, term: 1), entries: [], commit: LogIndex(.max)),
            .appendAccepted(match: LogIndex(.max)), .heartbeat(commit: LogIndex(.max), round: ReadRound(1)),
            .appendRejected(rejected: index(1), hint: id(2, term: 1)),
            .snapshot(SnapshotMark(last: id(5, term: 1), configuration: Configuration())),
            .vote(last: EntryID(index: LogIndex(.max), term: term(1)), isTransfer: false),
        ]
        for body in bad { node.step(body, from: two, term: 1) }
        node.step(.timeoutNow, from: two, term: 0)
        node.step(.timeoutNow, from: two, term: .max)
        node.step(Message(from: two, to: three, term: term(1), body: .timeoutNow))
        node.step(Message(from: one, to: one, term: term(1), body: .timeoutNow))
        #expect(node.counters.malformed == bad.count + 4)
        #expect(node.takeOrders().isEmpty && node.log.last == before.log.last && node.term == before.term)
    }
}
