// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft
import Testing

/// Reads by lease. Source: Raft thesis §6.4.1; what each part keeps out is listed in RaftNode+Lease.swift.
@Suite struct LeaseTests {
    private static let tick = Duration.milliseconds(100)
    private static let voters = [one, two, three]
    /// Nine of ten ticks; and what another's clock counts of them.
    private static let promised = Duration.milliseconds(900)
    private static let counted = Duration.milliseconds(720)

    private static let settings = RaftSettings(lease: tick)

    /// A leader of three or more that has committed in its term, with a round under way that began at `now`.
    private static func leader(
        voters: [MemberID] = voters, learners: [MemberID] = [], at now: Duration = .zero
    ) -> RaftNode {
        var node = RaftNode.leader(voters: voters, learners: learners, settings: settings)
        node.settle(at: now)
        for peer in voters where peer != one { node.step(.appendAccepted(match: index(1)), from: peer) }
        node.settle(at: now)
        beat(&node, at: now)
        return node
    }

    /// A follower of the first, to which it has answered a heartbeat.
    private static func follower() -> RaftNode {
        var node = RaftNode.make(two, voters: voters, settings: settings, term: 1)
        node.step(.heartbeat(commit: .zero, round: ReadRound(1)), from: one)
        node.settle()
        return node
    }

    @discardableResult
    private static func beat(_ node: inout RaftNode, at now: Duration) -> Orders {
        node.tick()
        return node.settle(at: now)
    }

    /// Answers the leader's present round.
    private static func answer(_ node: inout RaftNode, from peers: MemberID..., promise: Duration? = promised) {
        for peer in peers {
            node.step(.heartbeatAnswer(round: node.currentReadRound, promise: promise), from: peer)
        }
    }

    /// Whether a member helps the third, which stands for election.
    private static func helps(_ node: inout RaftNode, term: UInt64) -> Bool {
        node.step(.preVote(last: id(9, term: 8)), from: three, term: term)
        node.step(.vote(last: id(9, term: 8), isTransfer: false), from: three, term: term)
        let answers = node.settle().bodies(to: three)
        return answers.contains(.preVoteAnswer(isGranted: true)) || answers.contains(.voteAnswer(isGranted: true))
    }

    // MARK: The leader

    @Test func aReadTakesNoMessage() throws {
        var node = Self.leader()
        Self.answer(&node, from: two)
        #expect(node.holdsLease(at: .milliseconds(500)))
        try node.readIndex(ReadContext(1))
        try node.readIndex(ReadContext(2))
        let orders = node.settle(at: .milliseconds(500))
        #expect(orders.readStates.map(\.context) == [ReadContext(1), ReadContext(2)])
        #expect(orders.readStates.allSatisfy { $0.index == index(1) })
        #expect(orders.messages == [])
    }

    @Test func nothingChangesWhereNobodyPromises() throws {
        var node = Self.leader()
        Self.answer(&node, from: two, three, promise: nil)
        #expect(!node.holdsLease(at: .zero))
        try node.readIndex(ReadContext(1))
        let orders = node.settle(at: .zero)
        #expect(orders.readStates == [] && orders.bodies(to: two).count == 1)
        // Nor for who asks for none: its heartbeats leave with the tick, and repeat the last round.
        var plain = ReplicationTests.replicating()
        plain.tick()
        #expect(plain.settle(at: .zero).bodies(to: two) == [.heartbeat(commit: index(1), round: ReadRound(0))])
        plain.step(.heartbeatAnswer(round: ReadRound(0), promise: Self.promised), from: two)
        #expect(!plain.holdsLease(at: .zero))
    }

    /// However late the answer comes, the promise counts from when the heartbeat was sent, less what clocks may differ.
    @Test func aPromiseCountsFromItsQuestion() {
        var node = Self.leader(at: .seconds(5))
        Self.answer(&node, from: two)
        #expect(node.holdsLease(at: .seconds(5) + Self.counted - .nanoseconds(1)))
        #expect(!node.holdsLease(at: .seconds(5) + Self.counted))
        // Two more rounds are sent. The answer is to the first of them.
        Self.beat(&node, at: .seconds(6))
        let first = node.currentReadRound
        Self.beat(&node, at: .milliseconds(6_700))
        node.step(.heartbeatAnswer(round: first, promise: Self.promised), from: two)
        #expect(node.holdsLease(at: .seconds(6) + Self.counted - .nanoseconds(1)))
        #expect(!node.holdsLease(at: .seconds(6) + Self.counted))
        // An old answer takes nothing back.
        Self.answer(&node, from: two)
        node.step(.heartbeatAnswer(round: first, promise: Self.promised), from: two)
        #expect(node.holdsLease(at: .milliseconds(7_400)))
    }

