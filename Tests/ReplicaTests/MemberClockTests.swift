// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRaft
import MartletReplica
import Testing

/// What a member whose wall clock is wrong puts into the log.
@Suite struct MemberClockTests {
    private let hour: Int64 = 3_600_000

    /// Whose clocks are known to all, but for those that `change` makes too old.
    private func cluster(
        _ count: Int, wrong: [Int: Int64] = [:], change: (inout ReplicaConfiguration) -> Void = { _ in }
    ) throws -> TestCluster {
        var cluster = try TestCluster(count, change: change)
        cluster.elect()
        cluster.tick(25)
        for (number, error) in wrong { cluster.clockErrors[TestCluster.id(number)] = error }
        // Told once more, with what the clocks say now.
        cluster.tick(15)
        return cluster
    }

    /// How far the stamp that a leader gives now is ahead of the time.
    private func stampLead(_ cluster: inout TestCluster, _ leader: Int, client: UInt64 = 1) throws -> Int64 {
        #expect(cluster.ask(leader, client: client, "XADD s\(client) * f v") == "")
        cluster.settle()
        let reply = cluster.told(leader, client: client).split(separator: "\r\n")
        let id = try #require(reply.last?.split(separator: "-").first)
        let milliseconds = try #require(Int64(id))
        return milliseconds - Int64(cluster.moment.wallMilliseconds)
    }

    private func error(_ cluster: TestCluster, _ number: Int) -> Int64? {
        cluster[number].replica.clockError(at: cluster.moment(of: TestCluster.id(number)))
    }

    /// The median, and the error that is allowed.
    @Test(arguments: [3, 5], [1, -1]) func aLeaderGoesByTheOthersClocks(count: Int, sign: Int64) throws {
        var cluster = try cluster(count)
        let leader = try #require(cluster.leader)
        #expect(error(cluster, leader) == nil)
        cluster.clockErrors[TestCluster.id(leader)] = sign * 5 * hour
        let clamped = try stampLead(&cluster, leader)
        #expect(clamped == sign * 1000)
        #expect(error(cluster, leader) == sign * (5 * hour - 1000))
        // Within it the own clock counts.
        cluster.clockErrors[TestCluster.id(leader)] = sign * 900
        cluster.tick(20)
        #expect(error(cluster, leader) == nil)
        let lead = try stampLead(&cluster, leader, client: 2)
        #expect(lead == sign * 900)
        cluster.tick(3)
        cluster.checkEqual()
    }

