// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletGRPCWire
import MartletHTTP2Session
import MartletTestPrograms
import NIOCore
import Synchronization
import Testing

@Suite(.needsOpenSSL, .timeLimit(.minutes(30))) struct TLSTests {
    private static var router: GRPCRouter {
        var router = GRPCRouter()
        router.add("/T/Echo", .unary { $1 })
        router.add("/T/Peer", .unary { call, _ in call.peerCertificate?.derBytes ?? [] })
        router.add("/T/Name", .unary { call, _ in call.peerCertificate?.name ?? [] })
        router.add(
            "/T/Stream",
            .stream { _, reader, writer in
                for try await message in reader { try await writer.write(message) }
            })
        return router
    }

    private func server(_ certificates: Certificates, requiresClient: Bool = false) -> WireServerTLS {
        var tls = WireServerTLS(
            certificateChainFile: certificates.certificate("server"), privateKeyFile: certificates.key("server"))
        if requiresClient {
            tls.trustRootsFile = certificates.certificate("ca")
            tls.requiresClientCertificate = true
        }
        return tls
    }

    private func client(
        _ certificates: Certificates, _ authority: String = "ca", as name: String? = nil
    ) -> WireClientTLS {
        var tls = WireClientTLS()
        tls.trustRootsFile = certificates.certificate(authority)
        if let name {
            tls.certificateChainFile = certificates.certificate(name)
            tls.privateKeyFile = certificates.key(name)
        }
        return tls
    }

    @Test func callsOfAllSizes() async throws {
        let certificates = try await Certificates()
        try await withWire(
            Self.router, server: { $0.tls = self.server(certificates) }, client: { $0.tls = self.client(certificates) }
        ) { client, _ in
            for count in [0, 1, 16_384, 1_000_000, 4 << 20] {
                let message = [UInt8](repeating: 5, count: count)
                let reply = try await client.unary("/T/Echo", message)
                #expect(reply.message == message)
            }
            try await client.withStream("/T/Stream") { stream in
                for index in 0..<50 {
                    try await stream.write([UInt8(index)])
                    let echo = try await stream.next()
                    #expect(echo == [UInt8(index)])
                }
            }
            let peer = try await client.unary("/T/Peer", [])
            #expect(peer.message.isEmpty)
        }
    }

    /// Once a connection, however many calls it carries.
    @Test func clientsAreNamed() async throws {
        let certificates = try await Certificates()
        let count = Mutex(0)
        var tls = server(certificates, requiresClient: true)
        tls.namesClient = { certificate in
            count.withLock { $0 += 1 }
            return Array(certificate.prefix(3))
        }
        try await withWire(
            Self.router, server: { [tls] in $0.tls = tls },
            client: { $0.tls = self.client(certificates, as: "client") }
        ) { client, _ in
            let peer = try await client.unary("/T/Peer", []).message
            for _ in 0..<3 {
                let name = try await client.unary("/T/Name", []).message
                #expect(name == Array(peer.prefix(3)) && !name.isEmpty)
            }
        }
        #expect(count.withLock { $0 } == 1)
    }

    @Test func untrustedServerIsRefused() async throws {
        let certificates = try await Certificates()
        try await certificates.makeAuthority("other")
        try await withServer(Self.router, configure: { $0.tls = self.server(certificates) }) { _, address in
            try await withClient(address, configure: { $0.tls = self.client(certificates, "other") }) { client in
                let status = await status(.unavailable) { _ = try await client.unary("/T/Echo", []) }
                #expect(status?.isConnectFailure == true)
            }
            try await withClient(
                address,
                configure: {
                    $0.tls = self.client(certificates, "other")
                    $0.tls?.skipsVerification = true
                }
            ) { client in
                let reply = try await client.unary("/T/Echo", [1])
                #expect(reply.message == [1])
            }
            // A client without TLS gets an answer too: a failure.
            _ = try await withClient(address) { client in
                await status(.unavailable) { _ = try await client.unary("/T/Echo", []) }
            }
        }
    }

    @Test func clientCertificate() async throws {
        let certificates = try await Certificates()
        try await certificates.makeAuthority("other")
        try await certificates.makeLeaf("stranger", by: "other")
        let tls = self.server(certificates, requiresClient: true)
        try await withServer(Self.router, configure: { $0.tls = tls }) { _, address in
            try await withClient(address, configure: { $0.tls = self.client(certificates, as: "client") }) { client in
                let peer = try await client.unary("/T/Peer", [])
                let der = try await output(
                    of: "openssl", ["x509", "-in", certificates.certificate("client"), "-outform", "PEM"])
                let base64 = der.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
                #expect(Data(base64Encoded: base64).map { [UInt8]($0) } == peer.message)
            }
            for name in [nil, "stranger"] as [String?] {
                let tls = self.client(certificates, as: name)
                _ = try await withClient(address, configure: { $0.tls = tls }) { client in
                    await status(.unavailable) { _ = try await client.unary("/T/Echo", []) }
                }
            }
        }
    }

    /// Also where that takes a while to find out; what the client says meanwhile is not lost.
    @Test(arguments: [true, false]) func clientsAreLocated(isHere: Bool) async throws {
        struct Elsewhere: Error {}
        let certificates = try await Certificates()
        let asked = Mutex<String?>(nil)
        var tls = self.server(certificates, requiresClient: true)
        tls.locatesClient = { _, address, loop in
            asked.withLock { $0 = address.ipAddress }
            return loop.scheduleTask(in: .milliseconds(50)) { if !isHere { throw Elsewhere() } }.futureResult
        }
        try await withServer(Self.router, configure: { [tls] in $0.tls = tls }) { _, address in
            try await withClient(address, configure: { $0.tls = self.client(certificates, as: "client") }) { client in
                guard isHere else {
                    let refusal = await status(.unavailable) { _ = try await client.unary("/T/Echo", []) }
                    #expect(refusal?.isConnectFailure == true)
                    return
                }
                let message = [UInt8](repeating: 1, count: 1_000_000)
                let reply = try await client.unary("/T/Echo", message)
                #expect(reply.message == message)
            }
        }
        #expect(asked.withLock { $0 } == "127.0.0.1")
    }

    @Test func serversAreExamined() async throws {
        struct Unwanted: Error {}
        let certificates = try await Certificates()
        let isWanted = Mutex(false)
        try await withServer(Self.router, configure: { $0.tls = self.server(certificates) }) { _, address in
            for wanted in [false, true] {
                isWanted.withLock { $0 = wanted }
                var tls = self.client(certificates)
                tls.examinesServer = { certificate in
                    guard !certificate.isEmpty, isWanted.withLock({ $0 }) else { throw Unwanted() }
                }
                let answer = try await withClient(address, configure: { [tls] in $0.tls = tls }) { client in
                    try? await client.unary("/T/Echo", [1])
                }
                #expect((answer?.message == [1]) == wanted)
            }
        }
    }

    @Test func reloadsChangedFiles() async throws {
        let certificates = try await Certificates()
        try await certificates.makeAuthority("next")
        try await withServer(Self.router, configure: { $0.tls = self.server(certificates) }) { _, address in
            func trusts(_ authority: String) async throws -> Bool {
                try await withClient(address, configure: { $0.tls = self.client(certificates, authority) }) { client in
                    (try? await client.unary("/T/Echo", [1]))?.message == [1]
                }
            }
            #expect(try await trusts("ca"))
            #expect(try await !trusts("next"))
            // Rubbish is ignored; then a good pair is taken.
            try "rubbish".write(toFile: certificates.certificate("server"), atomically: true, encoding: .utf8)
            try await Task.sleep(for: .milliseconds(1_500))
            #expect(try await trusts("ca"))
            try await certificates.makeLeaf("server", by: "next")
            try await eventually("the new certificate is shown") { try await trusts("next") }
            #expect(try await !trusts("ca"))
        }
    }

    @Test func negotiatesHTTP2() async throws {
        let certificates = try await Certificates()
        try await withServer(
            Self.router,
            configure: {
                $0.tls = self.server(certificates)
                $0.http1 = { _ in HTTP1Response(status: 200, body: bytes("plain")) }
            }
        ) { _, address in
            let common = ["s_client", "-connect", "\(address)", "-CAfile", certificates.certificate("ca"), "-alpn"]
            let both = try await output(of: "openssl", common + ["h2,http/1.1"])
            #expect(both.contains("ALPN protocol: h2"))
            let old = try await output(of: "openssl", common + ["http/1.1"])
            #expect(old.contains("ALPN protocol: http/1.1"))
        }
    }

    /// Over TLS a client may ask for pages by HTTP/2 too.
    @Test func plainRequestsOverHTTP2() async throws {
        let certificates = try await Certificates()
        let big = certificates.folder.file("big")
        try Data(repeating: 65, count: 9 << 20).write(to: URL(filePath: big))
        let half = certificates.folder.file("half")
        try Data(repeating: 66, count: 2 << 20).write(to: URL(filePath: half))
        try await withServer(
            Self.router,
            configure: {
                $0.tls = self.server(certificates)
                $0.http1 = { request in
                    let host = request.headers.first { $0.0 == "host" }?.1 ?? ""
                    let text = "\(request.method) \(request.uri) \(host.isEmpty ? "" : "host") \(request.body.count)"
                    return HTTP1Response(
                        status: 201, headers: [("X-Name", "v"), ("Connection", "x")], body: bytes(text))
                }
            }
        ) { _, address in
            func curl(_ arguments: String...) async throws -> String {
                try await run(
                    "curl",
                    [
                        "-sS", "--http2", "--max-time", "20", "--cacert", certificates.certificate("ca"), "-w",
                        " %{http_version} %{http_code}", "https://\(address)/page?a=b",
                    ] + arguments
                ).output
            }
            let page = try await curl()
            #expect(page == "GET /page?a=b host 0 2 201")
            let posted = try await curl("--data-binary", "@\(half)", "-H", "content-type: application/json")
            #expect(posted == "POST /page?a=b host \(2 << 20) 2 201")
            let head = try await curl("--head")
            #expect(head.contains("content-length: 21") && head.contains("x-name: v") && !head.contains("connection:"))
            #expect(head.hasSuffix("2 201"))
            let tooLarge = try await curl("--data-binary", "@\(big)")
            #expect(tooLarge.hasSuffix("2 413"))
            // Calls go on as ever.
            try await withClient(address, configure: { $0.tls = self.client(certificates) }) { client in
                let reply = try await client.unary("/T/Echo", [1])
                #expect(reply.message == [1])
            }
        }
    }

    @Test func unusableFilesAreAnErrorAtOnce() throws {
        var configuration = WireServerConfiguration()
        configuration.tls = WireServerTLS(certificateChainFile: "/nowhere", privateKeyFile: "/nowhere")
        #expect(throws: (any Error).self) {
            try WireServer(router: GRPCRouter(), configuration: configuration, logger: .silent)
        }
    }
}