    /// Of rounds close to each other only the first has a beginning.
    @Test func aRoundSoonAfterAnotherBeganWithIt() throws {
        var node = Self.leader(at: .seconds(5))
        for number in 0..<1_000 {
            try node.readIndex(ReadContext(UInt64(number)))
            node.settle(at: .seconds(5) + .microseconds(number))
        }
        Self.answer(&node, from: two)
        #expect(!node.holdsLease(at: .seconds(5) + Self.counted))
        #expect(node.holdsLease(at: .seconds(5) + Self.counted - .nanoseconds(1)))
    }

    @Test func withoutALeaseAReadWaitsForItsRound() throws {
        var node = Self.leader()
        Self.answer(&node, from: two)
        try node.readIndex(ReadContext(1))
        let orders = node.settle(at: .seconds(1))
        #expect(orders.readStates == [] && orders.bodies(to: two).count == 1 && orders.bodies(to: three).count == 1)
        // Whose answer is a new promise, too.
        Self.answer(&node, from: three)
        #expect(node.settle(at: .milliseconds(1_100)).readStates.map(\.context) == [ReadContext(1)])
        #expect(node.holdsLease(at: .milliseconds(1_700)))
    }

    /// Who does not say what time it is gets nothing by lease.
    @Test func withoutTheTimeThereIsNoLease() throws {
        var node = Self.leader()
        Self.answer(&node, from: two)
        try node.readIndex(ReadContext(1))
        let orders = node.settle()
        #expect(orders.readStates == [] && orders.bodies(to: two).count == 1)
    }

    @Test func aForwardedReadIsAnsweredAtOnce() {
        var node = Self.leader()
        Self.answer(&node, from: two)
        node.step(.readIndex(ReadContext(7)), from: three)
        #expect(node.settle(at: .milliseconds(1)).messages.map(\.body) == [.readIndexAnswer(ReadContext(7), index(1))])
    }

    /// Source: Raft §8.
    @Test func aNewLeaderCommitsFirst() throws {
        var node = RaftNode.leader(voters: Self.voters, settings: Self.settings)
        node.settle(at: .zero)
        Self.beat(&node, at: .zero)
        Self.answer(&node, from: two, three)
        try node.readIndex(ReadContext(1))
        #expect(node.settle(at: .milliseconds(1)).readStates == [] && !node.holdsLease(at: .milliseconds(1)))
        node.step(.appendAccepted(match: index(1)), from: two)
        let states = node.settle(at: .milliseconds(2)).readStates
        #expect(states == [ReadState(context: ReadContext(1), index: index(1))])
    }

    @Test func aLeaseEndsWithTheTerm() {
        var node = Self.leader()
        Self.answer(&node, from: two, three)
        node.step(.staleTerm, from: three, term: 9)
        #expect(node.role == .follower && !node.holdsLease(at: .milliseconds(1)))
    }

    // MARK: Who promises

    @Test(arguments: [(3, 1, true), (3, 0, false), (5, 1, false), (5, 2, true), (4, 1, false), (2, 1, true)])
    func aMajorityHasToPromise(count: Int, promises: Int, holds: Bool) {
        let members = (1...count).map { MemberID(UInt64($0)) }
        var node = Self.leader(voters: members)
        for member in members.dropFirst().prefix(promises) { Self.answer(&node, from: member) }
        #expect(node.holdsLease(at: .milliseconds(1)) == holds)
    }

    @Test func learnersCountForNothing() {
        var node = Self.leader(learners: [MemberID(4)])
        Self.answer(&node, from: MemberID(4))
        #expect(!node.holdsLease(at: .milliseconds(1)))
        // What it has promised it keeps when it votes.
        node.apply(ConfigurationChange(.remove, three))
        node.apply(ConfigurationChange(.addVoter, MemberID(4)))
        #expect(node.holdsLease(at: .milliseconds(1)))
    }

