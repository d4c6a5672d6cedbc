// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTestPrograms
import Testing

private let cli = "/usr/bin/redis-cli"
private let hasCLI = FileManager.default.isExecutableFile(atPath: cli)

/// Certificates of Redis's clients: the rules of the etcd port are those of this one.
@Suite(.needsOpenSSLAndCurl, .serialized, .timeLimit(.minutes(30)), .enabled(if: hasCLI)) struct StreamTLSTests {
    private static func ask(
        _ certificates: TestCertificates, _ port: Int, as name: String, _ words: [String], more: [String] = []
    ) async throws -> String {
        let access = [
            "-p", "\(port)", "--tls", "--cacert", certificates.certificate("ca"), "--cert",
            certificates.certificate(name), "--key", certificates.key(name),
        ]
        return try await run(cli, access + more + words).output
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func withServer(
        _ certificates: TestCertificates, _ more: [String], _ body: (RunningServer, Int) async throws -> Void
    ) async throws {
        let port = try freePort()
        let arguments = [
            "--listen-client-urls=https://127.0.0.1:0", "--listen-stream-urls=rediss://127.0.0.1:\(port)",
            "--cert-file=\(certificates.certificate("server"))", "--key-file=\(certificates.key("server"))",
            "--trusted-ca-file=\(certificates.certificate("ca"))", "--bcrypt-cost=4",
        ]
        try await RunningServer.with(arguments + more) { server in try await body(server, port) }
    }

    /// While authentication is on, a client is whom its certificate names, until it says who else it is.
    @Test(.enabled(if: !Etcdctl.all.isEmpty)) func namesUsers() async throws {
        let certificates = try await TestCertificates()
        for name in ["root", "ann", "stranger"] { try await certificates.make(name) }
        let program = try #require(Etcdctl.all.last)
        try await Self.withServer(certificates, ["--client-cert-auth"]) { server, port in
            func etcdctl(_ words: String...) async throws {
                let access = [
                    "ETCDCTL_API=3", program, "--endpoints", "https://\(server.address)", "--cacert",
                    certificates.certificate("ca"), "--cert", certificates.certificate("root"), "--key",
                    certificates.key("root"),
                ]
                let finished = try await run("/usr/bin/env", access + words)
                #expect(finished.isSuccess, "\(words): \(finished.output)")
            }
            func redis(_ name: String, _ words: [String], more: [String] = []) async throws -> String {
                try await Self.ask(certificates, port, as: name, words, more: more)
            }
            let whoami = ["ACL", "WHOAMI"]
            try await etcdctl("user", "add", "root:secret")
            try await etcdctl("user", "grant-role", "root", "root")
            try await etcdctl("role", "add", "orders")
            try await etcdctl("role", "grant-permission", "orders", "readwrite", "--prefix", "orders/")
            try await etcdctl("user", "add", "ann:word")
            try await etcdctl("user", "grant-role", "ann", "orders")
            #expect(try await redis("ann", whoami) == "default")
            try await etcdctl("auth", "enable")
            #expect(try await redis("ann", whoami) == "ann")
            #expect(try await redis("ann", ["XADD", "orders/1", "1-0", "f", "v"]) == "1-0")
            #expect(try await redis("ann", ["XADD", "other", "1-0", "f", "v"]).hasPrefix("NOPERM"))
            #expect(try await redis("root", ["XADD", "other", "1-0", "f", "v"]) == "1-0")
            #expect(try await redis("stranger", ["PING"]) == "NOAUTH Authentication required.")
            let login = ["--no-auth-warning", "--user", "ann", "--pass", "word"]
            #expect(try await redis("root", whoami, more: login) == "ann")
            try await etcdctl("user", "add", "stranger:word")
            #expect(try await redis("stranger", whoami) == "stranger")
            try await etcdctl("auth", "disable")
            #expect(try await redis("ann", whoami) == "default")
        }
    }

    /// As the etcd port says it.
    @Test func saysWhyAHandshakeFailed() async throws {
        let certificates = try await TestCertificates()
        try await Self.withServer(certificates, []) { server, port in
            let plain = try await run(cli, ["-p", "\(port)", "PING"])
            #expect(!plain.output.contains("PONG"))
            let reason = "tls: first record does not look like a TLS handshake"
            #expect(try await eventually { server.log.contains(reason) })
            #expect(server.log.contains("\"msg\":\"rejected connection on client endpoint\""))
        }
    }

    /// A certificate that the etcd port refuses is refused here.
    @Test func refusesCertificates() async throws {
        let certificates = try await TestCertificates()
        for name in ["good", "gone"] { try await certificates.make(name) }
        try await certificates.revoke("gone")
        for more in [
            ["--client-crl-file=\(certificates.folder.file("crl.pem"))"], ["--client-cert-allowed-cn=good"],
        ] {
            try await Self.withServer(certificates, more) { server, port in
                let good = try await Self.ask(certificates, port, as: "good", ["PING"])
                let gone = try await Self.ask(certificates, port, as: "gone", ["PING"])
                #expect(good == "PONG" && !gone.contains("PONG"), "\(more)")
                #expect(try await eventually { server.log.contains("rejected connection on client endpoint") })
            }
        }
    }
}
