// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyspace
import MartletRESPCodec
import MartletRaft
import MartletReplica
import Testing

extension TestCluster {
    /// Hands commands of a client to a member.
    ///
    /// - Returns: what is answered at once.
    ///
    /// - Parameter isLate: whether what the member has is good enough.
    mutating func ask(
        _ number: Int, client: UInt64, as user: AuthName? = nil, isLate: Bool = false, _ lines: String...
    ) -> String {
        var batch = CommandBatch()
        var items: [(Int, CommandEntry)] = []
        for line in lines {
            batch.append(line.split(separator: " ").map { Array($0.utf8) })
            guard case .found(let entry) = CommandTable.shared.find(batch[batch.count - 1]) else {
                Issue.record("no command: \(line)")
                continue
            }
            items.append((items.count, entry))
        }
        var request = CommandRequest(
            client: client, database: 0, isRESP3: false, allowsLateReads: isLate, commands: batch)
        request.user = user
        request.items = items.map { ($0.0, $0.1) }
        var reply = ReplyWriter()
        _ = self[number].run(request, &reply, at: moment(of: Self.id(number)))
        return String(decoding: reply.bytes, as: UTF8.self)
    }

    /// Hands a transaction to a member.
    mutating func exec(_ number: Int, client: UInt64, watched: [WatchedKey] = [], _ lines: String...) {
        var transaction = Transaction()
        transaction.watched = watched
        for line in lines {
            let arguments = Arguments(line.split(separator: " ").map { Array($0.utf8) })
            guard case .found(let entry) = CommandTable.shared.find(arguments) else {
                Issue.record("no command: \(line)")
                continue
            }
            transaction.append(arguments, entry, database: 0)
        }
        self[number].run(transaction, client: client, at: moment)
    }

    func told(_ number: Int, client: UInt64) -> String {
        self[number].commandReplies.filter { $0.client == client }
            .map { String(decoding: $0.bytes, as: UTF8.self) }.joined()
    }
}