    /// Source: Raft §6; thesis §4.3.
    @Test func bothHalvesOfAJointConfigurationHaveToPromise() {
        let (four, five) = (MemberID(4), MemberID(5))
        var node = Self.leader(learners: [four, five])
        node.apply(
            JointChange.enter([
                ConfigurationChange(.addVoter, four), ConfigurationChange(.addVoter, five),
                ConfigurationChange(.remove, two), ConfigurationChange(.remove, three),
            ]))
        Self.answer(&node, from: two, three)
        #expect(!node.holdsLease(at: .milliseconds(1)))
        Self.answer(&node, from: four)
        #expect(node.holdsLease(at: .milliseconds(1)))
        // When it is left, those that are gone promise nothing any more.
        node.apply(JointChange.leave)
        #expect(node.holdsLease(at: .milliseconds(1)))
        node.apply(ConfigurationChange(.remove, four))
        #expect(!node.holdsLease(at: .milliseconds(1)))
    }

    @Test func aPromiseIsAsLongAsItsMemberSays() {
        var node = Self.leader()
        Self.answer(&node, from: two, promise: .milliseconds(200))
        #expect(node.holdsLease(at: .milliseconds(159)) && !node.holdsLease(at: .milliseconds(160)))
        let malformed = node.counters.malformed
        Self.answer(&node, from: three, promise: .seconds(-1))
        #expect(node.counters.malformed == malformed + 1)
    }

    // MARK: Transfers

    /// Source: Raft thesis §3.10, §6.4.1. Its word to the target, and the target's to the others, may come at any time.
    @Test func aTransferEndsTheLeaseForTheTerm() throws {
        var node = Self.leader()
        Self.answer(&node, from: two, three)
        try node.transferLeadership(to: two)
        #expect(node.settle(at: .milliseconds(1)).bodies(to: two) == [.timeoutNow])
        #expect(!node.holdsLease(at: .milliseconds(1)))
        for number in 1...15 {
            Self.beat(&node, at: .milliseconds(100 * number))
            Self.answer(&node, from: two, three)
        }
        // It was given up, and still:
        #expect(node.role == .leader && node.transferTarget == nil)
        #expect(!node.holdsLease(at: .milliseconds(1_501)))
        try node.readIndex(ReadContext(1))
        #expect(node.settle(at: .milliseconds(1_501)).readStates == [])
        Self.answer(&node, from: two)
        #expect(node.settle(at: .milliseconds(1_502)).readStates.map(\.context) == [ReadContext(1)])
    }

    @Test func aTransferThatNeverGetsThereCostsNothing() throws {
        var node = Self.leader()
        Self.answer(&node, from: two, three)
        _ = try node.propose([command("a")])
        node.settle(at: .milliseconds(1))
        try node.transferLeadership(to: two)
        #expect(!node.settle(at: .milliseconds(2)).bodies(to: two).contains(.timeoutNow))
        #expect(node.holdsLease(at: .milliseconds(2)))
        // It has caught up.
        node.step(.appendAccepted(match: index(2)), from: two)
        #expect(node.settle(at: .milliseconds(3)).bodies(to: two).contains(.timeoutNow))
        #expect(!node.holdsLease(at: .milliseconds(3)))
    }

    // MARK: The others

    /// A tick less than it will keep quiet: the first may come at once.
    @Test func anAnswerSaysHowLongItIsGoodFor() {
        var node = RaftNode.make(two, voters: Self.voters, settings: Self.settings, term: 1)
        node.step(.heartbeat(commit: .zero, round: ReadRound(4)), from: one)
        #expect(node.settle().bodies == [.heartbeatAnswer(round: ReadRound(4), promise: Self.promised)])
        var plain = RaftNode.make(two, voters: Self.voters, term: 1)
        plain.step(.heartbeat(commit: .zero, round: ReadRound(4)), from: one)
        #expect(plain.settle().bodies == [.heartbeatAnswer(round: ReadRound(4))])
    }

