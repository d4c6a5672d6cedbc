// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRESPCodec
import MartletRaft
import MartletReplica
import Testing

extension TestCluster {
    /// Lets time pass, and has every member see to what is due.
    fileprivate mutating func tickDue(_ count: Int) {
        for _ in 0..<count {
            tick()
            for id in order { step(id, .commandsDue) }
            settle()
        }
    }

    /// What a member that leads holds in a stream: of each entry its ID and its texts.
    fileprivate mutating func entries(_ number: Int, _ key: String, client: UInt64) -> [(id: String, texts: [String])] {
        let now = ask(number, client: client, isLate: true, "XRANGE \(key) - +")
        var (parser, offset) = (ReplyParser(), 0)
        guard case .array(let entries)? = try? parser.next(in: Array(now.utf8).span.bytes, at: &offset) else {
            return []
        }
        return entries.compactMap { entry in
            guard case .array(let parts) = entry, case .bulk(let id) = parts[0], case .array(let texts) = parts[1]
            else {
                return nil
            }
            return (
                String(decoding: id, as: UTF8.self),
                texts.map { if case .bulk(let text) = $0 { String(decoding: text, as: UTF8.self) } else { "" } }
            )
        }
    }
}

/// What streams do of themselves, whoever leads.
@Suite struct QueueClusterTests {
    /// Who waits at a follower is noted as seen by way of the leader, a few times in what makes it idle.
    @Test func whoWaitsAtAFollowerIsNotIdle() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        let follower = try #require((1...3).first { $0 != leader })
        let lines = [
            "XGROUP CREATE s g 0 MKSTREAM", "XGROUP SETPOLICY s g IDLECONSUMERS 1000", "XGROUP CREATECONSUMER s g gone",
        ]
        for line in lines {
            _ = cluster.ask(leader, client: 1, line)
            cluster.settle()
        }
        _ = cluster.ask(follower, client: 2, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >")
        cluster.settle()
        cluster.tickDue(100)
        for number in 1...3 {
            let told = cluster.ask(number, client: 4, isLate: true, "XINFO CONSUMERS s g")
            #expect(told.contains("$1\r\nc\r\n") && !told.contains("gone"), "\(number): \(told)")
        }
        cluster.checkEqual()
    }

    /// Leaders die again and again: each run of a job is one entry, none is missing, and what was put by comes once.
    @Test func runsComeOnceOverChangesOfLeaders() throws {
        var cluster = try TestCluster(3)
        var leader = cluster.elect()
        let begin = Int64(cluster.moment.wallMilliseconds)
        #expect(cluster.ask(leader, client: 1, "XCRON SET s j @every\t300ms * f v") == "")
        cluster.settle()
        for number in 1...20 {
            #expect(cluster.ask(leader, client: 2, "XADD d DELAY \(number * 400) * n \(number)") == "")
            cluster.settle()
        }
        for round in 0..<4 {
            cluster.tickDue(7)
            // What is proposed may or may not survive its leader.
            cluster.moment.wallMilliseconds += 300
            cluster.step(leader, .commandsDue)
            cluster.settle(rounds: round)
            cluster.crash(leader)
            let next = cluster.elect(not: leader)
            cluster.tickDue(3)
            try cluster.restart(leader)
            leader = next
        }
        cluster.tickDue(100)
        cluster.checkEqual()
        for number in 1...3 {
            let runs = cluster.entries(number, "s", client: 9).map { Int64($0.texts[3]) ?? 0 }
            #expect(runs.count > 20 && runs.first == begin + 300)
            #expect(zip(runs, runs.dropFirst()).allSatisfy { $0 + 300 == $1 })
            let delayed = cluster.entries(number, "d", client: 9)
            #expect(delayed.map { $0.texts[1] } == (1...20).map { "\($0)" })
            for (place, entry) in delayed.enumerated() {
                let moment = Int64(entry.id.split(separator: "-")[0]) ?? 0
                #expect(moment >= begin + Int64(place + 1) * 400)
            }
        }
    }

    /// Whoever waits at any member gets what comes of age, once.
    @Test func redeliveryIsPushedAtAnyMember() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        let follower = cluster.follower()
        #expect(
            cluster.ask(
                leader, client: 1, "XGROUP CREATE s g 0 MKSTREAM", "XGROUP SETPOLICY s g VISIBILITY 500",
                "XADD s 1-1 f v", "XREADGROUP GROUP g dead STREAMS s >") == "")
        cluster.settle()
        #expect(cluster.told(leader, client: 1).contains("1-1"))
        #expect(cluster.ask(follower, client: 2, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >") == "")
        cluster.settle()
        cluster.tickDue(3)
        #expect(!cluster.told(follower, client: 2).contains("1-1"))
        cluster.tickDue(4)
        #expect(cluster.told(follower, client: 2).contains("1-1"))
        cluster.checkEqual()
    }
}
