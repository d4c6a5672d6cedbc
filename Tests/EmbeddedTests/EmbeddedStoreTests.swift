// SPDX-License-Identifier: Apache-2.0

import MartletEmbedded
import MartletEtcdClient
import MartletRedisClient
import MartletTestPrograms
import Testing

/// A store in this process, in memory and in a folder.
@Suite(.timeLimit(.minutes(30))) struct EmbeddedStoreTests {
    enum Home: CaseIterable, Sendable {
        case memory, folder

        func with<Result>(_ body: (MartletStore) async throws -> Result) async throws -> Result {
            guard self == .folder else { return try await MartletStore.withEmbedded(body) }
            let folder = try TemporaryFolder()
            return try await MartletStore.withEmbedded(path: folder.file("data"), body)
        }
    }

    // MARK: Keys

    @Test(arguments: Home.allCases) func keysAreThere(_ home: Home) async throws {
        try await home.with { store in
            let put = try await store.keys.put("a", "1")
            try await store.keys.put("b", "2")
            #expect(put.revision == 2)
            let found = try await store.keys.get(.prefix(""))
            #expect(found.keyValues.map(\.keyText) == ["a", "b"])
            #expect(found.keyValues.map(\.valueText) == ["1", "2"])
            let deleted = try await store.keys.delete("a")
            #expect(deleted.count == 1)
            let before = try await store.keys.get("a") { $0.revision = 3 }
            #expect(before.keyValues.map(\.valueText) == ["1"])
        }
    }

    @Test(arguments: Home.allCases) func transactionsDecide(_ home: Home) async throws {
        try await home.with { store in
            let first = try await store.keys.transaction(
                when: [.isMissing("a")], then: [.put("a", "1")], otherwise: [.put("a", "2")])
            let second = try await store.keys.transaction(
                when: [.isMissing("a")], then: [.put("a", "1")], otherwise: [.put("a", "2")])
            #expect(first.succeeded)
            #expect(!second.succeeded)
            let value = try await store.keys.get("a").keyValues.first?.valueText
            #expect(value == "2")
        }
    }

    @Test(arguments: Home.allCases) func watchesTell(_ home: Home) async throws {
        try await home.with { store in
            let revision = try await store.keys.put("w/0", "0").revision
            async let seen = {
                var texts: [String] = []
                for try await batch in store.keys.watch(.prefix("w/"), from: revision) {
                    texts += batch.events.map { "\($0.kind) \($0.keyValue.keyText)" }
                    if texts.count >= 3 { break }
                }
                return texts
            }()
            try await store.keys.put("w/1", "1")
            try await store.keys.delete("w/0")
            let texts = try await seen
            #expect(texts == ["put w/0", "put w/1", "delete w/0"])
        }
    }

    @Test(arguments: Home.allCases) func leasesEnd(_ home: Home) async throws {
        try await home.with { store in
            var lease = try await store.keys.grantLease(ttlSeconds: 1)
            // On a busy machine it may end before the key is there.
            let isThere = try await eventually {
                lease = try await store.keys.grantLease(ttlSeconds: 1)
                return (try? await store.keys.put("l", "1", lease: lease.id)) != nil
            }
            #expect(isThere)
            let isGone = try await eventually { try await store.keys.get("l").count == 0 }
            #expect(isGone)
            let ended = lease.id
            let error = await #expect(throws: EtcdError.self) { try await store.keys.keepAliveOnce(ended) }
            #expect(error?.code == .leaseNotFound)
        }
    }

    @Test(arguments: Home.allCases) func locksExclude(_ home: Home) async throws {
        try await home.with { store in
            let state = Shared((inside: 0, most: 0, times: 0))
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for _ in 0..<8 {
                    tasks.addTask {
                        try await store.keys.withLock("door") { _ in
                            state.change {
                                $0.inside += 1
                                $0.most = max($0.most, $0.inside)
                                $0.times += 1
                            }
                            await Task.yield()
                            state.change { $0.inside -= 1 }
                        }
                    }
                }
                try await tasks.waitForAll()
            }
            #expect(state.value.most == 1)
            #expect(state.value.times == 8)
        }
    }

    @Test func manyCallersAtOnce() async throws {
        try await MartletStore.withEmbedded { store in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for task in 0..<64 {
                    tasks.addTask {
                        for number in 0..<50 { try await store.keys.put("\(task)/\(number)", "\(number)") }
                    }
                }
                try await tasks.waitForAll()
            }
            let count = try await store.keys.get(.all) { $0.isCountOnly = true }
            #expect(count.count == 64 * 50)
            #expect(count.revision == 64 * 50 + 1)
        }
    }

    /// Long ranges are answered part by part, beside the loop.
    @Test func longRangesAreWhole() async throws {
        try await MartletStore.withEmbedded { store in
            let value = [UInt8](repeating: 7, count: 1 << 20)
            for number in 0..<12 { try await store.keys.put("k\(number)".utf8, value) }
            let found = try await store.keys.get(.prefix("k"))
            #expect(found.keyValues.count == 12)
            #expect(found.keyValues.allSatisfy { $0.value == value })
        }
    }

    // MARK: The errors of the wire

    @Test func whatIsTooLargeIsRefusedInTheServersWords() async throws {
        try await MartletStore.withEmbedded { store in
            let limit = store.requestLimit
            let error = await #expect(throws: EtcdError.self) {
                try await store.keys.put("k".utf8, [UInt8](repeating: 0, count: limit))
            }
            #expect(error?.message == "etcdserver: request is too large")
            // Beyond what the wire itself takes.
            let larger = await #expect(throws: EtcdError.self) {
                try await store.keys.put("k".utf8, [UInt8](repeating: 0, count: 2 * limit))
            }
            #expect(larger?.message.hasPrefix("grpc: received message larger than max (") == true)
        }
    }

    @Test func aLateAnswerIsATimeout() async throws {
        try await MartletStore.withEmbedded(configure: { $0.configureKeys = { $0.timeout = .zero } }) { store in
            let error = await #expect(throws: EtcdError.self) { try await store.keys.put("a", "1") }
            #expect(error?.code == .timeout)
        }
    }

    @Test func answersThatAreTooLargeForTheClientAreRefused() async throws {
        try await MartletStore.withEmbedded(configure: { $0.configureKeys = { $0.maximumMessageBytes = 1000 } }) {
            store in
            try await store.keys.put("a".utf8, [UInt8](repeating: 1, count: 2000))
            let error = await #expect(throws: EtcdError.self) { try await store.keys.get("a") }
            #expect(error?.message.hasPrefix("grpc: received message larger than max (") == true)
        }
    }

    @Test func credentialsAreAskedFor() async throws {
        try await MartletStore.withEmbedded(configure: {
            $0.configureKeys = { $0.credentials = EtcdCredentials(user: "root", password: "secret") }
        }) { store in
            try await store.keys.auth.addUser("root", password: "secret")
            try await store.keys.auth.addRole("root")
            try await store.keys.auth.grantRole("root", toUser: "root")
            try await store.keys.auth.enable()
            try await store.keys.put("a", "1")
            let found = try await store.keys.get("a")
            #expect(found.count == 1)
        }
    }

    /// Users are those of both clients, as soon as they are asked for and as long as they are.
    @Test(arguments: [false, true]) func streamsAskForTheSameCredentials(isOldProtocol: Bool) async throws {
        try await MartletStore.withEmbedded(configure: {
            $0.configureKeys = { $0.credentials = EtcdCredentials(user: "root", password: "secret") }
            $0.configureStreams = { $0.usesRESP2 = isOldProtocol }
        }) { store in
            func name() async throws -> String? {
                try await store.streams.send(RedisCommand("ACL", "WHOAMI")).text
            }
            try await store.streams.xadd("s", ["n": "1"])
            #expect(try await name() == "default")
            try await store.keys.auth.addUser("root", password: "secret")
            try await store.keys.auth.addRole("root")
            try await store.keys.auth.grantRole("root", toUser: "root")
            try await store.keys.auth.enable()
            try await store.streams.xadd("s", ["n": "2"])
            #expect(try await name() == "root")
            let found = try await store.streams.xread([.after(.zero, of: "s")], block: .seconds(300))
            #expect(found.first?.entries.count == 2)
            try await store.keys.auth.disable()
            try await store.streams.xadd("s", ["n": "3"])
            #expect(try await name() == "default")
        }
    }

    /// Without any both are refused.
    @Test func whoSaysNothingIsNobody() async throws {
        try await MartletStore.withEmbedded { store in
            try await store.keys.auth.addUser("root", password: "secret")
            try await store.keys.auth.addRole("root")
            try await store.keys.auth.grantRole("root", toUser: "root")
            try await store.keys.auth.enable()
            let keys = await #expect(throws: EtcdError.self) { try await store.keys.put("a", "1") }
            let streams = await #expect(throws: RedisError.self) { try await store.streams.xadd("s", ["n": "1"]) }
            #expect(keys != nil && streams?.code == .denied)
        }
    }

    // MARK: Streams

    @Test(arguments: Home.allCases) func groupsShareAStream(_ home: Home) async throws {
        try await home.with { store in
            let streams = store.streams
            try await streams.xgroupCreate("orders", "billing", .beginning, createsStream: true)
            async let waited = streams.xreadgroup(
                "billing", "one", [.undelivered(of: "orders")], block: .seconds(300))
            try await Task.sleep(for: .milliseconds(20))
            let id = try await streams.xadd("orders", ["article": "tea"])
            let found = try await waited
            #expect(found.first?.entries.first?.id == id)
            #expect(found.first?.entries.first?.text("article") == "tea")
            let pending = try await streams.xpending("orders", "billing")
            #expect(pending.count == 1)
            let acknowledged = try await streams.xack("orders", "billing", [try #require(id)])
            #expect(acknowledged == 1)
        }
    }

    @Test func consumersWork() async throws {
        try await MartletStore.withEmbedded { store in
            try await store.streams.withConsumer(RedisConsumerOptions(stream: "jobs", group: "workers")) { consumer in
                for job in 0..<10 { try await store.streams.xadd("jobs", ["n": job]) }
                var seen: [String?] = []
                for try await message in consumer.messages {
                    seen.append(message.entry.text("n"))
                    try await message.ack()
                    if seen.count == 10 { break }
                }
                #expect(seen == (0..<10).map(String.init))
            }
            let pending = try await store.streams.xpending("jobs", "workers")
            #expect(pending.count == 0)
        }
    }

    /// Both ends of the pipe are on one loop, and give way to each other however much there is to say.
    @Test func largeRepliesGoThroughThePipe() async throws {
        try await MartletStore.withEmbedded { store in
            let value = [UInt8](repeating: 65, count: 1 << 20)
            try await store.streams.set("big", value)
            try await withThrowingTaskGroup(of: [UInt8]?.self) { tasks in
                for _ in 0..<16 { tasks.addTask { try await store.streams.get("big") } }
                for try await found in tasks { #expect(found == value) }
            }
        }
    }

    @Test func pipelinesAreInOrder() async throws {
        try await MartletStore.withEmbedded { store in
            let commands = (0..<1000).map { RedisCommand("RPUSH", "list", "\($0)") }
            let replies = try await store.streams.pipeline(commands)
            #expect(replies.last?.integer == 1000)
            let length = try await store.streams.llen("list")
            #expect(length == 1000)
        }
    }
}

extension MartletStore {
    fileprivate var requestLimit: Int { MartletStore.Embedded().maximumRequestBytes }
}
