// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTestPrograms
import Testing

/// `martlet snapshot save` from servers that ask who it is: it gets in where etcdctl does.
@Suite(.needsOpenSSLAndCurl, .serialized, .timeLimit(.minutes(30))) struct SnapshotAccessTests {
    /// An authority, a server, and certificates of the user `root` and of nobody that the server knows.
    private static func certificates() async throws -> TestCertificates {
        let certificates = try await TestCertificates()
        for name in ["root", "stranger"] { try await certificates.make(name) }
        return certificates
    }

    private struct Attempt: CustomStringConvertible {
        var certificate: String?
        var flags: [String] = []
        var works: Bool

        var description: String { "\(certificate ?? "no certificate"), \(flags)" }
    }

    private static let attempts = [
        Attempt(certificate: nil, works: false),
        Attempt(certificate: "stranger", works: false),
        Attempt(certificate: "stranger", flags: ["--user=root:pw"], works: true),
        Attempt(certificate: "stranger", flags: ["--user=root", "--password=pw"], works: true),
        Attempt(certificate: "stranger", flags: ["--user=root:pw", "--password=pw"], works: false),
        Attempt(certificate: "stranger", flags: ["--password=pw"], works: false),
        Attempt(certificate: "stranger", flags: ["--user=root:guess"], works: false),
        Attempt(certificate: "stranger", flags: ["--user=app:pw"], works: false),
        Attempt(certificate: "root", works: true),
        Attempt(certificate: "root", flags: ["--user=app:pw"], works: false),
        Attempt(certificate: "root", flags: ["--insecure-skip-tls-verify=true"], works: true),
    ]

    @Test(arguments: EtcdProcess.Kind.available) func asEtcdctl(_ kind: EtcdProcess.Kind) async throws {
        guard let etcdctl = Etcdctl.all.last else { return }
        let certificates = try await Self.certificates()
        let folder = try TemporaryFolder()
        let arguments = [
            "--cert-file", certificates.certificate("server"), "--key-file", certificates.key("server"),
            "--client-cert-auth", "--trusted-ca-file", certificates.certificate("ca"),
        ]
        try await EtcdProcess.with(kind, scheme: "https", arguments: arguments) { server in
            func flags(_ name: String?) -> [String] {
                guard let name else { return [] }
                return [
                    "--cacert", certificates.certificate("ca"), "--cert", certificates.certificate(name), "--key",
                    certificates.key(name),
                ]
            }
            let endpoint = ["--endpoints", "https://\(server.endpoint)"]
            let control = ["ETCDCTL_API=3", etcdctl] + endpoint
            for words in [
                ["user", "add", "root:pw"], ["user", "grant-role", "root", "root"], ["user", "add", "app:pw"],
                ["auth", "enable"],
            ] {
                try await output(of: "/usr/bin/env", control + flags("root") + words)
            }
            for (number, attempt) in Self.attempts.enumerated() {
                let access = flags(attempt.certificate) + attempt.flags
                let (ours, theirs) = (folder.file("\(number).ours"), folder.file("\(number).theirs"))
                let saved = try await run(BuiltBinary.path, ["snapshot", "save", ours] + endpoint + access)
                #expect(saved.isSuccess == attempt.works, "\(attempt): \(saved.output)")
                // Without a certificate etcdctl would try for ever.
                if attempt.certificate != nil {
                    let compared = try await run("/usr/bin/env", control + access + ["snapshot", "save", theirs])
                    #expect(compared.isSuccess == attempt.works, "\(attempt): \(compared.output)")
                }
                if attempt.works {
                    try await output(of: BuiltBinary.path, ["snapshot", "status", ours])
                } else {
                    #expect(!FileManager.default.fileExists(atPath: ours))
                    #expect(!FileManager.default.fileExists(atPath: ours + ".part"))
                }
            }
            // The same by variables.
            let variables = [
                "ETCDCTL_ENDPOINTS=https://\(server.endpoint)", "ETCDCTL_USER=root:pw",
                "ETCDCTL_CACERT=\(certificates.certificate("ca"))",
                "ETCDCTL_CERT=\(certificates.certificate("stranger"))",
                "ETCDCTL_KEY=\(certificates.key("stranger"))",
            ]
            try await output(
                of: "/usr/bin/env", variables + [BuiltBinary.path, "snapshot", "save", folder.file("variables")])
        }
    }
}
