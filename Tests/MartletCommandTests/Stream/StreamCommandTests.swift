// SPDX-License-Identifier: Apache-2.0

import MartletProcesses
import MartletRedisClient
import MartletRedisPeers
import MartletTestPrograms
import Testing

/// The commands as they are typed, on running servers.
@Suite(.serialized, .timeLimit(.minutes(30))) struct StreamCommandTests {
    private static func lines(_ server: String, _ arguments: String...) async throws -> [String] {
        try await output(of: BuiltBinary.path, ["stream"] + arguments + ["--server", server])
            .split(separator: "\n").map(String.init)
    }

    @Test(arguments: [RedisPeer.Kind.memory, .redis].filter { RedisPeer.Kind.available.contains($0) })
    func looksAndChanges(_ kind: RedisPeer.Kind) async throws {
        try await RedisPeer.with(kind) { (peer) async throws in
            let server = peer.address
            for number in 1...5 {
                #expect(try await Self.lines(server, "add", "s", "n=\(number)", "--id", "\(number)") == ["\(number)-0"])
            }
            #expect(
                try await Self.lines(server, "ls") == [
                    "STREAM  LENGTH  GROUPS  LAST ID", "s            5       0  5-0",
                ])
            #expect(try await Self.lines(server, "ls", "x*", "-o", "json").isEmpty)
            #expect(try await Self.lines(server, "read", "s", "--after", "3") == ["4-0  n=4", "5-0  n=5"])
            #expect(
                try await Self.lines(server, "read", "s", "--reverse", "--count", "1", "--json") == [
                    #"{"id":"5-0","fields":[["n","5"]]}"#
                ])
            try await withRedisClient(server) { (client) async throws in
                try await client.xgroupCreate("s", "g", .beginning)
                _ = try await client.xreadgroup("g", "a", [.undelivered(of: "s")]) { $0.count = 2 }
            }
            let groups = try await Self.lines(server, "groups", "s", "--json")
            #expect(
                groups == [
                    #"{"group":"g","consumers":1,"pending":2,"lastDeliveredID":"2-0","entriesRead":2,"lag":3}"#
                ])
            #expect(try await Self.lines(server, "pending", "s", "g").count == 3)
            #expect(try await Self.lines(server, "claim", "s", "g", "b", "--idle", "0") == ["1-0  n=1", "2-0  n=2"])
            let pending = try await Self.lines(server, "pending", "s", "g", "--consumer", "b", "--json")
            #expect(pending.count == 2 && pending[0].contains(#""deliveries":2"#))
            let report = try await Self.lines(server, "report")
            #expect(report.count == 2 && report[1].hasPrefix("s            5  g"))
            #expect(try await Self.lines(server, "trim", "s", "--maxlen", "2") == ["3"])
            #expect(try await Self.lines(server, "trim", "s", "--minid", "5") == ["1"])
        }
    }

    @Test func listsJobs() async throws {
        try await RedisPeer.with(.memory) { (peer) async throws in
            try await withRedisClient(peer.address) { (client) async throws in
                _ = try await client.xcronSet(
                    "s", "j", "@daily", [RedisField("f", "v")], offset: .seconds(-5400), priority: 3)
            }
            let lines = try await Self.lines(peer.address, "cron", "ls", "s")
            #expect(lines.count == 2 && lines[0].hasPrefix("JOB") && lines[1].hasPrefix("j"))
            let json = try await Self.lines(peer.address, "cron", "ls", "s", "--json")
            let begin = #"{"job":"j","schedule":"@daily","clock":"-01:30","priority":3,"next":"#
            #expect(json.count == 1 && json[0].hasPrefix(begin), "\(json)")
            #expect(json[0].hasSuffix(#","last":null,"runs":0,"skipped":0}"#))
        }
    }

    @Test func tellsWhatFailed() async throws {
        try await RedisPeer.with(.memory) { (peer) async throws in
            let finished = try await run(
                BuiltBinary.path, ["stream", "groups", "none", "--server", peer.address])
            #expect(finished.exit == .code(1) && finished.output.hasPrefix("ERR no such key"))
        }
        let nobody = try await run(BuiltBinary.path, ["stream", "ls", "--server", "127.0.0.1:\(try freePort())"])
        #expect(nobody.exit == .code(1))
        let wrong = try await run(BuiltBinary.path, ["stream", "trim", "s"])
        #expect(wrong.exit == .code(64) && wrong.output.contains("--maxlen or --minid"))
    }

    /// Over TLS, by an authority of one's own: an address in the certificate is as good as a name.
    @Test(.needsOpenSSLAndCurl) func speaksTLS() async throws {
        let certificates = try await TestCertificates()
        let port = try freePort()
        try await RunningServer.with([
            "server", "--listen-client-urls", "http://127.0.0.1:0", "--listen-stream-urls",
            "rediss://127.0.0.1:\(port)", "--cert-file", certificates.certificate("server"), "--key-file",
            certificates.key("server"),
        ]) { (_) async throws in
            var tls = RedisTLS()
            tls.trustRootsFile = certificates.certificate("ca")
            try await withRedisClient("127.0.0.1:\(port)") {
                $0.tls = tls
                $0.timeout = patience
                $0.connectTimeout = patience / 3
            } _: { (client) async throws in
                try await client.set("k", [UInt8](repeating: 1, count: 1 << 20))
                #expect(try await client.get("k")?.count == 1 << 20)
                #expect(try await client.xread([.new(of: "s")], block: .milliseconds(10)).isEmpty)
            }
            // Nobody vouches for it here.
            try await withRedisClient("rediss://127.0.0.1:\(port)") {
                $0.timeout = .seconds(1)
            } _: { (client) async throws in
                let error = await #expect(throws: RedisError.self) { try await client.ping() }
                #expect(error?.code == .unavailable)
            }
        }
    }

    /// Workers and server are killed, and nothing is lost: its own judgement, by its exit code.
    @Test func demonstratesAQueue() async throws {
        let finished = try await run(BuiltBinary.path, ["demo", "queue", "--messages", "300"])
        #expect(finished.isSuccess && finished.output.contains("7 of 7 claims held."), "\(finished.output)")
    }
}
