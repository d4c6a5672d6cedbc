// SPDX-License-Identifier: Apache-2.0

import MartletRESPClient
import MartletRESPCodec
import MartletRedisServer
import MartletTestPrograms
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(30))) struct ConnectionTests {
    @Test(arguments: TestEngine.allCases) func answersPipelinesInOrder(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                var requests = ""
                for number in 0..<3000 {
                    requests += "XADD s \(number + 1)-0 f v\r\nPING \(number)\r\nMULTI\r\nINCR n\r\nEXEC\r\n"
                }
                try await client.send(requests)
                for number in 0..<3000 {
                    let replies = [
                        "\(number + 1)-0", "\(number)", "+OK", "+QUEUED", "[:\(number + 1)]",
                    ]
                    for reply in replies { #expect(try await client.next().map { text($0) } == reply) }
                }
                #expect(try await client.run("XLEN s") == ":3000")
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func readersOfGroupsStandInPipelines(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                #expect(try await client.run("XGROUP CREATE s streams 0 MKSTREAM") == "+OK")
                for number in 1...4 { _ = try await client.run("XADD s \(number)-0 f v") }
                // The last but one waits, for the third takes what there is; what follows comes when it has ended.
                try await client.send(
                    """
                    XREADGROUP GROUP streams a COUNT 1 STREAMS s >\r\nXLEN s\r
                    XREADGROUP GROUP streams a COUNT 1 STREAMS s 0\r
                    xreadgroup group streams b STREAMS s >\r
                    XREADGROUP GROUP streams b STREAMS s >\r
                    XREADGROUP GROUP streams b BLOCK 20 STREAMS s >\r\nXLEN s\r\n
                    """)
                let entries = (2...4).map { "[\($0)-0, [f, v]]" }.joined(separator: ", ")
                for reply in [
                    "[[s, [[1-0, [f, v]]]]]", ":4", "[[s, [[1-0, [f, v]]]]]", "[[s, [\(entries)]]]", "null", "null",
                    ":4",
                ] {
                    #expect(try await client.next().map { text($0) } == reply)
                }
            }
        }
    }

    private static func texts(_ reply: ReplyValue?) -> [String] {
        guard case .array(let replies)? = reply else { return [] }
        return replies.map { text($0) }
    }

    /// What asks the server stands among what asks the keyspace: where nothing changes, too, all is answered at once.
    @Test(arguments: TestEngine.allCases, ["GET k", "SET k v"])
    func transactionsMayAskTheServer(engine: TestEngine, command: String) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                #expect(try await client.run("SET k v") == "+OK")
                let asked = [
                    "PING", "INFO", command, "CONFIG GET maxclients", "ROLE", "ACL WHOAMI", "EXISTS k", "PING x",
                ]
                #expect(try await client.run("MULTI") == "+OK")
                for line in asked { #expect(try await client.run(line) == "+QUEUED") }
                try await client.send("EXEC\r\n")
                let texts = Self.texts(try await client.next())
                #expect(texts.count == asked.count)
                #expect(texts.first == "+PONG" && texts.last == "x")
                #expect(texts.dropFirst().first?.contains("redis_version") == true)
                #expect(texts.dropFirst(2).first == (command == "GET k" ? "v" : "+OK"))
                #expect(texts.dropFirst(5).first == "default" && texts.dropFirst(6).first == ":1")
                // Errors among them are counted as others' are.
                #expect(try await client.run("MULTI") == "+OK")
                #expect(try await client.run("CONFIG SET nope 1") == "+QUEUED")
                #expect(try await client.run("EXEC").hasPrefix("[-ERR"))
                #expect(try await client.run("INFO errorstats").contains("errorstat_ERR:count=1"))
            }
        }
    }

    /// Replies above what a socket takes at once, each of them once.
    @Test(arguments: TestEngine.allCases) func sendsLargeReplies(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                let value = String(repeating: "x", count: 3_000_000)
                try await client.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3000000\r\n\(value)\r\n")
                #expect(try await client.next().map { text($0) } == "+OK")
                for number in 0..<20 {
                    #expect(try await client.run("GET k").count == 3_000_000)
                    #expect(try await client.run("ECHO \(number)") == "\(number)")
                }
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func takesRequestsInPieces(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                for piece in ["*2\r\n$4\r\nEC", "HO\r\n$3", "\r\nab", "c\r", "\n*1\r\n$4\r\nPI"] {
                    try await client.send(piece)
                    try await Task.sleep(for: .milliseconds(5))
                }
                #expect(try await client.next().map { text($0) } == "abc")
                try await client.send("NG\r\n")
                #expect(try await client.next().map { text($0) } == "+PONG")
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func closesAfterAViolation(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                try await client.send("PING\r\n*1\r\nPING\r\nPING\r\n")
                #expect(try await client.next().map { text($0) } == "+PONG")
                #expect(try await client.next().map { text($0) } == "-ERR Protocol error: expected '$', got 'P'")
                #expect(try await client.next() == nil)
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func quits(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                try await client.send("SET k v\r\nQUIT\r\nDEL k\r\n")
                #expect(try await client.next().map { text($0) } == "+OK")
                #expect(try await client.next().map { text($0) } == "+OK")
                #expect(try await client.next() == nil)
            }
            try await RawClient.with(port: port) { (client) async throws in
                #expect(try await client.run("GET k") == "v")
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func whatFollowsAWaitWaits(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { waiting in
                try await waiting.send("XREAD BLOCK 0 STREAMS s $\r\nPING\r\n")
                try await RawClient.with(port: port) { client in
                    while try await !client.run("INFO clients").contains("blocked_clients:1") {}
                    #expect(try await client.run("XADD s 1-0 f v") == "1-0")
                }
                #expect(try await waiting.next().map { text($0) } == "[[s, [[1-0, [f, v]]]]]")
                #expect(try await waiting.next().map { text($0) } == "+PONG")
                #expect(try await waiting.run("XREAD BLOCK 30 STREAMS s $") == "null")
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func whoHasGoneWaitsNoMore(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                #expect(try await client.run("XGROUP CREATE s g $ MKSTREAM") == "+OK")
                try await RawClient.with(port: port) { waiting in
                    try await waiting.send("XREADGROUP GROUP g a BLOCK 0 STREAMS s >\r\n")
                    while try await !client.run("INFO clients").contains("blocked_clients:1") {}
                }
                while try await !client.run("INFO clients").contains("blocked_clients:0") {}
                #expect(try await client.run("XADD s 1-0 f v") == "1-0")
                #expect(try await client.run("XPENDING s g") == "[:0, null, null, null]")
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func killsAndUnblocks(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                try await RawClient.with(port: port) { other in
                    let id = try await other.run("CLIENT ID").dropFirst()
                    try await other.send("BLPOP l 0\r\n")
                    while try await client.run("CLIENT UNBLOCK \(id) ERROR") == ":0" {}
                    #expect(try await other.next().map { text($0) } == "-UNBLOCKED client unblocked via CLIENT UNBLOCK")
                    #expect(try await client.run("CLIENT KILL ID \(id)") == ":1")
                    #expect(try await other.next() == nil)
                }
                #expect(try await client.run("CLIENT KILL ID 999999") == ":0")
                let id = try await client.run("CLIENT ID").dropFirst()
                #expect(try await client.run("CLIENT KILL ID \(id) SKIPME no") == ":1")
                #expect(try await client.next() == nil)
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func messagesComeBesideReplies(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                _ = try await client.run("HELLO 3")
                #expect(try await client.run("CONFIG SET notify-keyspace-events KEA") == "+OK")
                #expect(try await client.run("SUBSCRIBE __keyevent@0__:xadd") == "[subscribe, __keyevent@0__:xadd, :1]")
                #expect(try await client.run("XADD s 1-0 f v") == "1-0")
                #expect(try await client.next().map { text($0) } == "[message, __keyevent@0__:xadd, s]")
                #expect(try await client.run("PUBLISH __keyevent@0__:xadd x") == ":1")
                #expect(try await client.next().map { text($0) } == "[message, __keyevent@0__:xadd, x]")
            }
            try await RawClient.with(port: port) { client in
                _ = try await client.run("SUBSCRIBE a")
                #expect(try await client.run("GET k").hasPrefix("-ERR Can't execute 'get'"))
                #expect(try await client.run("PING") == "[pong, ]")
                #expect(try await client.run("UNSUBSCRIBE") == "[unsubscribe, a, :0]")
                #expect(try await client.run("GET k") == "null")
            }
        }
    }

    /// Source: Redis 7.0 without cluster mode.
    @Test(arguments: TestEngine.allCases) func shardChannelsAreANamespace(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                try await RawClient.with(port: port) { other in
                    try await other.send("SSUBSCRIBE a b a\r\nSUBSCRIBE a\r\nPSUBSCRIBE *\r\n")
                    var told: [String?] = []
                    for _ in 0..<5 { told.append(try await other.next().map { text($0) }) }
                    #expect(
                        told == [
                            "[ssubscribe, a, :1]", "[ssubscribe, b, :2]", "[ssubscribe, a, :2]", "[subscribe, a, :1]",
                            "[psubscribe, *, :2]",
                        ])
                    #expect(try await client.run("SPUBLISH a m") == ":1")
                    #expect(try await other.next().map { text($0) } == "[smessage, a, m]")
                    #expect(try await client.run("SPUBLISH c m") == ":0")
                    #expect(try await client.run("PUBLISH b m") == ":1")
                    #expect(try await other.next().map { text($0) } == "[pmessage, *, b, m]")
                    #expect(try await client.run("PUBSUB SHARDCHANNELS") == "[a, b]")
                    #expect(try await client.run("PUBSUB SHARDCHANNELS b*") == "[b]")
                    #expect(try await client.run("PUBSUB CHANNELS") == "[a]")
                    #expect(try await client.run("PUBSUB SHARDNUMSUB a c") == "[a, :1, c, :0]")
                    #expect(try await client.run("PUBSUB SHARDNUMSUB") == "[]")
                    #expect(try await client.run("INFO stats").contains("pubsubshard_channels:2\r\n"))
                    #expect(try await client.run("CLIENT LIST TYPE pubsub").contains(" sub=1 psub=1 ssub=2 "))
                    // Who listens to shard channels alone is a subscriber, too.
                    for line in ["UNSUBSCRIBE", "PUNSUBSCRIBE"] { _ = try await other.run(line) }
                    #expect(try await other.run("GET k").hasPrefix("-ERR Can't execute 'get'"))
                    #expect(try await other.run("SPUBLISH a m").hasPrefix("-ERR Can't execute 'spublish'"))
                    #expect(try await other.run("SUNSUBSCRIBE b c") == "[sunsubscribe, b, :1]")
                    #expect(try await other.next().map { text($0) } == "[sunsubscribe, c, :1]")
                    #expect(try await other.run("SUNSUBSCRIBE") == "[sunsubscribe, a, :0]")
                    #expect(try await other.run("SUNSUBSCRIBE") == "[sunsubscribe, null, :0]")
                    #expect(try await other.run("GET k") == "null")
                    #expect(try await other.run("SSUBSCRIBE d") == "[ssubscribe, d, :1]")
                    #expect(try await other.run("RESET") == "+RESET")
                    #expect(try await client.run("PUBSUB SHARDCHANNELS") == "[]")
                    #expect(try await other.run("SSUBSCRIBE d") == "[ssubscribe, d, :1]")
                }
                // Who goes listens no more.
                while try await client.run("SPUBLISH d m") != ":0" {}
                for line in ["MULTI", "SSUBSCRIBE a"] { _ = try await client.run(line) }
                #expect(try await client.run("EXEC").hasPrefix("-EXECABORT"))
                _ = try await client.run("HELLO 3")
                #expect(try await client.run("SSUBSCRIBE a") == "[ssubscribe, a, :1]")
                try await client.send("SPUBLISH a m\r\n")
                let both = [try await client.next().map { text($0) }, try await client.next().map { text($0) }]
                #expect(Set(both) == [":1", "[smessage, a, m]"])
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func repliesThatAreNotWanted(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                try await client.send("CLIENT REPLY OFF\r\nSET a 1\r\nPING\r\nCLIENT REPLY ON\r\n")
                #expect(try await client.next().map { text($0) } == "+OK")
                try await client.send("CLIENT REPLY SKIP\r\nSET a 2\r\nGET a\r\n")
                #expect(try await client.next().map { text($0) } == "2")
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func monitorsSeeCommands(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { monitor in
                #expect(try await monitor.run("MONITOR") == "+OK")
                try await RawClient.with(port: port) { client in _ = try await client.run("SET k \"a b\\n\"") }
                let line = try await monitor.next().map { text($0) } ?? ""
                #expect(line.hasSuffix("] \"SET\" \"k\" \"a b\\n\""))
                // Until they are reset: what comes then is replies alone.
                #expect(try await monitor.run("RESET") == "+RESET")
                try await RawClient.with(port: port) { client in _ = try await client.run("SET k c") }
                #expect(try await monitor.run("PING") == "+PONG")
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func clientsAreLimited(engine: TestEngine) async throws {
        var configuration = RedisServerConfiguration()
        configuration.limits.clients = 1
        try await withServer(configuration, on: engine) { _, port in
            try await RawClient.with(port: port) { first in
                #expect(try await first.run("PING") == "+PONG")
                try await RawClient.with(port: port) { (second) async throws in
                    #expect(try await second.next().map { text($0) } == "-ERR max number of clients reached")
                    #expect(try await second.next() == nil)
                }
            }
        }
    }

    /// Behind a command that waits only so much is taken from the socket, and nobody is closed for it.
    @Test(arguments: TestEngine.allCases) func whatIsSentAheadWaits(engine: TestEngine) async throws {
        var configuration = RedisServerConfiguration()
        let limit = ClientLimits.leastQueryBytes
        configuration.limits.queryBytes = limit
        try await withServer(configuration, on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                let request = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$16000\r\n\(String(repeating: "x", count: 16_000))\r\n"
                let count = 4 * limit / 16_000
                try await client.send("BLPOP l 0\r\n")
                try await client.send(String(repeating: request, count: count))
                try await RawClient.with(port: port) { (other) async throws in
                    var held = 0
                    while held < limit / 4 {
                        let line = try await other.run("CLIENT LIST ID 1")
                        try #require(!line.isEmpty, "it was closed")
                        let field = line.split(separator: " ").first { $0.hasPrefix("qbuf=") }
                        held = field.flatMap { Int($0.dropFirst(5)) } ?? 0
                    }
                    #expect(held < limit)
                    #expect(try await other.run("RPUSH l x") == ":1")
                }
                #expect(try await client.next().map { text($0) } == "[l, x]")
                for _ in 0..<count { #expect(try await client.next().map { text($0) } == "+OK") }
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func listensOnUnixSockets(engine: TestEngine) async throws {
        let folder = try TemporaryFolder()
        try await withServer(on: engine) { server, _ in
            _ = try await server.bind(unixSocket: folder.file("redis.sock"))
            guard let cli = RedisPrograms.path("redis-cli") else { return }
            #expect(try await output(of: cli, ["-s", folder.file("redis.sock"), "PING"]) == "PONG")
        }
    }
}
