// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletEtcdClient
import MartletRESPClient
import MartletRESPCodec
import MartletTestPrograms
import Synchronization
import Testing

/// Redis's clients before several processes of one cluster.
@Suite("streams of a cluster of processes", .serialized, .timeLimit(.minutes(30)))
struct StreamClusterTests {
    /// The leader's place among the members.
    private static func leader(of members: [EtcdProcess]) async throws -> Int {
        var configuration = EtcdClient.Configuration(endpoints: members.map(\.endpoint))
        configuration.timeout = patience
        let client = try EtcdClient(configuration)
        var leader: Int?
        _ = try await eventually {
            for (place, member) in members.enumerated()
            where (try? await client.maintenance.status(of: member.endpoint))?.isLeader == true {
                leader = place
            }
            return leader != nil
        }
        await client.close()
        return try #require(leader)
    }

    @Test("any member takes commands, and what one was told all others know")
    func anyMember() async throws {
        try await EtcdProcess.withCluster(.martlet, servesStreams: true) { members in
            let ports = try members.map { try #require($0.streamPort) }
            for (count, port) in (ports + ports).enumerated() {
                try await RawClient.with(port: port) { client in
                    let id = try await client.run("XADD s * n \(count)")
                    #expect(id.hasSuffix("-0") || id.hasSuffix("-1"), "\(id)")
                }
                for other in ports {
                    try await RawClient.with(port: other) { client in
                        let length = try await client.run("XLEN s")
                        #expect(length == ":\(count + 1)")
                        #expect(try await client.run("WAIT 1 100") == ":1")
                        #expect(try await client.run("WAITAOF 1 1 100") == "[:1, :1]")
                    }
                }
            }
            try await RawClient.with(port: ports[0]) { consumer in
                #expect(try await consumer.run("XGROUP CREATE s g $") == "+OK")
                for port in ports {
                    try await consumer.send("XREADGROUP GROUP g c BLOCK 20000 STREAMS s >\r\n")
                    try await RawClient.with(port: port) { producer in
                        let begun = try await producer.run("MULTI")
                        #expect(begun == "+OK")
                        #expect(try await producer.run("XADD s * from \(port)") == "+QUEUED")
                        #expect(try await producer.run("PING") == "+QUEUED")
                        let replies = try await producer.run("EXEC")
                        #expect(replies.hasSuffix("+PONG]"))
                    }
                    let got = try await consumer.next().map { text($0) } ?? ""
                    #expect(got.contains("[from, \(port)]"), "\(got)")
                }
                #expect(try await consumer.run("READONLY") == "+OK")
                #expect(try await consumer.run("XLEN s") == ":9")
                #expect(try await consumer.run("READWRITE") == "+OK")
            }
        }
    }

    @Test("what is published at any member reaches subscribers at all, in order")
    func messagesReachAll() async throws {
        try await EtcdProcess.withCluster(.martlet, servesStreams: true) { members in
            let ports = try members.map { try #require($0.streamPort) }
            for port in ports {
                for other in ports {
                    // Shard channels are one namespace for all members, too; one pair of them does.
                    let kinds = port == ports[0] && other == ports[1] ? [false, true] : [false]
                    for isShard in kinds {
                        let numbers = try await Self.heard(from: port, at: other, isShard: isShard)
                        #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count, "\(numbers)")
                        #expect(numbers.last == 100)
                    }
                }
            }
        }
    }

    /// What a subscriber at one member hears of the numbers from 1 to 100 that are published at another. Each comes at
    /// most once, so the first and the last are published until they are heard.
    private static func heard(from port: Int, at other: Int, isShard: Bool) async throws -> [Int] {
        var numbers: [Int] = []
        let verb = isShard ? "SPUBLISH" : "PUBLISH"
        try await RawClient.with(port: other) { subscriber in
            let channel = "numbers-\(port)-\(other)"
            let (subscription, name) = isShard ? ("ssubscribe", channel) : ("psubscribe", channel + "*")
            #expect(try await subscriber.run("\(subscription) \(name)") == "[\(subscription), \(name), :1]")
            try await RawClient.with(port: port) { publisher in
                while !numbers.contains(0) {
                    _ = try await publisher.run("\(verb) \(channel) 0")
                    numbers += try await sofar(subscriber, "\(verb) \(channel) end", at: other)
                }
                numbers = []
                try await publisher.send((1...99).map { "\(verb) \(channel) \($0)\r\n" }.joined())
                for _ in 1...99 { _ = try await publisher.next() }
                while !numbers.contains(100) {
                    _ = try await publisher.run("\(verb) \(channel) 100")
                    numbers += try await sofar(subscriber, "\(verb) \(channel) end", at: other)
                }
            }
        }
        return Array(numbers.drop { $0 == 0 }.prefix { $0 != 100 }) + [100]
    }

    /// What has come to a subscriber: up to what is published where it listens.
    private static func sofar(_ subscriber: RawClient, _ publication: String, at port: Int) async throws -> [Int] {
        try await RawClient.with(port: port) { _ = try await $0.run(publication) }
        var numbers: [Int] = []
        while case .array(let words) = try #require(try await subscriber.next()), let last = words.last,
            let number = Int(text(last))
        {
            numbers.append(number)
        }
        return numbers
    }

    @Test("readers wait on when the leader is killed, and what was acknowledged is there")
    func leaderKilled() async throws {
        try await EtcdProcess.withCluster(.martlet, servesStreams: true) { members in
            var acknowledged: [String] = []
            for round in 0..<3 {
                let leader = try await Self.leader(of: members)
                let others = members.indices.filter { $0 != leader }
                let near = try #require(members[others[0]].streamPort)
                let far = try #require(members[others[1]].streamPort)
                try await RawClient.with(port: near) { consumer in
                    _ = try await consumer.run("XGROUP CREATE s g 0 MKSTREAM")
                    _ = try await consumer.run("XREADGROUP GROUP g c STREAMS s >")
                    try await RawClient.with(port: try #require(members[leader].streamPort)) { producer in
                        for number in 0..<50 {
                            acknowledged.append(try await producer.run("XADD s * n \(round).\(number)"))
                        }
                    }
                    var taken = 0
                    while taken < 50 {
                        let reply = try await consumer.run("XREADGROUP GROUP g c BLOCK 5000 STREAMS s >")
                        let count = reply.components(separatedBy: "[n, ").count - 1
                        try #require(count > 0, "\(reply)")
                        taken += count
                    }
                    try await consumer.send("XREADGROUP GROUP g c BLOCK 60000 STREAMS s >\r\n")
                    await members[leader].kill()
                    try await RawClient.with(port: far) { producer in
                        var (id, tries) = ("-", 0)
                        while id.hasPrefix("-"), tries < 20 {
                            id = try await producer.run("XADD s * after \(round)")
                            tries += 1
                        }
                        #expect(!id.hasPrefix("-"), "\(id)")
                        acknowledged.append(id)
                    }
                    let got = try await consumer.next().map { text($0) } ?? ""
                    #expect(got.contains("[after, \(round)]"), "\(got)")
                }
                try await members[leader].restart()
            }
            for member in members {
                try await RawClient.with(port: try #require(member.streamPort)) { client in
                    let all = try await client.run("XRANGE s - +")
                    for id in acknowledged { #expect(all.contains("[\(id), "), "\(id) at \(member.endpoint)") }
                    let replication = try await client.run("INFO replication")
                    #expect(replication.contains("martlet_voters:3"))
                }
            }
            #expect(acknowledged.count == 153 && Set(acknowledged).count == 153)
        }
    }

    /// What clients say after each answer, and are told: whether to go on.
    private final class Progress: Sendable {
        private let state = Mutex((count: 0, isOver: false))

        var count: Int { state.withLock { $0.count } }

        func goesOn() -> Bool {
            state.withLock { state in
                state.count += 1
                return !state.isOver
            }
        }

        func end() { state.withLock { $0.isOver = true } }
    }

    @Test("groups, repeated appends and watched keys hold when leaders are killed")
    func keepers() async throws {
        let seed = ProcessInfo.processInfo.environment["MARTLET_SEED"].flatMap { UInt64($0) } ?? 20_261_123
        print("keepers of a cluster: MARTLET_SEED=\(seed)")
        try await EtcdProcess.withCluster(.martlet, servesStreams: true) { members in
            let ports = try members.map { try #require($0.streamPort) }
            var keepers = (0..<3).map { GroupKeeper(stream: "k\($0)", seed: seed &+ UInt64($0)) }
            var counters: [WatchedCounter] = []
            let prepared = keepers
            try await RawClient.with(port: ports[0]) { client in
                for keeper in prepared { try await keeper.prepare(client) }
            }
            for round in 0..<4 {
                let leader = try await Self.leader(of: members)
                let progress = Progress()
                let keeping = keepers.enumerated().map { place, keeper in
                    let port = ports[(place + round) % ports.count]
                    return Task {
                        var keeper = keeper
                        try? await RawClient.with(port: port) { await keeper.work($0) { progress.goesOn() } }
                        return keeper
                    }
                }
                let counting = ports.map { port in
                    Task {
                        var counter = WatchedCounter("n")
                        try? await RawClient.with(port: port) { await counter.work($0) { progress.goesOn() } }
                        return counter
                    }
                }
                let hasBegun = try await eventually { progress.count >= 60 }
                #expect(hasBegun)
                // Those of other members go on with the next leader, if they know what became of their commands.
                await members[leader].kill()
                try await members[leader].restart()
                progress.end()
                for (place, task) in keeping.enumerated() { keepers[place] = await task.value }
                for task in counting { counters.append(await task.value) }
                for place in keepers.indices {
                    var keeper = keepers[place]
                    // Until the members have a leader again, they can't say.
                    let isKnown = try await eventually {
                        var isAnswered = false
                        try? await RawClient.with(port: ports[(place + round + 1) % ports.count]) { client in
                            isAnswered = try await keeper.check(client)
                        }
                        return isAnswered
                    }
                    #expect(isKnown && keeper.violations.isEmpty, "\(keeper.violations)")
                    keepers[place] = keeper
                }
                let told = counters
                var wrong: [String]?
                _ = try await eventually {
                    try? await RawClient.with(port: ports[round % ports.count]) { client in
                        wrong = try await WatchedCounter.check(client, "n", told: told)
                    }
                    return wrong != nil
                }
                #expect(wrong == [])
            }
            let (commands, steps) = (
                keepers.reduce(0) { $0 + $1.acknowledged }, counters.reduce(0) { $0 + $1.told.count }
            )
            print("keepers of a cluster: \(commands) commands, \(steps) steps of counters")
            #expect(commands > 0 && steps > 0)
        }
    }
}