/// Redis's clients in a cluster: any member takes their commands, the leader puts them in order.
@Suite struct ClusterCommandTests {
    @Test func anyMemberTakesCommands() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        let (follower, third) = (cluster.follower(), cluster.follower(but: cluster.follower()))
        #expect(cluster.ask(leader, client: 1, "XADD s 1-1 a b", "XLEN s") == "")
        cluster.settle()
        #expect(cluster.told(leader, client: 1) == "$3\r\n1-1\r\n:1\r\n")
        #expect(cluster.ask(follower, client: 2, "XADD s 1-2 a b", "XLEN s", "XADD s 1-2 a b") == "")
        #expect(cluster.ask(third, client: 3, "XLEN s") == "")
        cluster.settle()
        let told = cluster.told(follower, client: 2)
        #expect(told.hasPrefix("$3\r\n1-2\r\n:2\r\n-ERR The ID specified in XADD is equal or smaller"))
        #expect(cluster.told(third, client: 3).hasPrefix(":"))
        cluster.exec(third, client: 4, "XADD s 1-3 a b", "XLEN s")
        cluster.settle()
        #expect(cluster.told(third, client: 4) == "*2\r\n$3\r\n1-3\r\n:3\r\n")
        cluster.exec(third, client: 5, watched: [WatchedKey(database: 0, name: [0x73], version: 0)], "DEL s")
        cluster.exec(third, client: 6, "XLEN s")
        cluster.settle()
        #expect(cluster.told(third, client: 5) == "*-1\r\n")
        #expect(cluster.told(third, client: 6) == "*1\r\n:3\r\n")
        cluster.tick(2)
        cluster.checkEqual()
    }

    /// Members' clocks may differ: one counts.
    @Test func theLeaderSaysWhatTimeItIs() throws {
        var cluster = try TestCluster(3)
        cluster.elect()
        cluster.tick(5)
        let follower = cluster.follower()
        #expect(cluster.ask(follower, client: 1, "XADD s * a b") == "")
        cluster.settle()
        let (told, now) = (cluster.told(follower, client: 1), cluster.moment.wallMilliseconds)
        #expect(told == "$15\r\n\(now)-0\r\n")
        // The follower's clock is an hour fast.
        cluster.moment.wallMilliseconds += 3_600_000
        #expect(cluster.ask(follower, client: 2, "XADD s * a b") == "")
        cluster.moment.wallMilliseconds -= 3_600_000
        cluster.settle()
        #expect(cluster.told(follower, client: 2) == "$15\r\n\(now)-1\r\n")
        cluster.checkEqual()
    }

    @Test func readsAreLinearizableUnlessTheyMayBeLate() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        let follower = cluster.follower()
        cluster.isolate(follower)
        #expect(cluster.ask(leader, client: 1, "XADD s 1-1 a b") == "")
        cluster.settle()
        #expect(cluster.told(leader, client: 1) == "$3\r\n1-1\r\n")
        #expect(cluster.ask(follower, client: 2, "XLEN s") == "")
        #expect(cluster.ask(follower, client: 3, isLate: true, "XLEN s") == ":0\r\n")
        cluster.settle()
        #expect(cluster.told(follower, client: 2) == "")
        cluster.cut = []
        cluster.tick(30)
        #expect(cluster.told(follower, client: 2) == ":1\r\n")
        // A leader that is cut off knows nothing for sure.
        let second = cluster.elect()
        cluster.isolate(second)
        #expect(cluster.ask(second, client: 4, "XLEN s") == "")
        cluster.settle()
        #expect(cluster.told(second, client: 4) == "")
        cluster.tick(100)
        #expect(cluster.told(second, client: 4).hasPrefix("-CLUSTERDOWN"))
    }

    @Test func readersWaitAtAnyMember() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        let (follower, third) = (cluster.follower(), cluster.follower(but: cluster.follower()))
        #expect(cluster.ask(third, client: 1, "XGROUP CREATE s g 0 MKSTREAM") == "")
        cluster.settle()
        #expect(cluster.ask(follower, client: 2, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >") == "")
        #expect(cluster.ask(third, client: 3, "XREADGROUP GROUP g d BLOCK 0 STREAMS s >") == "")
        #expect(cluster.ask(follower, client: 4, "XREAD BLOCK 0 STREAMS s $") == "")
        cluster.settle()
        #expect(cluster[follower].replica.blockedClients == 2 && cluster[third].replica.blockedClients == 1)
        #expect(cluster.ask(leader, client: 5, "XADD s 1-1 a b") == "")
        cluster.settle()
        #expect(cluster.told(follower, client: 4).contains("1-1"))
        let served = [cluster.told(follower, client: 2), cluster.told(third, client: 3)]
        #expect(served.filter { $0.contains("1-1") }.count == 1, "an entry goes to one of a group")
        #expect(cluster.ask(follower, client: 5, "XADD s 1-2 a b") == "")
        cluster.settle()
        #expect(cluster.told(follower, client: 2).contains("1-") && cluster.told(third, client: 3).contains("1-"))
        #expect(cluster.order.allSatisfy { cluster.members[$0]!.replica.blockedClients == 0 })
        cluster.checkEqual()
    }

    /// What was proposed may have taken effect; what was not has not. Who waits goes on waiting.
    @Test func whoeverProposedIsToldWhenLeadershipIsLost() throws {
        var cluster = try TestCluster(3)
        let first = cluster.elect()
        #expect(cluster.ask(first, client: 1, "XGROUP CREATE s g 0 MKSTREAM") == "")
        cluster.settle()
        #expect(cluster.ask(first, client: 2, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >") == "")
        #expect(cluster.ask(first, client: 5, "XREAD BLOCK 0 STREAMS s 0") == "")
        cluster.settle()
        cluster.isolate(first)
        #expect(cluster.ask(first, client: 3, "XADD s 1-1 a b", "XADD s 1-2 a b") == "")
        cluster.settle()
        #expect(cluster.told(first, client: 3) == "")
        let second = cluster.elect(not: first)
        cluster.tick(22)
        // It may have got the first of them.
        #expect(cluster.told(first, client: 2).hasPrefix("-UNCERTAIN"))
        let told = cluster.told(first, client: 3)
        #expect(told.split(separator: "\r\n").count == 2 && told.hasPrefix("-UNCERTAIN"))
        #expect(cluster.told(first, client: 5) == "")
        #expect(cluster.ask(second, client: 4, "XADD s 2-1 a b") == "")
        cluster.settle()
        cluster.cut = []
        cluster.tick(5)
        #expect(cluster.told(second, client: 4) == "$3\r\n2-1\r\n")
        #expect(cluster.told(first, client: 5).contains("2-1"))
        cluster.checkEqual()
        #expect(cluster[first].replica.blockedClients == 0)
    }

    @Test func nobodyKnowsWhatBecameOfCommandsOnTheirWayToALostLeader() throws {
        var cluster = try TestCluster(3)
        let first = cluster.elect()
        let (follower, third) = (cluster.follower(), cluster.follower(but: cluster.follower()))
        cluster.isolate(first)
        #expect(cluster.ask(follower, client: 1, "XADD s 1-1 a b", "XLEN s") == "")
        cluster.settle()
        cluster.elect(not: first)
        cluster.tick(2)
        let told = cluster.told(follower, client: 1)
        #expect(told.split(separator: "\r\n").count == 2 && told.hasPrefix("-UNCERTAIN the leader changed"))
        // Nobody leads: who asks waits a while for somebody.
        let now = cluster.leader!
        cluster.isolate(now)
        cluster.isolate(follower)
        cluster.isolate(third)
        cluster.tick(30)
        #expect(cluster.ask(follower, client: 2, "XADD s 2-1 a b") == "")
        cluster.tick(20)
        #expect(cluster.told(follower, client: 2) == "")
        cluster.cut = []
        cluster.elect()
        cluster.tick(2)
        #expect(cluster.told(follower, client: 2) == "$3\r\n2-1\r\n")
        cluster.isolate(1)
        cluster.isolate(2)
        cluster.isolate(3)
        cluster.tick(30)
        #expect(cluster.ask(follower, client: 3, "XADD s 3-1 a b", "XLEN s") == "")
        cluster.tick(80)
        #expect(cluster.told(follower, client: 3).split(separator: "\r\n").allSatisfy { $0.hasPrefix("-CLUSTERDOWN") })
        #expect(cluster.told(follower, client: 3).split(separator: "\r\n").count == 2)
    }

    /// A proposed record that the next leader commits takes effect, though its replies were given up.
    @Test func whatIsCommittedLaterTakesEffect() throws {
        var cluster = try TestCluster(3)
        let first = cluster.elect()
        // The entry gets to the followers, their answers don't get back.
        for other in 1...3 where other != first { cluster.cut.insert([TestCluster.id(other), TestCluster.id(first)]) }
        #expect(cluster.ask(first, client: 1, "XADD s 1-1 a b") == "")
        cluster.settle()
        cluster.tick(25)
        cluster.cut = []
        cluster.elect()
        cluster.tick(5)
        #expect(cluster.told(first, client: 1).hasPrefix("-UNCERTAIN"))
        cluster.checkEqual()
        let leader = try #require(cluster.leader)
        #expect(cluster.ask(leader, client: 2, "XADD s 1-1 a b") == "")
        cluster.settle()
        #expect(cluster.told(leader, client: 2).hasPrefix("-ERR The ID specified in XADD is equal or smaller"))
    }
}
