// SPDX-License-Identifier: Apache-2.0

import Dispatch
import MartletCommand
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Certificates and where their holders connect from. What is accepted and refused is etcd's, and so are the texts.
@Suite struct CertificatePlaceTests {
    private static let loop = MultiThreadedEventLoopGroup.singleton.next()

    private static func compare(_ place: CertificatePlace, _ address: String) throws -> Bool {
        try place.compare(with: try SocketAddress(ipAddress: address, port: 7), on: loop) == nil
    }

    @Test func isAnywhereWithoutNames() throws {
        #expect(try Self.compare(CertificatePlace(), "10.0.0.9"))
    }

    @Test func isAtItsAddresses() throws {
        let loopback6: [UInt8] = Array(repeating: 0, count: 15) + [1]
        let place = CertificatePlace(addresses: [[10, 1, 2, 3], loopback6])
        for address in ["10.1.2.3", "::1", "::ffff:10.1.2.3"] {
            #expect(try Self.compare(place, address), "\(address)")
        }
        let refusal = #expect(throws: CertificatePlace.Elsewhere.self) { try Self.compare(place, "::ffff:127.0.0.1") }
        #expect(refusal?.description == "x509: certificate is valid for 10.1.2.3, ::1, not 127.0.0.1")
    }

    @Test func namesAreAskedForWhereNoAddressIsEnough() async throws {
        let both = CertificatePlace(addresses: [[10, 1, 2, 3]], hosts: ["localhost"])
        #expect(try Self.compare(both, "10.1.2.3"))
        let asked = try both.compare(with: try SocketAddress(ipAddress: "127.0.0.1", port: 7), on: Self.loop)
        try await #require(asked).get()
    }

    private static let names = HostNames(
        name: { address in
            address == [10, 0, 0, 1]
                ? .success("a.cluster.example.") : .failure(.init(description: "lookup 10.0.0.9: no such host"))
        },
        addresses: { host in
            host == "b.example"
                ? .success([[10, 0, 0, 7], [10, 0, 0, 2]])
                : .failure(.init(description: "lookup \(host): no such host"))
        })

    @Test(arguments: [
        (["a.cluster.example"], [10, 0, 0, 1]), (["*.cluster.example"], [10, 0, 0, 1]), (["*.example"], [10, 0, 0, 1]),
        (["c.example", "b.example"], [10, 0, 0, 2]),
    ])
    func isAtItsHosts(_ hosts: [String], _ address: [UInt8]) throws {
        try CertificatePlace(hosts: hosts).compare(with: address, by: Self.names)
    }

    @Test(arguments: [
        (["*.b.example"], "lookup 10.0.0.9: no such host"),
        (["b.example", "c.example"], "lookup c.example: no such host"),
    ])
    func isNowhereElse(_ hosts: [String], _ reason: String) {
        let refusal = #expect(throws: CertificatePlace.Elsewhere.self) {
            try CertificatePlace(hosts: hosts).compare(with: [10, 0, 0, 9], by: Self.names)
        }
        let named = hosts.map { "\"\($0)\"" }.joined(separator: " ")
        #expect(
            refusal?.description == "tls: \"10.0.0.9\" does not match any of DNSNames [\(named)] (\(reason))")
    }

    /// A name server that doesn't answer before it is told to.
    private final class SilentServer: Sendable {
        private let silence = DispatchSemaphore(value: 0)
        let asked = Mutex(0)

        var names: HostNames {
            HostNames(
                name: { [self] _ in
                    asked.withLock { $0 += 1 }
                    silence.wait()
                    return .success("a.example")
                }, addresses: { _ in .failure(.init(description: "not asked")) })
        }

        func answer(_ count: Int) { for _ in 0..<count { silence.signal() } }
    }

    private static let place = CertificatePlace(hosts: ["a.example"])

    private static func look(_ lookups: PlaceLookups, _ server: SilentServer) throws -> EventLoopFuture<Void> {
        let remote = try SocketAddress(ipAddress: "10.0.0.1", port: 7)
        return try #require(try place.compare(with: remote, on: loop, by: server.names, lookups: lookups))
    }

    /// Two threads, and one that waits for them; the next is refused until there is room.
    @Test func lookupsAreLimited() async throws {
        let pool = NIOThreadPool(numberOfThreads: 2)
        pool.start()
        let lookups = PlaceLookups(on: pool, underwayMax: 3, patience: .hours(1))
        let server = SilentServer()
        let answers = try (0..<3).map { _ in try Self.look(lookups, server) }
        let refusal = #expect(throws: CertificatePlace.Elsewhere.self) { _ = try Self.look(lookups, server) }
        #expect(refusal?.description == "tls: 3 certificates' hosts are being looked up already")
        server.answer(3)
        for answer in answers { try await answer.get() }
        #expect(lookups.count == 0)
        server.answer(1)
        try await Self.look(lookups, server).get()
        try await pool.shutdownGracefully()
    }

    /// Whoever has waited for too long is refused, while the thread still waits for the name server; who had no thread
    /// in time asks nobody any more.
    @Test func lookupsEndInTime() async throws {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let lookups = PlaceLookups(on: pool, patience: .milliseconds(50))
        let server = SilentServer()
        let answers = try (0..<2).map { _ in try Self.look(lookups, server) }
        for answer in answers {
            let refusal = await #expect(throws: CertificatePlace.Elsewhere.self) { try await answer.get() }
            #expect(refusal?.description == "tls: the certificate's hosts were not looked up in time")
        }
        server.answer(2)
        while lookups.count > 0 { try await Task.sleep(for: .milliseconds(1)) }
        // The first one's thread may have been late, too.
        #expect(server.asked.withLock { $0 } <= 1)
        try await pool.shutdownGracefully()
    }
}
