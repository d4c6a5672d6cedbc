// SPDX-License-Identifier: Apache-2.0

package import MartletAuth
internal import SwiftASN1
internal import X509

/// What a client's certificate says of its user, under `--client-cert-auth`.
package enum ClientCertificate {
    /// The common name of the subject; of several the last, as Go has it. Empty where there is none.
    ///
    /// `certificate` is the leaf of a chain that TLS has verified, in DER. Nil for bytes that are no certificate.
    package static func commonName(of certificate: [UInt8]) -> AuthName? {
        guard let certificate = try? Certificate(derEncoded: certificate) else { return nil }
        let attributes = certificate.subject.flatMap { Array($0) }
        let names = attributes.filter { $0.type == .RDNAttributeType.commonName }.compactMap { String($0.value) }
        return AuthName(names.last ?? "")
    }
}
