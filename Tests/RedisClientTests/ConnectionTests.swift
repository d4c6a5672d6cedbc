// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRedisClient
import MartletRedisPeers
import MartletTestPrograms
import Testing

/// What a connection goes through.
@Suite(.timeLimit(.minutes(30))) struct ConnectionTests {
    /// Many callers at once, each with its own answer.
    @Test(arguments: RedisPeer.Kind.available) func sharesAConnection(_ kind: RedisPeer.Kind) async throws {
        try await withClient(Setting(kind: kind, usesRESP2: false)) { (client, _) async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<50 {
                    group.addTask { () async throws in
                        for number in 0..<40 {
                            let text = "\(caller)-\(number)"
                            #expect(try await client.command("ECHO", text).text == text)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await eventually { try await client.info("clients")["connected_clients"] == "1" })
        }
    }

    /// Callers that go away in the midst leave the others' answers where they belong.
    @Test(arguments: RedisPeer.Kind.available) func survivesCancellation(_ kind: RedisPeer.Kind) async throws {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        let delays = (0..<300).map { _ in Int(random.next() % 2000) }
        try await withClient(Setting(kind: kind, usesRESP2: false)) { (client, _) async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (caller, delay) in delays.enumerated() {
                    group.addTask { () async throws in
                        let task = Task { try await client.command("ECHO", "\(caller)").text }
                        if caller % 2 == 0 {
                            try await Task.sleep(for: .microseconds(delay))
                            task.cancel()
                        }
                        switch await task.result {
                        case .success(let text): #expect(text == "\(caller)", "seed \(seed)")
                        case .failure(let error): #expect(error is CancellationError && caller % 2 == 0)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await client.command("ECHO", "end").text == "end")
        }
    }

    @Test(arguments: RedisPeer.Kind.available) func connectsAgain(_ kind: RedisPeer.Kind) async throws {
        try await withClient(Setting(kind: kind, usesRESP2: false)) { (client, peer) async throws in
            try await client.set("k", "v")
            await peer.stop()
            // A command that nobody answers waits for the next server.
            async let late = client.dbsize()
            try await Task.sleep(for: .milliseconds(200))
            try await peer.start()
            #expect(try await late == (kind == .memory ? 0 : 1))
            #expect(try await client.get("k") == (kind == .memory ? nil : Array("v".utf8)))
        }
    }

    @Test func givesUpInTime() async throws {
        let port = try freePort()
        try await withRedisClient("127.0.0.1:\(port)") {
            $0.timeout = .milliseconds(200)
            $0.logger = quiet
        } _: { (client) async throws in
            let error = await #expect(throws: RedisError.self) { try await client.set("a", "b") }
            #expect(error?.code == .unavailable && error?.wasNotExecuted == true)
            await #expect(throws: RedisError.self) {
                try await client.xread([.new(of: "s")], block: .seconds(5))
            }
            await client.close()
            let closed = await #expect(throws: RedisError.self) { try await client.ping() }
            #expect(closed?.code == .closed)
        }
    }

    @Test func takesTheNextAddress() async throws {
        let port = try freePort()
        try await RedisPeer.with(.memory) { (peer) async throws in
            try await withRedisClient("127.0.0.1:\(port)", peer.address) {
                patiently(&$0)
            } _: { (client) async throws in
                try await client.ping()
                #expect(try await client.xread([.after(.zero, of: "s")], block: .milliseconds(10)).isEmpty)
            }
        }
    }

    @Test(arguments: Setting.all) func asksForAPassword(_ setting: Setting) async throws {
        try await withClient(
            setting, password: "secret", configure: { $0.credentials = RedisCredentials(password: "secret") }
        ) { (client, peer) async throws in
            try await client.ping()
            for credentials in [nil, RedisCredentials(password: "wrong")] {
                try await withRedisClient(peer.address) {
                    patiently(&$0)
                    $0.credentials = credentials
                    $0.usesRESP2 = setting.usesRESP2
                } _: { (stranger) async throws in
                    let error = await #expect(throws: RedisError.self) { try await stranger.dbsize() }
                    #expect(error?.code == .denied, "\(String(describing: error))")
                }
            }
            try await withRedisClient("redis://:secret@\(peer.address)/3") {
                patiently(&$0)
            } _: { (other) async throws in
                try await other.set("only", "here")
                #expect(try await client.dbsize() == 0)
                #expect(try await other.dbsize() == 1)
            }
        }
    }

    @Test(arguments: RedisPeer.Kind.available) func unixSockets(_ kind: RedisPeer.Kind) async throws {
        try await RedisPeer.with(kind) { (peer) async throws in
            try await withRedisClient("unix:" + peer.socketPath) {
                patiently(&$0)
            } _: { (client) async throws in
                #expect(try await client.command("ECHO", "x").text == "x")
            }
        }
    }

    /// A read that waits is on a connection of its own, and ends with its caller.
    @Test(arguments: RedisPeer.Kind.available) func waitsElsewhere(_ kind: RedisPeer.Kind) async throws {
        try await withClient(Setting(kind: kind, usesRESP2: false)) { (client, _) async throws in
            let waiting = Task { try await client.xread([.new(of: "s")], block: .zero) }
            try await Task.sleep(for: .milliseconds(50))
            try await client.ping()
            #expect(try await eventually { try await client.info("clients")["blocked_clients"] == "1" })
            try await client.xadd("s", ["f": "v"])
            #expect(try await waiting.value.first?.entries.count == 1)
            let forever = Task { try await client.blpop(["l"], timeout: .zero)?.value }
            #expect(try await eventually { try await client.info("clients")["blocked_clients"] == "1" })
            forever.cancel()
            await #expect(throws: CancellationError.self) { try await forever.value }
            #expect(try await eventually { try await client.info("clients")["blocked_clients"] == "0" })
        }
    }

    @Test(arguments: RedisPeer.Kind.available) func largeReplies(_ kind: RedisPeer.Kind) async throws {
        try await withClient(Setting(kind: kind, usesRESP2: false), configure: { $0.timeout = patience * 2 }) {
            (client, _) async throws in
            let value = [UInt8](repeating: 7, count: 8 << 20)
            try await client.set("k", value)
            #expect(try await client.get("k") == value)
            // Many small values: read as they come, not again from the start with each piece.
            for _ in 0..<100 {
                _ = try await client.pipeline((0..<500).map { .xadd("s", [RedisField("n", "\($0)")]) })
            }
            #expect(try await client.xrange("s").count == 50_000)
        }
    }
}

/// The seed of this run: `MARTLET_SEED`, or a new one.
func testSeed() -> UInt64 {
    let seed = environmentSeed ?? UInt64.random(in: 1...1_000_000)
    print("seed \(seed)")
    return seed
}
