// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTestPrograms
import Testing

/// The real binary over TLS, with the clients people have. What is accepted and refused was compared with etcd 3.5.1.
@Suite(.needsOpenSSLAndCurl, .timeLimit(.minutes(30))) struct ServerTLSTests {
    private func flags(_ certificates: TestCertificates, _ more: String...) -> [String] {
        [
            "--listen-client-urls=https://127.0.0.1:0", "--cert-file=\(certificates.certificate("server"))",
            "--key-file=\(certificates.key("server"))",
        ] + more
    }

    private func curl(_ arguments: String...) async throws -> FinishedProgram {
        try await run("curl", ["-sS", "--max-time", "60"] + arguments)
    }

    private func client(_ certificates: TestCertificates, as name: String? = nil) -> [String] {
        var flags = ["--cacert", certificates.certificate("ca")]
        if let name { flags += ["--cert", certificates.certificate(name), "--key", certificates.key(name)] }
        return flags
    }

    /// Whether a client is let in: curl always, each etcdctl that is there as well. They must agree.
    private func isLetIn(
        _ server: RunningServer, _ certificates: TestCertificates, as name: String? = nil
    ) async throws -> Bool {
        let flags = client(certificates, as: name)
        let answer = try await run(
            "curl", ["-sS", "--max-time", "60", "https://\(server.address)/version"] + flags)
        for etcdctl in Etcdctl.all {
            let works = try await Etcdctl.works(
                etcdctl, "https://\(server.address)", flags, patience: answer.isSuccess ? "60s" : "2s")
            #expect(works == answer.isSuccess, "\(etcdctl) as \(name ?? "nobody")")
        }
        return answer.isSuccess && answer.output.contains("etcdserver")
    }

    @Test func encrypts() async throws {
        let certificates = try await TestCertificates()
        try await RunningServer.with(flags(certificates)) { server in
            #expect(try await isLetIn(server, certificates))
            let stranger = try await curl("https://\(server.address)/version")
            #expect(!stranger.isSuccess, "nobody trusts this authority of itself")
            let plain = try await curl("http://\(server.address)/version")
            #expect(!plain.isSuccess)
            #expect(
                try await eventually { server.log.contains("tls: first record does not look like a TLS handshake") })
            #expect(server.log.contains("\"msg\":\"rejected connection on client endpoint\""))
        }
    }

    @Test func asksClientsForCertificates() async throws {
        let certificates = try await TestCertificates()
        try await certificates.make("root")
        try await certificates.make("server-only", "extendedKeyUsage=serverAuth")
        let other = try await TestCertificates()
        try await other.make("stranger")
        let authority = "--trusted-ca-file=\(certificates.certificate("ca"))"
        for more in [[authority, "--client-cert-auth"], [authority]] {
            try await RunningServer.with(flags(certificates) + more) { server in
                let root = try await isLetIn(server, certificates, as: "root")
                let nobody = try await isLetIn(server, certificates)
                let serverOnly = try await isLetIn(server, certificates, as: "server-only")
                #expect(root && !nobody && !serverOnly)
                let stranger = try await curl(
                    "https://\(server.address)/version", "--cacert", certificates.certificate("ca"), "--cert",
                    other.certificate("stranger"), "--key", other.key("stranger"))
                #expect(!stranger.isSuccess)
                #expect(server.log.contains("tls: client didn't provide a certificate"))
                #expect(server.log.contains("tls: failed to verify client certificate"))
            }
        }
    }

    @Test(arguments: ["crl.pem", "crl.der"]) func refusesRevokedCertificates(_ list: String) async throws {
        let certificates = try await TestCertificates()
        for name in ["root", "gone", "next"] { try await certificates.make(name) }
        try await certificates.revoke("gone")
        let more = [
            "--trusted-ca-file=\(certificates.certificate("ca"))",
            "--client-crl-file=\(certificates.folder.file(list))",
        ]
        try await RunningServer.with(flags(certificates) + more) { server in
            #expect(try await isLetIn(server, certificates, as: "root"))
            #expect(try await !isLetIn(server, certificates, as: "gone"))
            #expect(server.log.contains("transport: certificate serial "))
            #expect(server.log.contains(" revoked"))
            #expect(try await isLetIn(server, certificates, as: "next"))
            // The list is read again.
            try await certificates.revoke("next")
            #expect(try await !isLetIn(server, certificates, as: "next"))
            #expect(try await isLetIn(server, certificates, as: "root"))
            // Without a list nobody is let in, as in etcd.
            try FileManager.default.removeItem(atPath: certificates.folder.file(list))
            #expect(try await !isLetIn(server, certificates, as: "root"))
            #expect(server.log.contains("\(list): no such file or directory"))
        }
    }

    @Test func asksForNamesOfClients() async throws {
        let certificates = try await TestCertificates()
        try await certificates.make("plain")
        try await certificates.make("named", "extendedKeyUsage=clientAuth\\nsubjectAltName=DNS:client.example")
        try await certificates.make("wild", "extendedKeyUsage=clientAuth\\nsubjectAltName=DNS:*.example")
        try await certificates.make("deep", "extendedKeyUsage=clientAuth\\nsubjectAltName=DNS:*.client.example")
        try await certificates.make("address", "extendedKeyUsage=clientAuth\\nsubjectAltName=IP:10.1.2.3")
        let authority = "--trusted-ca-file=\(certificates.certificate("ca"))"
        let byHost = flags(certificates, authority, "--client-cert-allowed-hostname=x.org,client.example,10.1.2.3")
        try await RunningServer.with(byHost) { server in
            for (name, isKnown) in [
                ("plain", false), ("named", true), ("wild", true), ("deep", false), ("address", true),
            ] {
                let isIn = try await isLetIn(server, certificates, as: name)
                #expect(isIn == isKnown, "\(name)")
            }
            #expect(server.log.contains("client certificate authentication failed"))
        }
        let byName = flags(certificates, authority, "--client-cert-allowed-cn=plain,other")
        try await RunningServer.with(byName) { server in
            let plain = try await isLetIn(server, certificates, as: "plain")
            let named = try await isLetIn(server, certificates, as: "named")
            #expect(plain && !named)
        }
    }

    @Test func makesAndKeepsItsOwnCertificate() async throws {
        let folder = try TemporaryFolder()
        let arguments = [
            "--listen-client-urls=https://127.0.0.1:0,https://localhost:0", "--auto-tls", "--data-dir=data",
            "--self-signed-cert-validity=2",
        ]
        let certificate = folder.file("data/fixtures/client/cert.pem")
        let key = folder.file("data/fixtures/client/key.pem")
        var first = ""
        for start in 0..<2 {
            try await RunningServer.with(arguments, in: folder) { server in
                #expect(server.log.contains("automatically generate certificates") == (start == 0))
                let host = "https://localhost:\(server.address.split(separator: ":").last ?? "")"
                let answer = try await curl("\(host)/health", "--cacert", certificate)
                #expect(answer.output.contains("true"), "\(answer.output)")
                for etcdctl in Etcdctl.all {
                    #expect(try await Etcdctl.works(etcdctl, host, ["--cacert", certificate]))
                    let trusting = ["--insecure-transport=false", "--insecure-skip-tls-verify"]
                    #expect(try await Etcdctl.works(etcdctl, host, trusting))
                }
                try await askWithPython(host, certificate)
            }
            let text = try String(contentsOfFile: certificate, encoding: .utf8)
            if start == 0 { first = text } else { #expect(text == first, "used again") }
        }
        let mode = try FileManager.default.attributesOfItem(atPath: key)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let shown = try await output(
            of: "openssl", ["x509", "-in", certificate, "-noout", "-text", "-checkend", "\(700 * 86_400)"])
        #expect(shown.contains("DNS:localhost"))
        #expect(shown.contains("IP Address:127.0.0.1"))
        #expect(shown.contains("TLS Web Server Authentication"))
        #expect(shown.contains("Certificate will not expire"))
        // An outdated one is of no use to anybody.
        try await output(
            of: "/bin/sh",
            [
                "-ec",
                "openssl req -new -key \(key) -subj /O=old -out \(folder.file("old.csr"))\n"
                    + "openssl x509 -req -in \(folder.file("old.csr")) -signkey \(key) -days -1 -out \(certificate)",
            ])
        try await RunningServer.with(arguments, in: folder) { server in
            #expect(server.log.contains("the certificate has expired; making another"))
        }
    }

    /// gRPC's C library, which has a TLS of its own.
    private func askWithPython(_ host: String, _ certificate: String) async throws {
        guard let python = ProcessInfo.processInfo.environment["MARTLET_PEERS_PYTHON"], !python.isEmpty else { return }
        let script = """
            import grpc, sys
            root = open(sys.argv[2], "rb").read()
            with grpc.secure_channel(sys.argv[1], grpc.ssl_channel_credentials(root)) as channel:
                range_call = channel.unary_unary("/etcdserverpb.KV/Range")
                print(len(range_call(b"\\x0a\\x01a", timeout=10)))
            """
        let answer = try await run(python, ["-c", script, String(host.dropFirst("https://".count)), certificate])
        #expect(answer.isSuccess, "\(answer.output)")
    }

    @Test func showsANewCertificateAtOnce() async throws {
        let certificates = try await TestCertificates()
        try await RunningServer.with(flags(certificates)) { server in
            func serial() async throws -> String {
                let shown = try await output(
                    of: "/bin/sh",
                    ["-c", "openssl s_client -connect \(server.address) </dev/null | openssl x509 -noout -serial"])
                return shown.split(separator: "\n").last { $0.hasPrefix("serial=") }.map(String.init) ?? shown
            }
            let before = try await serial()
            let again = try await serial()
            #expect(again == before)
            try await certificates.make("server", "subjectAltName=IP:127.0.0.1")
            let after = try await serial()
            #expect(after != before)
        }
    }

    @Test func keepsToVersionsAndCipherSuites() async throws {
        let certificates = try await TestCertificates()
        func session(_ server: RunningServer, _ options: String) async throws -> String {
            try await run(
                "/bin/sh", ["-c", "openssl s_client -connect \(server.address) \(options) </dev/null"]
            ).output
        }
        let suite = "--cipher-suites=TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
        try await RunningServer.with(flags(certificates, "--tls-max-version=TLS1.2", suite)) { server in
            let shown = try await session(server, "")
            #expect(shown.contains("TLSv1.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384"))
            let other = try await session(server, "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256")
            #expect(other.contains("Cipher is (NONE)"))
            #expect(try await isLetIn(server, certificates))
        }
        try await RunningServer.with(flags(certificates, "--tls-min-version=TLS1.3")) { server in
            let shown = try await session(server, "")
            #expect(shown.contains("TLSv1.3, Cipher is TLS_"))
            let other = try await session(server, "-tls1_2")
            #expect(other.contains("Cipher is (NONE)"))
            #expect(server.log.contains("tls: client offered only unsupported versions"))
        }
    }

    @Test func listensOnSocketFiles() async throws {
        let certificates = try await TestCertificates()
        var arguments = flags(certificates)
        arguments[0] = "--listen-client-urls=unix://localhost:123,unixs://localhost:456"
        try await RunningServer.with(arguments) { server in
            let plain = try await curl("--unix-socket", server.folder.file("localhost:123"), "http://localhost/version")
            #expect(plain.output.contains("etcdserver"))
            let encrypted = try await curl(
                "--unix-socket", server.folder.file("localhost:456"), "--cacert", certificates.certificate("ca"),
                "https://localhost/version")
            #expect(encrypted.output.contains("etcdserver"))
        }
    }

    @Test func saysWhatIsWrongWithFiles() async throws {
        let certificates = try await TestCertificates()
        let wrong = [
            "--listen-client-urls=https://127.0.0.1:0", "--cert-file=\(certificates.certificate("ca"))",
            "--key-file=\(certificates.key("server"))",
        ]
        let missing = flags(certificates, "--trusted-ca-file=/nowhere/ca.pem")
        for (arguments, text) in [
            (wrong, "tls: private key does not match public key"),
            (missing, "open /nowhere/ca.pem: no such file or directory"),
        ] {
            await #expect {
                try await RunningServer.with(arguments) { _ in }
            } throws: { error in
                (error as? RunningServer.NotStarted)?.log.contains(text) == true
            }
        }
    }
}
