// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletRedisClient
import Testing

let environmentSeed = ProcessInfo.processInfo.environment["MARTLET_SEED"].flatMap { UInt64($0) }

/// Servers whose bytes are no replies, or no end of them.
@Suite(.timeLimit(.minutes(30))) struct HostileServerTests {
    private func failure(
        _ answer: @escaping @Sendable (String) -> [UInt8]?,
        configure: (inout RedisClient.Configuration) -> Void = { _ in }
    ) async throws -> RedisError? {
        try await ScriptedServer.with({ ScriptedServer.greeting($0, answer) }) { (server) async throws in
            try await withRedisClient("127.0.0.1:\(server.port)") {
                patiently(&$0)
                configure(&$0)
            } _: { (client) async throws in
                await #expect(throws: RedisError.self) { try await client.command("SET", "a", "b") }
            }
        }
    }

    /// Whether the answer is none in time. On a busy machine a short time is over before there is a connection: then a
    /// longer one is taken.
    private func timesOut(_ answer: @escaping @Sendable (String) -> [UInt8]?) async throws -> Bool {
        for milliseconds in [500, 10_000, 100_000] {
            let error = try await failure(answer) { $0.timeout = .milliseconds(milliseconds) }
            if error?.code == .timeout { return true }
            #expect(error?.code == .unavailable)
        }
        return false
    }

    @Test(arguments: [
        "?\r\n", ":x\r\n", "$-5\r\n", "*99999999999999\r\n", "$99999999999999999999\r\n", "%-3\r\n", "+a\rb\r\n",
    ])
    func nonsense(_ text: String) async throws {
        let error = try await failure { _ in Array(text.utf8) }
        #expect(error?.code == .protocolViolation && error?.wasNotExecuted == false, "\(String(describing: error))")
    }

    @Test func endlessDepth() async throws {
        let error = try await failure { _ in Array(String(repeating: "*1\r\n", count: 100_000).utf8) }
        #expect(error?.code == .protocolViolation)
        let attributes = try await failure { _ in Array(String(repeating: "|1\r\n", count: 100_000).utf8) }
        #expect(attributes?.code == .protocolViolation)
    }

    /// What is announced takes no memory until it is there, and more than the limit isn't taken.
    @Test func announcements() async throws {
        #expect(try await timesOut { _ in Array("*16000000\r\n*16000000\r\n".utf8) })
        let tooLong = try await failure({ _ in Array("$2000\r\n".utf8) }) { $0.maximumReplyBytes = 1000 }
        #expect(tooLong?.code == .protocolViolation)
        let tooMany = try await failure({ _ in
            Array("*500\r\n".utf8) + Array(repeatElement(":1\r\n", count: 500).joined().utf8)
        }) {
            $0.maximumReplyBytes = 1000
        }
        #expect(tooMany?.code == .protocolViolation)
    }

    @Test func repliesToNothing() async throws {
        try await ScriptedServer.with({ text in
            ScriptedServer.greeting(text) { _ in Array("+OK\r\n+OK\r\n+OK\r\n".utf8) }
        }) { (server) async throws in
            try await withRedisClient("127.0.0.1:\(server.port)") {
                patiently(&$0)
            } _: { (client) async throws in
                // The first is the answer; with the rest the connection ends, and another serves the next command.
                for _ in 0..<5 { #expect(try await client.command("GET", "a").text == "OK") }
            }
        }
    }

    @Test func silence() async throws {
        #expect(try await timesOut { _ in [] })
        // The connection itself must not fail for want of time.
        let closed = try await failure({ _ in nil }) { $0.timeout = .seconds(30) }
        #expect(closed?.code == .unavailable && closed?.wasNotExecuted == false)
    }

    /// Random bytes, as an answer to anything: an error or a value, never a crash or a wait without end.
    @Test func randomBytes() async throws {
        let seed = testSeed()
        let alphabet = Array("+-:$*~%>|_#,(=!\r\n0123456789tfab".utf8)
        for round in 0..<40 {
            var random = SeededRandom(seed: seed &+ UInt64(round))
            let bytes = (0..<2000).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
            try await ScriptedServer.with({ text in
                round % 2 == 0 ? bytes : ScriptedServer.greeting(text) { _ in bytes }
            }) { (server) async throws in
                try await withRedisClient("127.0.0.1:\(server.port)") {
                    $0.timeout = .milliseconds(50)
                    $0.connectTimeout = .milliseconds(50)
                    $0.logger = quiet
                } _: { (client) async throws in
                    _ = try? await client.command("SET", "a", "b")
                    _ = try? await client.xread([.after(.zero, of: "s")], block: .milliseconds(10))
                }
            }
        }
    }

    /// A command that changes something is sent once, one that doesn't until it is answered.
    @Test func repeatsOnlyWhatIsHarmless() async throws {
        let tally = Tally()
        try await ScriptedServer.with({ text in
            ScriptedServer.greeting(text) { text in
                let name = text.contains("XADD") ? "XADD" : "XLEN"
                tally.add(name)
                return tally[name] < 3 ? nil : Array(":7\r\n".utf8)
            }
        }) { (server) async throws in
            try await withRedisClient("127.0.0.1:\(server.port)") {
                patiently(&$0)
            } _: { (client) async throws in
                #expect(try await client.xlen("s") == 7)
                #expect(tally["XLEN"] == 3)
                let error = await #expect(throws: RedisError.self) { try await client.xadd("s", ["a": "b"]) }
                #expect(error?.code == .unavailable && tally["XADD"] == 1)
            }
        }
    }

    /// Older servers know no `HELLO`.
    @Test func fallsBackToTheOlderProtocol() async throws {
        try await ScriptedServer.with({ text in
            if text.contains("HELLO") { return Array("-ERR unknown command 'HELLO'\r\n".utf8) }
            if text.contains("SETINFO") { return Array("-ERR unknown subcommand\r\n".utf8) }
            return Array(
                "*2\r\n*2\r\n$1\r\na\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n*2\r\n$1\r\nb\r\n*0\r\n"
                    .utf8)
        }) { (server) async throws in
            try await withRedisClient("127.0.0.1:\(server.port)") {
                patiently(&$0)
            } _: { (client) async throws in
                let streams = try await client.xread([.after(.zero, of: "a"), .after(.zero, of: "b")])
                #expect(streams.map(\.name) == ["a", "b"] && streams[0].entries[0].text("f") == "v")
                #expect(try await client.serverInfo().protocolVersion == 2)
            }
        }
    }
}
