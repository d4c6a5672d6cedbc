// SPDX-License-Identifier: Apache-2.0

import MartletRESPClient
import MartletRedisServer
import MartletTestPrograms
import Testing

/// What clients of a server may take, as CONFIG SET says.
@Suite(.timeLimit(.minutes(30))) struct ClientLimitTests {
    /// Texts of Redis 7.0.15, but for the numbers of `slowlog-max-len`.
    @Test func settingsAreChecked() async throws {
        try await withServer { _, port in
            try await RawClient.with(port: port) { client in
                func refusal(_ name: String, _ reason: String) -> String {
                    "-ERR CONFIG SET failed (possibly related to argument '\(name)') - \(reason)"
                }
                let whole = "argument couldn't be parsed into an integer"
                let integers = "argument must be between 0 and 2147483647 inclusive"
                let output = "client-output-buffer-limit"
                for (words, reply) in [
                    ("timeout abc", refusal("timeout", whole)), ("timeout -1", refusal("timeout", integers)),
                    ("timeout 99999999999", refusal("timeout", integers)),
                    ("TIMEOUT 10 timeout 12", refusal("timeout", "duplicate parameter")),
                    ("tcp-keepalive x", refusal("tcp-keepalive", whole)),
                    ("maxclients 0", refusal("maxclients", "argument must be between 1 and 4294967295 inclusive")),
                    ("timeout 5 maxclients x", refusal("maxclients", whole)),
                    (
                        "client-query-buffer-limit 100",
                        refusal(
                            "client-query-buffer-limit",
                            "argument must be between 1048576 and 9223372036854775807 inclusive")
                    ),
                    (
                        "client-query-buffer-limit xx",
                        refusal("client-query-buffer-limit", "argument must be a memory value")
                    ),
                    ("\(output) foo", refusal(output, "Wrong number of arguments in buffer limit configuration.")),
                    ("\(output) ''", refusal(output, "Wrong number of arguments in buffer limit configuration.")),
                    (
                        "\(output) 'pubsub 1 1 1 foo 1 2 3'",
                        refusal(output, "Invalid client class specified in buffer limit configuration.")
                    ),
                    (
                        "\(output) 'normal 1kb 1 x'",
                        refusal(output, "Error in hard, soft or soft_seconds setting in buffer limit configuration.")
                    ),
                    (
                        "\(output) 'normal -1 0 0'",
                        refusal(output, "Error in hard, soft or soft_seconds setting in buffer limit configuration.")
                    ),
                    (
                        "slowlog-log-slower-than -5",
                        refusal(
                            "slowlog-log-slower-than", "argument must be between -1 and 9223372036854775807 inclusive")
                    ),
                    ("latency-monitor-threshold 1s", refusal("latency-monitor-threshold", whole)),
                    (
                        "slowlog-max-len 65537",
                        refusal("slowlog-max-len", "argument must be between 0 and 65536 inclusive")
                    ),
                    ("databases 3", refusal("databases", "can't set immutable config")),
                    ("timeout 0 nope", "-ERR syntax error"),
                    ("timeout 0 nope 1", "-ERR Unknown option or number of arguments for CONFIG SET - 'nope'"),
                ] {
                    #expect(try await client.run("CONFIG SET \(words)") == reply, "\(words)")
                }
                let many = try await client.run("CONFIG SET maxclients 4294967295")
                #expect(
                    many.hasPrefix(
                        refusal("maxclients", "The operating system is not able to handle the specified number of ")))
                // Of what was refused nothing holds.
                #expect(try await client.run("CONFIG GET timeout") == "[timeout, 0]")

                #expect(
                    try await client.run(
                        "CONFIG SET timeout 3600 client-query-buffer-limit 2mb tcp-keepalive 0 maxclients 50 "
                            + "\(output) 'replica 1MB 1k 5 normal 100mb 0 0'") == "+OK")
                #expect(
                    try await client.run("CONFIG GET client-* timeout maxclients tcp-keepalive")
                        == "[client-output-buffer-limit, normal 104857600 0 0 slave 1048576 1000 5 pubsub 33554432 "
                        + "8388608 60, client-query-buffer-limit, 2097152, maxclients, 50, tcp-keepalive, 0, "
                        + "timeout, 3600]")
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func idleClientsAreClosed(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { setting in
                try await RawClient.with(port: port) { waiting in
                    try await RawClient.with(port: port) { subscriber in
                        try await RawClient.with(port: port) { idle in
                            #expect(try await idle.run("PING") == "+PONG")
                            try await waiting.send("BLPOP l 0\r\n")
                            _ = try await subscriber.run("SUBSCRIBE c")
                            while try await !setting.run("INFO clients").contains("blocked_clients:1") {}
                            #expect(try await setting.run("CONFIG SET timeout 1") == "+OK")
                            #expect(try await idle.next() == nil)
                        }
                        // Who waits, or listens, has nothing to send; who was idle itself finds out.
                        var isSet = false
                        while !isSet {
                            try await RawClient.with(port: port) { other in
                                isSet = (try? await other.run("CONFIG SET timeout 0")) == "+OK"
                            }
                        }
                        try await RawClient.with(port: port) { (other) async throws in
                            #expect(try await other.run("RPUSH l x") == ":1")
                            #expect(try await other.run("PUBLISH c m") == ":1")
                        }
                        #expect(try await waiting.next().map { text($0) } == "[l, x]")
                        #expect(try await subscriber.next().map { text($0) } == "[message, c, m]")
                    }
                }
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func fewerClientsFromNowOn(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { first in
                #expect(try await first.run("CONFIG SET maxclients 1") == "+OK")
                try await RawClient.with(port: port) { (second) async throws in
                    #expect(try await second.next().map { text($0) } == "-ERR max number of clients reached")
                    #expect(try await second.next() == nil)
                }
                #expect(try await first.run("INFO stats").contains("rejected_connections:1\r\n"))
                #expect(try await first.run("CONFIG SET maxclients 2") == "+OK")
                try await RawClient.with(port: port) { (second) async throws in
                    #expect(try await second.run("PING") == "+PONG")
                }
            }
        }
    }

    /// A subscriber that reads nothing: closed at once, or when that has lasted.
    @Test(arguments: ["pubsub 12mb 0 0", "pubsub 0 9mb 1"], TestEngine.allCases)
    func subscribersReadWhatTheyAreSent(limit: String, engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                #expect(try await client.run("CONFIG SET client-output-buffer-limit '\(limit)'") == "+OK")
                try await RawClient.with(port: port) { subscriber in
                    _ = try await subscriber.run("SUBSCRIBE c")
                    let message = String(repeating: "m", count: 4 << 20)
                    let request = "*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$\(4 << 20)\r\n\(message)\r\n"
                    // The sockets take some of it.
                    for _ in 0..<16 {
                        try await client.send(request)
                        _ = try await client.next()
                    }
                    while try await !client.run("INFO clients").contains("pubsub_clients:0") {}
                }
                #expect(
                    try await client.run("INFO stats").contains("client_output_buffer_limit_disconnections:1\r\n"))
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func repliesAreLimitedIfToldSo(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                let value = String(repeating: "x", count: 200_000)
                #expect(try await client.run("SET k \(value.prefix(50_000))") == "+OK")
                #expect(try await client.run("CONFIG SET client-output-buffer-limit 'normal 100kb 0 0'") == "+OK")
                #expect(try await client.run("GET k").count == 50_000)
                try await client.send("*2\r\n$4\r\nECHO\r\n$200000\r\n\(value)\r\n")
                #expect(try await client.next() == nil)
            }
        }
    }

    /// Of one whose commands are carried out, too, and as soon as CONFIG SET has said so.
    @Test(arguments: TestEngine.allCases) func whatIsSentAheadIsLimitedAnew(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                let value = String(repeating: "x", count: 3 << 20)
                let request = "*2\r\n$4\r\nECHO\r\n$\(3 << 20)\r\n\(value)\r\n"
                try await client.send(request)
                #expect(try await client.next().map { text($0).count } == 3 << 20)
                #expect(try await client.run("CONFIG SET client-query-buffer-limit 2mb") == "+OK")
                try? await client.send(request)
                #expect((try? await client.next()) == nil)
            }
            try await RawClient.with(port: port) { (client) async throws in
                #expect(
                    try await client.run("INFO stats").contains("client_query_buffer_limit_disconnections:1\r\n"))
            }
        }
    }

    /// A pipeline may be of any length: what comes too early waits in the socket.
    @Test(arguments: TestEngine.allCases) func longPipelinesAreCarriedOut(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                let request = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$16000\r\n\(String(repeating: "x", count: 16_000))\r\n"
                let count = 3_000
                try await client.send(String(repeating: request, count: count))
                var replies: Set<String> = []
                for _ in 0..<count { replies.insert(try await client.next().map { text($0) } ?? "closed") }
                #expect(replies == ["+OK"])
            }
        }
    }

    /// Replies that are large together come piece by piece, in their order, and their commands count once.
    @Test(arguments: TestEngine.allCases) func manyLargeRepliesComeInPieces(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                for name in ["a", "b"] {
                    #expect(try await client.run("SET \(name) \(String(repeating: name, count: 50_000))") == "+OK")
                }
                let count = 400
                try await client.send(String(repeating: "GET a\r\nGET b\r\nSTRLEN a\r\n", count: count))
                var replies: [String: Int] = [:]
                for place in 0..<3 * count {
                    let reply = try await client.next().map { text($0) } ?? "closed"
                    replies["\(place % 3) \(reply.prefix(1)) \(reply.count)", default: 0] += 1
                }
                #expect(replies == ["0 a 50000": count, "1 b 50000": count, "2 : 6": count])
                #expect(try await client.run("INFO commandstats").contains("cmdstat_get:calls=\(2 * count),"))
            }
        }
    }
}
