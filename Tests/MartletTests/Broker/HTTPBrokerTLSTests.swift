// SPDX-License-Identifier: Apache-2.0

import Foundation
import Martlet
import MartletTestPrograms
import Synchronization
import Testing

extension Trait where Self == ConditionTrait {
    /// For tests that make certificates. With `MARTLET_REQUIRE_PEERS=1` they fail where the program is missing.
    static var needsOpenSSL: ConditionTrait {
        .enabled("no openssl program") {
            if ProcessInfo.processInfo.environment["MARTLET_REQUIRE_PEERS"] == "1" { return true }
            return (try? await run("openssl", ["version"]))?.isSuccess == true
        }
    }
}

/// Messages over TLS, from publishers to subscribers.
@Suite(.timeLimit(.minutes(30)), .needsOpenSSL) struct HTTPBrokerTLSTests {
    /// Two authorities, and a certificate by each; valid for a day.
    struct Certificates {
        let folder: TemporaryFolder

        /// - Parameter names: What the certificates are for.
        init(_ names: String = "DNS:localhost,IP:127.0.0.1") async throws {
            self.folder = try TemporaryFolder()
            let script = """
                cd '\(self.folder.path)'
                new='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
                for ca in ours theirs; do
                    openssl req -x509 $new -days 1 -subj /CN=$ca -keyout $ca.ca.key -out $ca.ca.pem \
                        -addext keyUsage=critical,keyCertSign,cRLSign
                    printf 'subjectAltName=\(names)\\n' >leaf.ext
                    openssl req $new -subj /CN=node -keyout $ca.key -out leaf.csr
                    openssl x509 -req -days 1 -in leaf.csr -CA $ca.ca.pem -CAkey $ca.ca.key -CAcreateserial \
                        -extfile leaf.ext -out $ca.pem
                done
                """
            try await output(of: "/bin/sh", ["-ec", script])
        }

        /// - Parameter authority: Whose certificate the holder shows, and whose it trusts.
        func tls(_ authority: String) -> MicroTLS {
            MicroTLS(
                certificateChainFile: self.folder.file("\(authority).pem"),
                privateKeyFile: self.folder.file("\(authority).key"),
                trustRootsFile: self.folder.file("\(authority).ca.pem"))
        }
    }

    private static func broker(_ registry: InMemoryRegistry, _ tls: MicroTLS?) -> HTTPBroker {
        HTTPBroker(registry: registry) {
            $0.address = "127.0.0.1:0"
            $0.drainDelay = .milliseconds(1)
            $0.postTimeout = .seconds(300)
            $0.tls = tls
        }
    }

    private static func failure(_ body: () async throws -> Void) async -> MicroError? {
        await EndpointLimitsTests.failure(body)
    }

    @Test func messagesTravelEncryptedToThoseWhoSaySo() async throws {
        let certificates = try await Certificates()
        let registry = InMemoryRegistry()
        let tls = certificates.tls("ours")
        let subscriber = Self.broker(registry, tls)
        let (bodies, got) = AsyncStream.makeStream(of: [UInt8].self)
        var options = SubscriptionOptions()
        // In order.
        options.maximumConcurrentMessages = 1
        let subscription = try await subscriber.subscribe("topic", queue: "q", options: options) {
            got.yield($0.message.body)
            return .acknowledge
        }
        let node = try #require(try await registry.services(named: "go.micro.http.broker").first?.nodes.first)
        #expect(node.metadata == ["broker": "http", "secure": "true", "topic": "topic"])

        // One that has no certificate of its own, but trusts the authority.
        var trust = MicroTLS()
        trust.trustRootsFile = tls.trustRootsFile
        let publisher = Self.broker(registry, trust)
        for body: [UInt8] in [[1], [2]] { try await publisher.publish(BrokerMessage(body: body), to: "topic") }
        var received: [[UInt8]] = []
        for await body in bodies {
            received.append(body)
            if received.count == 2 { break }
        }
        #expect(received == [[1], [2]])

        // Whoever trusts somebody else, or nobody but the system's authorities, sends nothing.
        for other in [certificates.tls("theirs"), nil] {
            let error = await Self.failure {
                try await Self.broker(registry, other).publish(BrokerMessage(body: [3]), to: "topic")
            }
            #expect(error?.code == .unavailable)
        }
        // And whoever doesn't look sends to anybody.
        var blind = MicroTLS()
        blind.skipsVerification = true
        try await Self.broker(registry, blind).publish(BrokerMessage(body: [4]), to: "topic")
        for await body in bodies {
            #expect(body == [4])
            break
        }
        await subscription.end(limit: .seconds(300))
    }

    @Test func certificatesMustBearTheNameThatIsAskedFor() async throws {
        let certificates = try await Certificates("DNS:localhost")
        let registry = InMemoryRegistry()
        let subscriber = Self.broker(registry, certificates.tls("ours"))
        let subscription = try await subscriber.subscribe("topic", queue: "q", options: SubscriptionOptions()) { _ in
            .acknowledge
        }
        var named = certificates.tls("ours")
        named.serverName = "localhost"
        try await Self.broker(registry, named).publish(BrokerMessage(body: [1]), to: "topic")
        // The node's address is an IP address, which the certificate doesn't bear.
        for name in ["elsewhere.test", nil] {
            named.serverName = name
            let misnamed = named
            let error = await Self.failure {
                try await Self.broker(registry, misnamed).publish(BrokerMessage(body: [1]), to: "topic")
            }
            #expect(error?.code == .unavailable)
        }
        await subscription.end(limit: .seconds(300))
    }

    @Test func publishersCanBeAskedForTheirCertificate() async throws {
        let certificates = try await Certificates()
        let registry = InMemoryRegistry()
        var tls = certificates.tls("ours")
        tls.requiresClientCertificate = true
        let subscriber = Self.broker(registry, tls)
        let count = Mutex(0)
        let subscription = try await subscriber.subscribe("topic", queue: "q", options: SubscriptionOptions()) { _ in
            count.withLock { $0 += 1 }
            return .acknowledge
        }
        try await Self.broker(registry, certificates.tls("ours")).publish(BrokerMessage(body: [1]), to: "topic")
        var anonymous = MicroTLS()
        anonymous.trustRootsFile = tls.trustRootsFile
        var foreign = certificates.tls("theirs")
        foreign.trustRootsFile = tls.trustRootsFile
        for other in [anonymous, foreign] {
            let error = await Self.failure {
                try await Self.broker(registry, other).publish(BrokerMessage(body: [2]), to: "topic")
            }
            #expect(error?.code == .unavailable)
        }
        await subscription.end(limit: .seconds(300))
        #expect(count.withLock { $0 } == 1)
    }

    /// A publisher with certificates still speaks to subscribers that have none, go-micro's by default.
    @Test func plainSubscribersAreStillHeard() async throws {
        let certificates = try await Certificates()
        let registry = InMemoryRegistry()
        let plain = Self.broker(registry, nil)
        let (bodies, got) = AsyncStream.makeStream(of: [UInt8].self)
        let subscription = try await plain.subscribe("topic", queue: nil, options: SubscriptionOptions()) {
            got.yield($0.message.body)
            return .acknowledge
        }
        try await Self.broker(registry, certificates.tls("ours")).publish(BrokerMessage(body: [9]), to: "topic")
        for await body in bodies {
            #expect(body == [9])
            break
        }
        await subscription.end(limit: .seconds(300))
    }
}
