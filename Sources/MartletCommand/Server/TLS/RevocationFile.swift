// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletGRPCWire
import SwiftASN1
import Synchronization

/// A list of revoked certificates in a file, PEM or DER, read again when the file has changed.
///
/// As in etcd a certificate counts as revoked when its serial number is in the list, whoever signed either.
final class RevocationFile: Sendable {
    /// A list of a million certificates is forty megabytes long.
    static let maximumBytes = 128 << 20

    private struct Known {
        var stamp: FileStamp
        var serials: Set<[UInt8]>
    }

    private let path: String
    private let known = Mutex<Known?>(nil)

    init(path: String) {
        self.path = path
    }

    /// - Throws: Where the file can't be read: nobody is let in on the strength of a list that isn't there.
    func contains(_ serial: some Collection<UInt8>) throws -> Bool {
        let serial = Array(serial.withoutLeadingZeros)
        guard let stamp = FileStamp(path: path) else { throw FileFailure(verb: "open", path: path) }
        if let answer = known.withLock({ $0?.stamp == stamp ? $0?.serials.contains(serial) : nil }) { return answer }
        let serials = try Self.serials(try read())
        known.withLock { $0 = Known(stamp: stamp, serials: serials) }
        return serials.contains(serial)
    }

    private func read() throws -> [UInt8] {
        guard let file = FileHandle(forReadingAtPath: path) else { throw FileFailure(verb: "open", path: path) }
        let bytes = [UInt8](try file.read(upToCount: Self.maximumBytes + 1) ?? Data())
        guard bytes.count <= Self.maximumBytes else {
            throw CertificatePolicy.Refusal(description: "\(path) is larger than \(Self.maximumBytes) bytes")
        }
        return bytes
    }

    /// The serial numbers of a `CertificateList`. Source: RFC 5280 §5.1.
    static func serials(_ bytes: [UInt8]) throws -> Set<[UInt8]> {
        let isPEM = bytes.starts(with: Array("-----BEGIN".utf8))
        let der = isPEM ? try PEMDocument(pemString: String(decoding: bytes, as: UTF8.self)).derBytes : bytes
        return try DER.sequence(try DER.parse(der), identifier: .sequence) { list in
            guard let tbs = list.next() else { throw ASN1Error.invalidASN1Object(reason: "an empty revocation list") }
            // The signature, which nobody checks here.
            while list.next() != nil {}
            return try DER.sequence(tbs, identifier: .sequence) { fields in
                var revoked: ASN1Node?
                var sequences = 0
                while let field = fields.next() {
                    // The algorithm and the issuer are sequences too, and come first.
                    guard field.identifier == .sequence else { continue }
                    sequences += 1
                    if sequences == 3 { revoked = field }
                }
                guard let revoked else { return [] }
                return try Self.entries(revoked)
            }
        }
    }

    private static func entries(_ revoked: ASN1Node) throws -> Set<[UInt8]> {
        try DER.sequence(revoked, identifier: .sequence) { entries in
            var serials: Set<[UInt8]> = []
            while let entry = entries.next() {
                try DER.sequence(entry, identifier: .sequence) { fields in
                    let serial = try ArraySlice<UInt8>(derEncoded: &fields)
                    serials.insert(Array(serial.withoutLeadingZeros))
                    // The date, and extensions perhaps.
                    while fields.next() != nil {}
                }
            }
            return serials
        }
    }
}
