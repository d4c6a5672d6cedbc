// SPDX-License-Identifier: Apache-2.0

import SwiftASN1
import X509

/// What is asked of a certificate beside a chain to a trusted authority: of clients', among members of servers' too.
///
/// Of the chain only the holder's own is looked at, where etcd looks for revoked ones in all of it.
struct CertificatePolicy: Sendable {
    /// Host names or addresses, one of which the certificate must bear; empty: any.
    var allowedHostnames: [String] = []
    /// Common names, one of which must be the certificate's; empty: any.
    var allowedCommonNames: [String] = []
    var revocations: RevocationFile?

    var asksAnything: Bool { !allowedHostnames.isEmpty || !allowedCommonNames.isEmpty || revocations != nil }

    struct Refusal: Error, Equatable, CustomStringConvertible {
        var description: String
    }

    /// - Parameter bytes: The certificate in DER.
    func examine(_ bytes: [UInt8]) throws {
        let certificate = try Certificate(derEncoded: bytes)
        if !allowedCommonNames.isEmpty {
            let names = certificate.subject.flatMap { Array($0) }
                .filter { $0.type == .RDNAttributeType.commonName }.compactMap { String($0.value) }
            guard allowedCommonNames.contains(names.last ?? "") else { throw Self.failed }
        }
        if !allowedHostnames.isEmpty {
            let names = try certificate.extensions.subjectAlternativeNames.map { Array($0) } ?? []
            guard allowedHostnames.contains(where: { Self.bears(names, $0) }) else { throw Self.failed }
        }
        if let revocations, try revocations.contains(certificate.serialNumber.bytes) {
            let digits = certificate.serialNumber.bytes.withoutLeadingZeros
                .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            throw Refusal(description: "transport: certificate serial \(digits) revoked")
        }
    }

    /// The text is etcd's for servers' certificates, too.
    static let failed = Refusal(description: "client certificate authentication failed")

    /// Whether one of a certificate's names is the host's. Common names don't count. Source: RFC 6125, Go crypto/x509.
    private static func bears(_ names: [GeneralName], _ host: String) -> Bool {
        let address = IPAddressBytes.parse(host)
        return names.contains { name in
            switch name {
            case .dnsName(let pattern): address == nil && matches(pattern.lowercased(), host.lowercased())
            case .ipAddress(let octets): address == Array(octets.bytes)
            default: false
            }
        }
    }

    /// A star stands for the first label, and only for a whole one.
    private static func matches(_ pattern: String, _ host: String) -> Bool {
        let host = host.hasSuffix(".") ? String(host.dropLast()) : host
        guard !pattern.isEmpty, !host.isEmpty else { return false }
        guard pattern.hasPrefix("*.") else { return pattern == host }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        return labels.count > 1 && !labels[0].isEmpty
            && labels.dropFirst().joined(separator: ".") == pattern.dropFirst(2)
    }
}

extension Collection<UInt8> {
    /// A number's bytes without those that say nothing.
    var withoutLeadingZeros: SubSequence { drop { $0 == 0 } }
}
