// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import MartletTestPrograms
import Testing

/// Members that encrypt what they say to each other, and ask each other who they are.
@Suite(.needsOpenSSLAndCurl, .timeLimit(.minutes(4))) struct PeerTLSTests {
    private static let bothWays =
        "subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=serverAuth,clientAuth"

    private static func flags(_ certificates: TestCertificates, _ more: String...) -> [String] {
        [
            "--peer-cert-file", certificates.certificate("member"), "--peer-key-file", certificates.key("member"),
            "--peer-trusted-ca-file", certificates.certificate("ca"), "--peer-client-cert-auth",
        ] + more
    }

    /// What one member takes the others answer, so that each has heard another.
    private static func work(_ members: [EtcdProcess]) async throws {
        for member in members {
            var configuration = EtcdClient.Configuration(endpoints: [member.endpoint])
            configuration.timeout = .seconds(20)
            let client = try EtcdClient(configuration)
            try await client.put("by", member.endpoint)
            #expect(try await client.get("by").keyValues.map(\.valueText) == [member.endpoint])
            await client.close()
        }
    }

    private static func ask(
        _ member: EtcdProcess, _ certificates: TestCertificates, as name: String?
    ) async throws -> FinishedProgram {
        var flags = ["-sS", "--max-time", "20", "--cacert", certificates.certificate("ca")]
        if let name { flags += ["--cert", certificates.certificate(name), "--key", certificates.key(name)] }
        return try await run("curl", flags + [member.peerURL + "/members"])
    }

    @Test func knowEachOtherByTheirAuthority() async throws {
        let certificates = try await TestCertificates()
        try await certificates.make("member", Self.bothWays)
        let others = try await TestCertificates()
        try await others.make("member", Self.bothWays)
        try await EtcdProcess.withCluster(
            .martlet, peerScheme: "https", arguments: Self.flags(certificates)
        ) { members in
            try await Self.work(members)
            let known = try await Self.ask(members[0], certificates, as: "member")
            #expect(known.isSuccess && known.output.contains("\"peerURLs\":[\"https://127.0.0.1:"), "\(known.output)")
            let nobody = try await Self.ask(members[0], certificates, as: nil)
            #expect(!nobody.isSuccess, "\(nobody.output)")
            let stranger = try await run(
                "curl",
                [
                    "-sS", "--max-time", "20", "--cacert", certificates.certificate("ca"),
                    "--cert", others.certificate("member"), "--key", others.key("member"),
                    members[0].peerURL + "/members",
                ])
            #expect(!stranger.isSuccess, "\(stranger.output)")
            // One that went away comes back into the encrypted cluster.
            // If it led, the next write may time out.
            await members[2].kill()
            #expect(try await eventually { (try? await Self.work([members[0], members[1]])) != nil })
            try await members[2].restart()
            try await Self.work(members)
        }
    }

    @Test func onlyCertainNamesAreMembers() async throws {
        let certificates = try await TestCertificates()
        try await certificates.make("member", Self.bothWays)
        try await certificates.make("guest", Self.bothWays)
        try await EtcdProcess.withCluster(
            .martlet, peerScheme: "https",
            arguments: Self.flags(certificates, "--peer-cert-allowed-cn", "member")
        ) { members in
            try await Self.work(members)
            #expect(try await Self.ask(members[0], certificates, as: "member").isSuccess)
            let guest = try await Self.ask(members[0], certificates, as: "guest")
            #expect(!guest.isSuccess, "\(guest.output)")
        }
    }

    @Test func encryptsByItself() async throws {
        try await EtcdProcess.withCluster(.martlet, peerScheme: "https", arguments: ["--peer-auto-tls"]) { members in
            try await Self.work(members)
            let plain = try await run(
                "curl", ["-sS", "--max-time", "20", "http" + members[0].peerURL.dropFirst(5) + "/members"])
            #expect(!plain.isSuccess)
        }
    }
}
