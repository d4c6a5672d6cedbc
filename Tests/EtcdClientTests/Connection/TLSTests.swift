// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletEtcdClient
import MartletTestPrograms
import Testing

@Suite(.serialized, .timeLimit(.minutes(30))) struct TLSTests {
    static let openssl: String? = {
        let named = ProcessInfo.processInfo.environment["MARTLET_OPENSSL"]
        return [named, "/usr/bin/openssl"].compactMap { $0 }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }()

    /// A certificate that is its own authority, for servers and for clients.
    static func makeCertificate(_ folder: TemporaryFolder) async throws {
        try await output(
            of: try #require(Self.openssl),
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj",
                "/CN=root", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder.file("key.pem"), "-out",
                folder.file("certificate.pem"),
            ])
    }

    @Test(.enabled(if: Self.openssl != nil, "no openssl program"), arguments: EtcdProcess.Kind.available)
    func bothSidesShowTheirCertificates(kind: EtcdProcess.Kind) async throws {
        let folder = try TemporaryFolder()
        try await Self.makeCertificate(folder)
        let arguments = [
            "--cert-file", folder.file("certificate.pem"), "--key-file", folder.file("key.pem"), "--client-cert-auth",
            "--trusted-ca-file", folder.file("certificate.pem"),
        ]
        try await EtcdProcess.with(kind, scheme: "https", arguments: arguments) { server in
            var configuration = EtcdClient.Configuration(endpoints: ["https://\(server.endpoint)"])
            configuration.timeout = .seconds(3)
            // The system's authorities don't know the server.
            let stranger = try EtcdClient(configuration)
            let stranged = await #expect(throws: EtcdError.self) { _ = try await stranger.get("k") }
            // At the end of its time the client may be about to try again.
            #expect([.unavailable, .timeout].contains(stranged?.code), "\(stranged.debugDescription)")
            await stranger.close()

            var tls = EtcdTLS()
            tls.trustRootsFile = folder.file("certificate.pem")
            configuration.tls = tls
            let anonymous = try EtcdClient(configuration)
            // With TLS 1.3 the refusal comes after the client has taken the connection for made.
            let refusal = await #expect(throws: EtcdError.self) { _ = try await anonymous.get("k") }
            #expect([.unavailable, .timeout].contains(refusal?.code), "\(refusal.debugDescription)")
            await anonymous.close()

            tls.certificateChainFile = folder.file("certificate.pem")
            tls.privateKeyFile = folder.file("key.pem")
            for endpoint in [server.endpoint, "https://\(server.endpoint)"] {
                configuration = .patient([endpoint])
                configuration.tls = tls
                let client = try EtcdClient(configuration)
                try await client.put("k", "1")
                #expect(try await client.get("k").keyValues.map(\.valueText) == ["1"])
                await client.close()
            }
        }
    }

    @Test func filesThatAreNoneAreSaidSo() {
        var configuration = EtcdClient.Configuration()
        configuration.tls = EtcdTLS()
        configuration.tls?.certificateChainFile = "/nowhere/certificate.pem"
        configuration.tls?.privateKeyFile = "/nowhere/key.pem"
        let error = #expect(throws: EtcdError.self) { _ = try EtcdClient(configuration) }
        #expect(error?.code == .invalidRequest)
    }
}
