// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import Logging
import SwiftASN1
import X509

/// A certificate that a server makes for itself, as `--auto-tls` asks: `cert.pem` and `key.pem` in a folder, used again
/// by later starts until it has expired.
///
/// The key is on the curve P-256: with etcd's choice, P-521, each handshake costs a server many times as much. What a
/// real etcd left in the folder is used as well.
struct SelfSignedCertificate {
    var folder: String
    /// Names and addresses that clients will connect to.
    var hosts: [String]
    var years: Int

    private static let secondsOfYear = 365 * 86_400.0
    /// In seconds. Clocks of clients are behind, and clocks are set back: that must not keep anybody out.
    private static let clockTolerance = 3600.0

    /// - Returns: The files' paths.
    func prepare(_ logger: Logger) throws -> (certificate: String, key: String) {
        let (certificate, key) = ("\(folder)/cert.pem", "\(folder)/key.pem")
        if isUsable(certificate, logger), FileManager.default.fileExists(atPath: key) { return (certificate, key) }
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let made = try make()
        logger.warning(
            "automatically generate certificates",
            metadata: ["certificate-validity-bound-not-after": "\(made.certificate.notValidAfter.formatted(.iso8601))"])
        // The key is never there for others to read, not for a moment.
        try Self.write(made.key.pemRepresentation + "\n", to: key, mode: 0o600)
        try Self.write(try made.certificate.serializeAsPEM().pemString + "\n", to: certificate, mode: 0o644)
        logger.info("created cert file", metadata: ["path": "\(certificate)"])
        logger.info("created key file", metadata: ["path": "\(key)"])
        return (certificate, key)
    }

    /// Whether there is a certificate that hasn't expired. One that can't be read is used as it is: whoever put it
    /// there gets TLS's own complaint.
    private func isUsable(_ path: String, _ logger: Logger) -> Bool {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return false }
        guard let certificate = try? Certificate(pemEncoded: text) else { return true }
        if certificate.notValidAfter > Date() { return true }
        logger.warning("the certificate has expired; making another", metadata: ["path": "\(path)"])
        return false
    }

    private func make() throws -> (certificate: Certificate, key: P256.Signing.PrivateKey) {
        let key = P256.Signing.PrivateKey()
        let name = try DistinguishedName { OrganizationName("martlet") }
        var names: [GeneralName] = []
        for host in hosts where !host.isEmpty {
            let name =
                IPAddressBytes.parse(host).map { GeneralName.ipAddress(ASN1OctetString(contentBytes: $0[...])) }
                ?? .dnsName(host)
            if !names.contains(name) { names.append(name) }
        }
        let now = Date()
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
            notValidBefore: now.addingTimeInterval(-Self.clockTolerance),
            notValidAfter: now.addingTimeInterval(Double(years) * Self.secondsOfYear),
            issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(KeyUsage(digitalSignature: true, keyEncipherment: true))
                try ExtendedKeyUsage([.serverAuth])
                Critical(BasicConstraints.notCertificateAuthority)
                SubjectAlternativeNames(names)
            },
            issuerPrivateKey: .init(key))
        return (certificate, key)
    }

    private static func write(_ text: String, to path: String, mode: mode_t) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw FileFailure(verb: "open", path: path) }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try file.write(contentsOf: Data(text.utf8))
        try file.synchronize()
    }
}
