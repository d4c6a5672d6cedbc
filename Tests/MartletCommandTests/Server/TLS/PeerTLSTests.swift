// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletCommand
import MartletEtcdClient
import MartletGRPCWire
import MartletTestPrograms
import NIOCore
import NIOPosix
import Testing

/// Members that encrypt what they say to each other, and ask each other who they are.
@Suite(.needsOpenSSLAndCurl, .timeLimit(.minutes(30))) struct PeerTLSTests {
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
            configuration.timeout = .seconds(120)
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

    /// A member that dials asks for the same names as one that is dialled.
    @Test(arguments: [["--peer-cert-allowed-cn", "member"], ["--peer-cert-allowed-hostname", "a.example"]])
    func onlyCertainNamesAreConnectedTo(_ asked: [String]) async throws {
        let certificates = try await TestCertificates()
        try await certificates.make("member", Self.bothWays.replacing("127.0.0.1", with: "127.0.0.1,DNS:a.example"))
        try await certificates.make("guest", Self.bothWays)
        let flags = Self.flags(certificates) + asked
        let client = try Self.client(flags)
        #expect(try await Self.dial(certificates, "member", client) == nil)
        let refusal = try #require(try await Self.dial(certificates, "guest", client))
        #expect(refusal.message.contains("client certificate authentication failed"), "\(refusal)")
        #expect(refusal.isConnectFailure)
        // Nobody vouches for the names in a certificate that a member has made itself.
        let unverified = try Self.client(["--peer-auto-tls"] + asked)
        #expect(try await Self.dial(certificates, "member", unverified) != nil)
    }

    /// How a member with such flags connects to others.
    private static func client(_ flags: [String]) throws -> WireClientTLS {
        let options = try ServerOptions(
            try ServerFlags(
                arguments: flags + [
                    "--name", "m", "--listen-peer-urls", "https://127.0.0.1:1", "--initial-advertise-peer-urls",
                    "https://127.0.0.1:1",
                ]))
        // What it would show; the server here asks for nothing.
        var tls = try #require(options.peerTLS).client(WireServerTLS(certificateChainFile: "", privateKeyFile: ""))
        (tls.certificateChainFile, tls.privateKeyFile) = (nil, nil)
        return tls
    }

    /// - Returns: why a server with a certificate isn't spoken to; nil: it is.
    private static func dial(
        _ certificates: TestCertificates, _ name: String, _ tls: WireClientTLS
    ) async throws -> GRPCStatus? {
        let group = MultiThreadedEventLoopGroup.singleton
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var router = GRPCRouter()
        router.add("/T/Echo", .unary { $1 })
        var configuration = WireServerConfiguration()
        configuration.tls = WireServerTLS(
            certificateChainFile: certificates.certificate(name), privateKeyFile: certificates.key(name))
        let server = try WireServer(
            router: router, configuration: configuration, eventLoopGroup: group, logger: logger)
        let address = try await server.bind(.hostPort("127.0.0.1", 0))
        var settings = WireClientConfiguration()
        settings.tls = tls
        let client = try WireClient(
            .hostPort("127.0.0.1", address.port ?? 0), configuration: settings, eventLoopGroup: group, logger: logger)
        var status: GRPCStatus?
        do { _ = try await client.unary("/T/Echo", []) } catch { status = error as? GRPCStatus }
        await client.close()
        await server.close()
        return status
    }

    /// What a certificate says of where its holder is holds, unless it is told not to be asked.
    @Test(arguments: [
        ("IP:10.1.2.3", "x509: certificate is valid for 10.1.2.3, not 127.0.0.1"),
        ("DNS:elsewhere.invalid", #"does not match any of DNSNames [\"elsewhere.invalid\"]"#),
    ])
    func membersComeFromWhereTheyAre(_ place: String, _ reason: String) async throws {
        let certificates = try await TestCertificates()
        try await certificates.make("member", Self.bothWays)
        let both = "subjectAltName=\(place)\\nextendedKeyUsage=serverAuth,clientAuth"
        try await certificates.make("elsewhere", both)
        try await certificates.make("here", both.replacing(place, with: "DNS:localhost,\(place)"))
        try await certificates.make("anywhere")
        try await EtcdProcess.withCluster(
            .martlet, count: 1, peerScheme: "https", arguments: Self.flags(certificates)
        ) { members in
            for name in ["member", "here", "anywhere"] {
                #expect(try await Self.ask(members[0], certificates, as: name).isSuccess, "\(name)")
            }
            #expect(try await !Self.ask(members[0], certificates, as: "elsewhere").isSuccess)
            #expect(try await eventually { members[0].log.contains(reason) }, "\(members[0].log)")
            #expect(members[0].log.contains("rejected connection on peer endpoint"))
            try await members[0].restart(adding: ["--experimental-peer-skip-client-san-verification"])
            #expect(try await Self.ask(members[0], certificates, as: "elsewhere").isSuccess)
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
