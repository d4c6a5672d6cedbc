// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletTestPrograms
import Testing

/// Calls over TLS.
@Suite(.timeLimit(.minutes(30)), .needsOpenSSL) struct ServiceTLSTests {
    private static func ask(_ client: MicroClient, _ endpoint: String = "Show.Peer") async throws -> String {
        let answer: Answer = try await client.call(InProcessFixture.name, endpoint, Question(name: ""))
        return answer.greeting
    }

    private static func streamed(_ client: MicroClient) async throws -> String? {
        try await client.serverStream(
            InProcessFixture.name, "Show.PeerOfStream", Question(name: ""), of: Answer.self
        ) { try await $0.next()?.greeting }
    }

    @Test func callsAreEncryptedWhereTheRecordSaysSo() async throws {
        let certificates = try await HTTPBrokerTLSTests.Certificates()
        let registry = InMemoryRegistry()
        var service = InProcessFixture.service(registry, Recorder<String>())
        service.configuration.tls = certificates.tls("ours")
        try await withService(service) { (node) async throws in
            #expect(node.metadata?["secure"] == "true")
            var trust = MicroTLS()
            trust.trustRootsFile = certificates.tls("ours").trustRootsFile
            try await withMicroClient(
                registry: registry,
                configure: { [trust] in
                    patiently(&$0)
                    $0.tls = trust
                }
            ) { (client) async throws in
                #expect(try await Self.ask(client) == "socket")
                #expect(try await Self.streamed(client) == "socket")
            }
            // By the record alone, too: but the system trusts no authority of ours, nor does a stranger.
            for tls in [nil, certificates.tls("theirs")] {
                try await withMicroClient(
                    registry: registry,
                    configure: {
                        patiently(&$0)
                        $0.tls = tls
                        $0.retries.rounds = 1
                    }
                ) { client in
                    let error = await #expect(throws: MicroError.self) { try await Self.ask(client) }
                    #expect(error?.detail.contains("CERTIFICATE_VERIFY_FAILED") == true, "\(error?.detail ?? "")")
                }
            }
            var lax = MicroTLS()
            lax.skipsVerification = true
            try await withMicroClient(
                registry: registry,
                configure: { [lax] in
                    patiently(&$0)
                    $0.tls = lax
                }
            ) { (client) async throws in
                #expect(try await Self.ask(client) == "socket")
            }
        }
    }

    @Test func certificatesOfCallersMayBeAskedFor() async throws {
        let certificates = try await HTTPBrokerTLSTests.Certificates()
        let registry = InMemoryRegistry()
        var service = InProcessFixture.service(registry, Recorder<String>())
        var tls = certificates.tls("ours")
        tls.requiresClientCertificate = true
        service.configuration.tls = tls
        try await withService(service) { (_) async throws in
            try await withMicroClient(
                registry: registry,
                configure: {
                    patiently(&$0)
                    $0.tls = certificates.tls("ours")
                }
            ) { (client) async throws in
                #expect(try await Self.ask(client) == "socket")
            }
            var anonymous = MicroTLS()
            anonymous.trustRootsFile = tls.trustRootsFile
            try await withMicroClient(
                registry: registry,
                configure: { [anonymous] in
                    patiently(&$0)
                    $0.tls = anonymous
                    $0.retries.rounds = 1
                }
            ) { client in
                await #expect(throws: MicroError.self) { try await Self.ask(client) }
            }
        }
    }

    /// Inside the process there is no wire to listen in on.
    @Test func callsInsideTheProcessNeedNone() async throws {
        let certificates = try await HTTPBrokerTLSTests.Certificates()
        let registry = InMemoryRegistry()
        var service = InProcessFixture.service(registry, Recorder<String>())
        service.configuration.tls = certificates.tls("ours")
        try await withService(service, inProcess: true) { (_) async throws in
            for tls in [nil, certificates.tls("theirs")] {
                try await withMicroClient(
                    registry: registry,
                    configure: {
                        patiently(&$0)
                        $0.tls = tls
                    }
                ) { (client) async throws in
                    #expect(try await Self.ask(client) == "inside")
                    #expect(try await Self.streamed(client) == "inside")
                }
            }
        }
    }

    @Test func certificatesThatCannotBeUsedAreSaidSo() async throws {
        let registry = InMemoryRegistry()
        var service = InProcessFixture.service(registry, Recorder<String>())
        service.configuration.tls = MicroTLS()
        let none = await #expect(throws: MicroError.self) { try await withService(service) { _ in } }
        #expect(none?.detail == "to listen encrypted a service needs a certificate and its key")
        service.configuration.tls = nil
        try await withService(service) { (_) async throws in
            try await withMicroClient(
                registry: registry,
                configure: { $0.tls = MicroTLS(certificateChainFile: "/nowhere.pem", privateKeyFile: "/nowhere.key") }
            ) { client in
                let error = await #expect(throws: MicroError.self) { try await Self.ask(client) }
                #expect(error?.detail.contains("certificates can't be used") == true, "\(error?.detail ?? "")")
            }
        }
    }
}
