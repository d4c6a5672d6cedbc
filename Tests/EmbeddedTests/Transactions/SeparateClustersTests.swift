// SPDX-License-Identifier: Apache-2.0

import MartletEmbedded
import MartletEtcdClient
import MartletRedisClient
import MartletTestPrograms
import Testing

/// Keys of one Martlet cluster and streams of another: a transaction would change streams that nobody reads.
@Suite(.timeLimit(.minutes(30))) struct SeparateClustersTests {
    private struct Server {
        var process: EtcdProcess
        var streams: String
    }

    private func withServers(_ arguments: [String] = [], _ body: (Server, Server) async throws -> Void) async throws {
        try await withServer(arguments) { one in try await withServer(arguments) { try await body(one, $0) } }
    }

    private func withServer(_ arguments: [String] = [], _ body: (Server) async throws -> Void) async throws {
        let streams = "redis://127.0.0.1:\(try freePort())"
        try await EtcdProcess.with(.martlet, arguments: ["--listen-stream-urls", streams] + arguments) {
            try await body(Server(process: $0, streams: streams))
        }
    }

    private func number(_ endpoint: String) async throws -> String {
        var configuration = EtcdClient.Configuration(endpoints: [endpoint])
        configuration.timeout = patience
        let client = try EtcdClient(configuration)
        let number = try await client.cluster.number()
        await client.close()
        return String(number, radix: 16)
    }

    /// On a busy machine servers may take more than a second to answer, and are told apart later then.
    private func refusal(_ address: StoreAddress) async -> MartletStoreError? {
        for _ in 0..<60 {
            do {
                try await MartletStore.with(address) { _ in }
            } catch {
                return error as? MartletStoreError
            }
        }
        return nil
    }

    @Test func twoClustersAreRefusedAtTheStart() async throws {
        try await withServers { one, two in
            let address = try StoreAddress("etcd://\(one.process.endpoint) \(two.streams)")
            let error = await refusal(address)
            let (keys, streams) = (try await number(one.process.endpoint), try await number(two.process.endpoint))
            #expect(error?.code == .separateClusters && keys != streams)
            #expect(
                error?.message
                    == "the store at \(address) has its keys and its streams in two Martlet clusters, \(keys) and "
                    + "\(streams): name one cluster's")
            // Each by itself is one.
            for server in [one, two] {
                let whole = try StoreAddress("etcd://\(server.process.endpoint) \(server.streams)")
                let result = try await MartletStore.with(whole) { try await $0.transact { $0.then.put("a", "1") } }
                #expect(result.succeeded)
            }
        }
    }

    /// Numbers follow from addresses, and two machines may have the same.
    @Test func twoOfTheSameNumberAreRefusedBeforeTheFirstTransaction() async throws {
        let alike = [
            "--initial-advertise-peer-urls", "http://127.0.0.1:1", "--initial-cluster", "test=http://127.0.0.1:1",
        ]
        try await withServers(alike) { one, two in
            let address = try StoreAddress("etcd://\(one.process.endpoint) \(two.streams)")
            let number = try await number(one.process.endpoint)
            let message =
                "the store at \(address) has its keys and its streams in two Martlet clusters, which have the number "
                + "\(number) alike: name one cluster's"
            try await MartletStore.with(address) { store in
                for _ in 0..<2 {
                    let error = await #expect(throws: MartletStoreError.self) {
                        try await store.transact { $0.then.put("a", "1") }
                    }
                    #expect(error?.code == .separateClusters && error?.message == message)
                }
                let count = try await store.keys.get("a").count
                #expect(count == 0)
            }
            let error = await #expect(throws: MartletStoreError.self) {
                try await MartletStore.open(address) { $0.requires.insert(.transactions) }
            }
            #expect(error?.code == .separateClusters && error?.message == message)
        }
    }

    @Test func theQuestionLeavesNothing() async throws {
        try await withServer { server in
            let address = try StoreAddress("etcd://\(server.process.endpoint) \(server.streams)")
            try await MartletStore.with(address, configure: { $0.requires.insert(.transactions) }) { store in
                let revision = try await store.transact { $0.then.put("a", "1") }.revision
                #expect(revision == 2)
                let left = try await store.streams.command("DBSIZE").integer
                #expect(left == 0)
            }
        }
    }

    @Test func serversThatAreAwayAreAskedByTheFirstTransaction() async throws {
        let (keys, streams) = (try freePort(), try freePort())
        let address = try StoreAddress("etcd://127.0.0.1:\(keys) redis://127.0.0.1:\(streams)")
        // Opening asks them, too, and goes on without an answer.
        try await MartletStore.with(
            address, configure: { $0.configureStreams = { $0.timeout = .milliseconds(200) } }
        ) { store in
            let error = await #expect(throws: MartletStoreError.self) {
                try await store.transact { $0.then.put("a", "1") }
            }
            #expect(error?.code == .unavailable)
            #expect(error?.message.hasPrefix("the store at \(address) can't be asked for transactions: ") == true)
        }
    }

    @Test func bothProtocolsTellTheSameNumber() async throws {
        try await MartletStore.withEmbedded { store in
            let told = try await store.streams.info("server")["martlet_cluster_id"]
            let number = try await store.keys.cluster.number()
            #expect(told == String(number, radix: 16))
        }
    }
}
