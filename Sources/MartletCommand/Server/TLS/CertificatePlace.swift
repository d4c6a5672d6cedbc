// SPDX-License-Identifier: Apache-2.0

package import NIOCore
import SwiftASN1
import X509

/// Where a certificate's holder may be: at the addresses and hosts that it names; anywhere, where it names none.
/// Source: etcd `checkCertSAN`.
package struct CertificatePlace: Sendable {
    /// Four or sixteen bytes each.
    package private(set) var addresses: [[UInt8]] = []
    package private(set) var hosts: [String] = []

    /// A member has few names.
    static let lookupsMax = 16

    package struct Elsewhere: Error, Equatable, CustomStringConvertible {
        package var description: String

        /// Time was up first.
        static let unasked = Elsewhere(description: "tls: the certificate's hosts were not looked up in time")
    }

    /// - Parameter bytes: The certificate in DER.
    init(_ bytes: [UInt8]) throws {
        let certificate = try Certificate(derEncoded: bytes)
        for name in try certificate.extensions.subjectAlternativeNames.map({ Array($0) }) ?? [] {
            switch name {
            case .ipAddress(let octets): addresses.append(Array(octets.bytes))
            case .dnsName(let host): hosts.append(host)
            default: continue
            }
        }
    }

    package init(addresses: [[UInt8]] = [], hosts: [String] = []) {
        self.addresses = addresses
        self.hosts = hosts
    }

    /// Compares the place with where a connection comes from; asks a name server only where no address is enough.
    ///
    /// - Returns: nil where nobody had to be asked.
    /// - Throws: ``Elsewhere``, as the future does.
    package func compare(
        with remote: SocketAddress, on loop: any EventLoop, by names: HostNames = .system,
        lookups: PlaceLookups = .shared
    ) throws -> EventLoopFuture<Void>? {
        guard !addresses.isEmpty || !hosts.isEmpty, let text = remote.ipAddress else { return nil }
        let address = IPAddressBytes.parse(text)?.unmapped ?? []
        if addresses.contains(where: { $0.unmapped == address }) { return nil }
        guard !hosts.isEmpty else {
            let valid = addresses.map { IPAddressBytes.text($0) ?? "?" }.joined(separator: ", ")
            throw Elsewhere(
                description: "x509: certificate is valid for \(valid), not \(IPAddressBytes.text(address) ?? text)")
        }
        return try lookups.run(on: loop) { try compare(with: address, by: names, until: $0) }
    }

    /// Whether one of the hosts is at an address, by what the address is called, and by where the hosts are.
    ///
    /// - Parameter end: nobody is asked after it.
    package func compare(
        with address: [UInt8], by names: HostNames, until end: NIODeadline = .distantFuture
    ) throws(Elsewhere) {
        if NIODeadline.now() >= end { throw .unasked }
        var reason: String?
        switch names.name(address) {
        case .success(let name):
            let name = name.hasSuffix(".") ? String(name.dropLast()) : name
            // A star stands for any number of labels here.
            if hosts.contains(where: { $0.hasPrefix("*.") ? name.hasSuffix($0.dropFirst()) : $0 == name }) { return }
        case .failure(let failure): reason = failure.description
        }
        for host in hosts.filter({ !$0.hasPrefix("*.") }).prefix(Self.lookupsMax) {
            if NIODeadline.now() >= end { throw .unasked }
            switch names.addresses(host) {
            case .success(let addresses): if addresses.contains(where: { $0.unmapped == address.unmapped }) { return }
            case .failure(let failure): reason = failure.description
            }
        }
        let text = IPAddressBytes.text(address) ?? ""
        let named = "[" + hosts.map(\.goQuoted).joined(separator: " ") + "]"
        throw Elsewhere(
            description: "tls: \(text.goQuoted) does not match any of DNSNames \(named)"
                + (reason.map { " (\($0))" } ?? ""))
    }
}

extension [UInt8] {
    /// An address of IPv4 in IPv6's form as the four bytes that it is: listeners on all addresses see such.
    fileprivate var unmapped: [UInt8] {
        let prefix: [UInt8] = Array(repeating: 0, count: 10) + [0xFF, 0xFF]
        return count == 16 && starts(with: prefix) ? Array(dropFirst(12)) : self
    }
}
