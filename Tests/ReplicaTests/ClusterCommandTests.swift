// SPDX-License-Identifier: Apache-2.0

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
    mutating func ask(_ number: Int, client: UInt64, _ lines: String...) -> String {
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
            client: client, database: 0, isRESP3: false, allowsLateReads: false, commands: batch)
        request.items = items.map { ($0.0, $0.1) }
        var reply = ReplyWriter()
        _ = self[number].run(request, &reply, at: moment)
        return String(decoding: reply.bytes, as: UTF8.self)
    }

    func told(_ number: Int, client: UInt64) -> String {
        self[number].commandReplies.filter { $0.client == client }
            .map { String(decoding: $0.bytes, as: UTF8.self) }.joined()
    }
}

/// Redis's clients in a cluster: the leader alone carries out their commands.
@Suite struct ClusterCommandTests {
    @Test func theLeaderCarriesOutCommands() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        let follower = cluster.follower()
        #expect(cluster.ask(leader, client: 1, "XADD s 1-1 a b", "XLEN s") == "")
        cluster.settle()
        #expect(cluster.told(leader, client: 1) == "$3\r\n1-1\r\n:1\r\n")
        #expect(cluster.ask(follower, client: 1, "XADD s 1-2 a b").hasPrefix("-READONLY another member leads"))
        cluster.tick(2)
        cluster.checkEqual()
    }

    /// What was proposed may have taken effect; what was not has not.
    @Test func whoeverWaitsIsToldWhenLeadershipIsLost() throws {
        var cluster = try TestCluster(3)
        let first = cluster.elect()
        #expect(cluster.ask(first, client: 1, "XGROUP CREATE s g 0 MKSTREAM") == "")
        cluster.settle()
        #expect(cluster.ask(first, client: 2, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >") == "")
        cluster.settle()
        cluster.isolate(first)
        #expect(cluster.ask(first, client: 3, "XADD s 1-1 a b", "XADD s 1-2 a b") == "")
        cluster.settle()
        #expect(cluster.told(first, client: 3) == "")
        let second = cluster.elect(not: first)
        cluster.tick(22)
        #expect(cluster.told(first, client: 2).hasPrefix("-UNBLOCKED"))
        let told = cluster.told(first, client: 3)
        #expect(told.split(separator: "\r\n").count == 2 && told.hasPrefix("-UNCERTAIN"))
        #expect(cluster.ask(second, client: 4, "XADD s 2-1 a b") == "")
        cluster.settle()
        cluster.cut = []
        cluster.tick(5)
        #expect(cluster.told(second, client: 4) == "$3\r\n2-1\r\n")
        cluster.checkEqual()
        #expect(cluster[first].replica.blockedClients == 0)
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
