// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTestPrograms
import Testing

/// Users made by etcdctl, at both protocols of one running server, and the lines about what they were denied.
@Suite(.serialized, .timeLimit(.minutes(30)), .enabled(if: !Etcdctl.all.isEmpty)) struct OneUserStoreTests {
    /// A server with root, and ann, who reads and writes what begins with `orders/`.
    private static func withServer(
        _ body: (RunningServer, _ port: Int, _ etcdctl: @escaping ([String]) async throws -> FinishedProgram)
            async throws -> Void
    ) async throws {
        let port = try freePort()
        let arguments = [
            "--listen-client-urls=http://127.0.0.1:0", "--listen-stream-urls=redis://127.0.0.1:\(port)",
            "--bcrypt-cost=4",
        ]
        guard let program = Etcdctl.all.last else { return }
        try await RunningServer.with(arguments) { server in
            let control: ([String]) async throws -> FinishedProgram = { words in
                try await run("/usr/bin/env", ["ETCDCTL_API=3", program, "--endpoints", server.address] + words)
            }
            for words in [
                ["user", "add", "root:secret"], ["user", "grant-role", "root", "root"], ["role", "add", "orders"],
                ["role", "grant-permission", "orders", "readwrite", "--prefix", "orders/"],
                ["user", "add", "ann:word"], ["user", "grant-role", "ann", "orders"], ["auth", "enable"],
            ] {
                let finished = try await control(words)
                #expect(finished.isSuccess, "\(words): \(finished.output)")
            }
            try await body(server, port, control)
        }
    }

    private static func denials(_ server: RunningServer, _ parts: String...) -> [Substring] {
        server.log.split(separator: "\n").filter { line in
            line.contains("request denied") && parts.allSatisfy { line.contains($0) }
        }
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/redis-cli")))
    func redisCLI() async throws {
        try await Self.withServer { server, port, etcdctl in
            func cli(_ user: String?, _ words: String...) async throws -> String {
                let access = user.map {
                    ["--no-auth-warning", "--user", $0, "--pass", $0 == "ann" ? "word" : "secret"]
                }
                return try await run("/usr/bin/redis-cli", ["-p", "\(port)"] + (access ?? []) + words).output
                    .trimmingCharacters(in: .whitespacesAndNewlines)
            }
            #expect(try await cli(nil, "PING") == "NOAUTH Authentication required.")
            #expect(try await cli("ann", "ACL", "WHOAMI") == "ann")
            #expect(try await cli("ann", "XADD", "orders/1", "1-0", "f", "v") == "1-0")
            #expect(try await cli("ann", "XADD", "other", "1-0", "f", "v").hasPrefix("NOPERM"))
            #expect(try await cli("ann", "KV.PUT", "orders/1", "tea").contains("revision"))
            #expect(try await cli("ann", "KV.GET", "other").hasPrefix("NOPERM"))
            let got = try await etcdctl(["--user", "ann:word", "get", "orders/1"])
            #expect(got.output.contains("tea"))
            let refused = try await etcdctl(["--user", "ann:word", "put", "other\nkey", "x"])
            #expect(!refused.isSuccess)
            _ = try await etcdctl(["--user", "ann:wrongpassword", "get", "orders/1"])
            #expect(try await cli("root", "ACL", "SETUSER", "ann", "on").contains("one of the auth service"))
            // The two say the same of one user.
            let redis = #""user":"ann""#
            #expect(
                try await eventually {
                    Self.denials(server, redis, #""protocol":"redis""#, #""request":"xadd""#, #""key":"other""#).count
                        == 1
                        && Self.denials(server, redis, #""protocol":"redis""#, #""request":"kv.get""#).count == 1
                        && Self.denials(server, redis, #""protocol":"etcd""#, "etcdserverpb.KV/Put", "other\\\\x0akey")
                            .count == 1
                        && Self.denials(server, #""login":"ann""#, "etcdserverpb.Auth/Authenticate").count >= 1
                        && Self.denials(server, #""request":"ping""#, "not logged in").count >= 1
                }, "\(Self.denials(server).joined(separator: "\n"))")
            #expect(!server.log.contains("wrongpassword") && !server.log.contains("secret"))
            // A right that is taken away is gone, on connections that are there as on others.
            _ = try await etcdctl(["--user", "root:secret", "user", "revoke-role", "ann", "orders"])
            #expect(try await cli("ann", "XLEN", "orders/1").hasPrefix("NOPERM"))
            _ = try await etcdctl(["--user", "root:secret", "auth", "disable"])
            #expect(try await cli(nil, "XLEN", "orders/1") == "1")
        }
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["MARTLET_PEERS_PYTHON"] != nil))
    func redisPy() async throws {
        let python = try #require(ProcessInfo.processInfo.environment["MARTLET_PEERS_PYTHON"])
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Peers/redis_users.py").path
        try await Self.withServer { _, port, _ in
            let found = try await output(of: python, [script, "\(port)"])
            #expect(found == "ok")
        }
    }

    /// Whoever is denied again and again fills no disk.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/redis-cli")))
    func linesAreBounded() async throws {
        try await Self.withServer { server, port, _ in
            let cli = "/usr/bin/redis-cli -p \(port) --no-auth-warning --user ann --pass word"
            _ = try await run("/bin/sh", ["-c", "for n in $(seq 500); do echo GET k$n; done | \(cli)"])
            #expect(try await eventually { Self.denials(server, #""request":"get""#).count == 60 })
        }
    }
}
