// SPDX-License-Identifier: Apache-2.0

import MartletCommand
import NIOCore
import NIOPosix
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
}