    /// What others stamp wrongly by their clocks comes back with the leader's time.
    @Test func recordsOfFollowersToo() throws {
        var cluster = try cluster(3)
        let (leader, follower) = (try #require(cluster.leader), cluster.follower())
        cluster.clockErrors[TestCluster.id(leader)] = 2 * hour
        let lead = try stampLead(&cluster, follower)
        #expect(lead == 1000)
    }

    /// One clock among others is no reason for anything, and two of five aren't.
    @Test(arguments: [(2, 1), (3, 1), (4, 1), (4, 2), (5, 2)]) func aMinorityConvincesNobody(
        count: Int, wrong: Int
    ) throws {
        var cluster = try cluster(count)
        let leader = try #require(cluster.leader)
        for number in (1...count).filter({ $0 != leader }).prefix(wrong) {
            cluster.clockErrors[TestCluster.id(number)] = -7 * hour
        }
        cluster.tick(20)
        let lead = try stampLead(&cluster, leader)
        #expect(lead == 0 && error(cluster, leader) == nil)
    }

    /// Of three members with one away, of five with two: the rest are no majority against the leader's own.
    @Test(arguments: [3, 5]) func tooFewClocksAreKnown(count: Int) throws {
        var cluster = try cluster(count)
        let leader = try #require(cluster.leader)
        for _ in 0..<(count / 2) { cluster.crash(cluster.follower()) }
        cluster.clockErrors[TestCluster.id(leader)] = hour
        // What was known holds for a while.
        cluster.tick(50)
        #expect(error(cluster, leader) == hour - 1000)
        cluster.tick(70)
        #expect(error(cluster, leader) == nil)
        let lead = try stampLead(&cluster, leader)
        #expect(lead == hour)
    }

    /// Whatever the clocks say: never below what is in the log.
    @Test func stampsNeverGoBack() throws {
        var cluster = try TestCluster(3)
        // Nobody has told which server it runs, so nobody's clock is known.
        let leader = cluster.elect()
        cluster.clockErrors[TestCluster.id(leader)] = hour
        let first = try stampLead(&cluster, leader)
        #expect(first == hour)
        cluster.tick(30)
        #expect(error(cluster, leader) == hour - 1000)
        let second = try stampLead(&cluster, leader, client: 2)
        #expect(second == hour - 3000)
    }

    /// Nor in the turn in which a member comes to lead, of which it is told only when that turn ends.
    @Test func stampsNeverGoBackWhereLeadershipIsNew() throws {
        var cluster = try cluster(3)
        let leader = try #require(cluster.leader)
        let next = cluster.follower()
        let (nextID, third) = (TestCluster.id(next), TestCluster.id(cluster.follower(but: next)))
        cluster.clockErrors[TestCluster.id(leader)] = 900
        // The record comes to one member, which doesn't hear that it is committed.
        cluster.isolate(Int(third.rawValue))
        cluster.cut.insert([nextID, TestCluster.id(leader)])
        cluster.step(leader, .propose(put("a", "v"), waiter: WaiterID(1)))
        cluster.settle()
        cluster.isolate(leader)
        for _ in 0..<100 where cluster[next].replica.node.role == .follower { cluster.step(next, .tick) }
        cluster.settle()
        func grant(_ body: Message.Body, ahead: UInt64) {
            let term = Term(cluster[next].replica.term.rawValue + ahead)
            cluster.step(next, .received(Message(from: third, to: nextID, term: term, body: body)))
        }
        grant(.preVoteAnswer(isGranted: true), ahead: 1)
        cluster.settle()
        grant(.voteAnswer(isGranted: true), ahead: 0)
        #expect(cluster[next].replica.node.role == .leader)
        cluster.step(next, .propose(put("b", "v"), waiter: WaiterID(1)))
        cluster.settle()
        let log = cluster[next].replica.node.log
        let applied = cluster[next].replica.applied.index
        let stamps = try (applied.rawValue + 1...log.last.rawValue).map { log[LogIndex($0)].data }
            .filter { !$0.isEmpty }.map { try LogRecord($0).stamp }.filter { $0 > 0 }
        let stamp = cluster.moment.wallMilliseconds + 900
        #expect(stamps.count >= 2 && stamps.allSatisfy { $0 == stamp }, "\(stamps)")
    }

    /// Nor where a record of the leader's is closed before its turn ends, by a transaction over keys and streams or
    /// because it is full, and another member's comes later in the same turn.
    @Test(arguments: [false, true]) func stampsNeverGoBackWithinATurn(isFull: Bool) throws {
        var cluster = try cluster(3)
        let (leader, follower) = (try #require(cluster.leader), cluster.follower())
        let before = cluster[leader].replica.node.log.last
        #expect(cluster.ask(leader, client: 1, "XADD s * f v") == "")
        if isFull {
            let long = String(repeating: "v", count: KeyspaceRecord.preferredBytes)
            #expect(cluster.ask(leader, client: 2, "XADD s * f \(long)") == "")
        } else {
            let request = try StoreRequest(wire: StoreWire.transaction(then: [StoreWire.append("s", "v")]))
            cluster[leader].transact(request, WaiterID(5), at: cluster.moment)
        }
        #expect(cluster.ask(follower, client: 3, "XADD s * f v") == "")
        cluster.step(follower, .turnEnded)
        cluster.moment.monotonic += .milliseconds(50)
        cluster.moment.wallMilliseconds += 50
        // What is sent comes before the leader's turn ends.
        cluster.settle()
        let log = cluster[leader].replica.node.log
        let stamps = try (before.rawValue + 1...log.last.rawValue).map { try LogRecord(log[LogIndex($0)].data).stamp }
        #expect(stamps.count == (isFull ? 2 : 3) && stamps == stamps.sorted(), "\(stamps)")
        cluster.tick(3)
        cluster.checkEqual()
    }

    /// Nor is there anything to be above where the log has lost it again.
    @Test func whatTheLogLostBindsNobody() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        cluster.clockErrors[TestCluster.id(leader)] = hour
        cluster.isolate(leader)
        #expect(cluster.ask(leader, client: 1, "XADD s * f v") == "")
        let next = cluster.elect(not: leader)
        #expect(next != leader)
        cluster.cut = []
        cluster.tick(30)
        #expect(error(cluster, leader) == hour - 1000)
        cluster.step(next, .transferLeadership(to: TestCluster.id(leader), waiter: WaiterID(90)))
        cluster.settle()
        #expect(cluster.leader == leader)
        let lead = try stampLead(&cluster, leader, client: 2)
        #expect(lead == 1000)
    }

    /// Who comes to lead knows already.
    @Test func theNextLeaderKnowsTheClocks() throws {
        var cluster = try cluster(3)
        let (leader, follower) = (try #require(cluster.leader), cluster.follower())
        cluster.clockErrors[TestCluster.id(follower)] = 3 * hour
        cluster.step(leader, .transferLeadership(to: TestCluster.id(follower), waiter: WaiterID(90)))
        cluster.settle()
        #expect(cluster.leader == follower)
        let lead = try stampLead(&cluster, follower)
        #expect(lead == 1000)
    }

    /// Keys that expire do by the members' time, and once.
    @Test func nothingIsProposedOverAndOver() throws {
        var cluster = try cluster(3)
        let leader = try #require(cluster.leader)
        #expect(cluster.ask(leader, client: 1, "SET k v PX 5000") == "")
        cluster.settle()
        cluster.clockErrors[TestCluster.id(leader)] = hour
        let index = cluster[leader].replica.node.log.last
        for _ in 0..<10 {
            cluster.tick()
            cluster.step(leader, .commandsDue)
            cluster.settle()
        }
        #expect(cluster[leader].replica.node.log.last == index)
        cluster.tick(50)
        cluster.step(leader, .commandsDue)
        cluster.settle()
        #expect(cluster[leader].replica.node.log.last == index + 1)
        cluster.checkEqual()
    }

    /// An earlier server could not read the question.
    @Test func whoCantReadTheQuestionIsNotAsked() throws {
        let old = TestCluster.id(2)
        var cluster = try cluster(3) {
            if $0.member == old { $0.recordFormat = KeyspaceRecord.Format.storesAndUsers.rawValue }
        }
        #expect(cluster.clockQuestions[old] == nil)
        #expect((cluster.clockQuestions[TestCluster.id(1)] ?? 0) > 1)
        #expect(cluster[2].replica.membersOfKnownClocks.isEmpty)
        #expect(cluster[1].replica.membersOfKnownClocks == [TestCluster.id(3)])
        let leader = try #require(cluster.leader)
        cluster.clockErrors[TestCluster.id(leader)] = hour
        let lead = try stampLead(&cluster, leader)
        #expect(lead == hour)
    }

    /// Answers that are late, come twice, are nobody's, or nonsense.
    @Test func answersThatDoNotCount() throws {
        var cluster = try cluster(3)
        let leader = try #require(cluster.leader)
        let other = TestCluster.id(cluster.follower())
        cluster.cut = [[other, TestCluster.id(leader)]]
        cluster.tick(110)
        #expect(!cluster[leader].replica.membersOfKnownClocks.contains(other))
        for number: UInt64 in [0, 1, .max] {
            for time: UInt64 in [0, cluster.moment.wallMilliseconds, .max] {
                let body = Message.Body.clockAnswer(number, milliseconds: time)
                let message = Message(from: other, to: TestCluster.id(leader), term: .zero, body: body)
                cluster.step(leader, .received(message))
            }
        }
        cluster.settle()
        #expect(!cluster[leader].replica.membersOfKnownClocks.contains(other))
    }

    /// What is in the log holds for all time to come: while nobody bears its clock out a leader's puts say nothing.
    @Test func theFirstLeaderSaysNoTime() throws {
        var cluster = try TestCluster(3)
        for number in 1...3 { cluster.clockErrors[TestCluster.id(number)] = number == 2 ? 0 : hour }
        let leader = cluster.elect()
        cluster.clockErrors = [TestCluster.id(leader): hour]
        #expect(cluster.write(leader, "k") != nil)
        #expect(cluster[leader].replica.cluster.stamp == 0)
        cluster.tick(25)
        #expect(cluster.write(leader, "k") != nil)
        #expect(cluster[leader].replica.cluster.stamp == cluster.moment.wallMilliseconds + 1000)
    }

    /// A record that another leader has stamped, and could not propose any more.
    @Test func whatAnotherLeaderStampedIsBounded() throws {
        var cluster = try cluster(3)
        let (leader, follower) = (try #require(cluster.leader), cluster.follower())
        // Number 3000, a varint: 1.
        let unread: [UInt8] = [0xC0, 0xBB, 0x01, 0x01]
        for (number, lead) in [(1, -hour), (2, 0), (3, 500), (4, hour)] as [(UInt64, Int64)] {
            let before = cluster[leader].replica.cluster.stamp
            let stamp = UInt64(Int64(cluster.moment.wallMilliseconds) + lead)
            let record = LogRecord(
                header: LogRecord.Header(id: 1_000_000 + number), stamp: stamp,
                request: .write(put("k\(number)", "v").request))
            // Behind the request's tag and length, and what they are of, a field that nobody reads: what a client has
            // sent stays as it is.
            var data = record.encoded()
            let end = 2 + Int(data[1])
            data.insert(contentsOf: unread, at: end)
            data[1] += UInt8(unread.count)
            let sent = data.prefix(end + unread.count)
            let body = Message.Body.proposal([Proposal(data: data)])
            let message = Message(
                from: TestCluster.id(follower), to: TestCluster.id(leader), term: .zero, body: body)
            cluster.step(leader, .received(message))
            cluster.settle()
            #expect(cluster[leader].replica.cluster.stamp == (lead > 0 ? before : stamp))
            #expect(cluster[leader].replica.store.revision == 1 + Int64(number))
            let log = cluster[leader].replica.node.log
            let found = log[log.last].data
            #expect(lead > 0 ? found.count < data.count && found.starts(with: sent) : found == data)
        }
        cluster.tick(3)
        cluster.checkEqual()
    }

    /// Until it knows a majority's clocks a member asks as often as answers may be late.
    @Test func whoKnowsNoClocksAsksMoreOften() throws {
        var cluster = try cluster(3)
        let leader = try #require(cluster.leader)
        let other = TestCluster.id(cluster.follower())
        cluster.clockQuestions = [:]
        cluster.tick(50)
        let known = try #require(cluster.clockQuestions[other])
        cluster.crash(cluster.follower())
        cluster.crash(cluster.follower())
        cluster.tick(110)
        cluster.clockQuestions = [:]
        cluster.tick(50)
        // Of the leader alone now: half as many ask.
        let unknown = try #require(cluster.clockQuestions[other])
        #expect(known == 10 && unknown >= 9, "\(known), \(unknown)")
        #expect(cluster[leader].replica.membersOfKnownClocks.isEmpty)
    }

    /// Once, the clock may be right and what is known of the others old, as after a pause of the whole machine.
    @Test func aWarningNeedsTwoJudgements() throws {
        var cluster = try cluster(3)
        let leader = try #require(cluster.leader)
        cluster.clockErrors[TestCluster.id(leader)] = hour
        cluster.tick(10)
        #expect(cluster[leader].clockErrors == [])
        cluster.tick(10)
        #expect(cluster[leader].clockErrors == [hour - 1000])
        cluster.clockErrors = [:]
        cluster.tick(30)
        #expect(cluster[leader].clockErrors == [hour - 1000])
    }

    /// The only other clock that is known contradicts the leader's: that is no majority against it, nor one for it.
    @Test func aClockThatIsContradictedSaysNothing() throws {
        var cluster = try cluster(3)
        let leader = try #require(cluster.leader)
        cluster.crash(cluster.follower())
        // What was known of it is forgotten.
        cluster.tick(110)
        cluster.clockErrors[TestCluster.id(leader)] = hour
        cluster.tick(10)
        #expect(error(cluster, leader) == nil)
        let before = cluster[leader].replica.cluster.stamp
        #expect(cluster.write(leader, "k") != nil)
        #expect(cluster[leader].replica.cluster.stamp == before)
        cluster.clockErrors = [:]
        cluster.tick(10)
        #expect(cluster.write(leader, "k") != nil)
        #expect(cluster[leader].replica.cluster.stamp == cluster.moment.wallMilliseconds)
    }
}