    /// Source: Raft thesis §4.2.3.
    @Test func aPromiseIsKeptForAnElectionTimeout() {
        var node = Self.follower()
        node.tick(9)
        node.campaign()
        #expect(node.role == .follower)
        var helps = Self.helps(&node, term: 2)
        #expect(!helps && node.term == term(1))
        node.tick()
        helps = Self.helps(&node, term: 2)
        #expect(helps)
    }

    /// An answer of a candidate's to an old question of this member's, for example, brings its term.
    @Test func aPromiseOutlastsItsTerm() {
        var node = Self.follower()
        node.step(.preVoteAnswer(isGranted: false), from: three, term: 5)
        #expect(node.term == term(5) && node.leader == nil)
        for term: UInt64 in [5, 6] {
            let helps = Self.helps(&node, term: term)
            #expect(!helps, "\(term)")
        }
        node.campaign()
        #expect(node.role == .follower)
        node.tick(10)
        let helps = Self.helps(&node, term: 6)
        #expect(helps)
    }

    /// The leader has seen to it that it counts on nobody.
    @Test func aTransferIsHelpedInSpiteOfPromises() {
        var voter = Self.follower()
        voter.step(.vote(last: id(9, term: 8), isTransfer: true), from: three, term: 2)
        #expect(voter.settle().bodies == [.voteAnswer(isGranted: true)])
        var target = Self.follower()
        target.step(.timeoutNow, from: one)
        #expect(target.role == .candidate && target.term == term(2))
    }

    /// It knows nothing of its promise. One that is new has made none.
    @Test func aMemberThatStartsKeepsQuiet() {
        var node = RaftNode.make(two, voters: Self.voters, settings: Self.settings, entries: entries(terms: 1))
        node.settle()
        var helps = Self.helps(&node, term: 2)
        #expect(node.isBound && !helps)
        node.campaign()
        #expect(node.role == .follower)
        node.tick(10)
        helps = Self.helps(&node, term: 2)
        #expect(helps)
        let changes = Self.voters.map { ConfigurationChange(.addVoter, $0).encoded }
        var new = RaftNode(
            id: two, settings: Self.settings,
            recovered: .bootstrap(Configuration(voters: Self.voters), changes: changes),
            random: SeededRandom(seed: 2))
        #expect(!new.isBound)
        helps = Self.helps(&new, term: 2)
        #expect(helps)
        // Without leases it is as ever.
        var plain = RaftNode.make(two, voters: Self.voters, entries: entries(terms: 1))
        plain.settle()
        helps = Self.helps(&plain, term: 2)
        #expect(!plain.isBound && helps)
    }

    /// The leader has removed itself, and may not have applied that yet.
    @Test func theOnlyVoterThatWasOneOfTwoWaits() {
        var node = RaftNode.make(two, voters: [one, two], settings: Self.settings, term: 1)
        node.step(.heartbeat(commit: .zero, round: ReadRound(1)), from: one)
        node.settle()
        node.apply(ConfigurationChange(.remove, one))
        node.campaign()
        #expect(node.configuration.isOnlyVoter(two) && node.role == .follower)
        node.tick(10)
        node.campaign()
        node.settle()
        #expect(node.role == .leader)
    }

    /// The word may be wrong. Who believes it stands when the promise is over, not an election timeout later.
    @Test func wordThatTheLeaderHasEndedBreaksNoPromise() {
        var waits: Set<Int> = []
        for seed in UInt64(0)..<100 {
            var node = RaftNode(
                id: two, settings: Self.settings,
                recovered: RecoveredState(
                    hardState: HardState(term: Term(1)), configuration: Configuration(voters: Self.voters)),
                random: SeededRandom(seed: seed))
            node.step(.heartbeat(commit: .zero, round: ReadRound(1)), from: one)
            node.gone(one)
            node.tick(9)
            let helps = Self.helps(&node, term: 2)
            #expect(node.role == .follower && !helps)
            var wait = 9
            while node.role == .follower, wait < 100 {
                node.tick()
                wait += 1
            }
            waits.insert(wait)
        }
        #expect(waits == [10, 11, 12, 13])
    }
}

extension RaftSettings {
    fileprivate init(lease tick: Duration) {
        self.init()
        lease = LeaseSettings(tick: tick)
    }
}
