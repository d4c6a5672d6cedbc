// SPDX-License-Identifier: Apache-2.0

package import Crypto
package import CryptoExtras
internal import SwiftASN1
internal import X509

/// The key that signed tokens are signed and checked with. Without its private half it only checks.
package enum JWTKey: Sendable {
    case hmac(SymmetricKey)
    case rsa(_RSA.Signing.PrivateKey?, _RSA.Signing.PublicKey)
    case p256(P256.Signing.PrivateKey?, P256.Signing.PublicKey)
    case p384(P384.Signing.PrivateKey?, P384.Signing.PublicKey)
    case p521(P521.Signing.PrivateKey?, P521.Signing.PublicKey)
    case ed25519(Curve25519.Signing.PrivateKey?, Curve25519.Signing.PublicKey)

    package var canSign: Bool {
        switch self {
        case .hmac: true
        case .rsa(let key, _): key != nil
        case .p256(let key, _): key != nil
        case .p384(let key, _): key != nil
        case .p521(let key, _): key != nil
        case .ed25519(let key, _): key != nil
        }
    }

    /// Reads key files. Keyed hashes take the private file's bytes as they are; the others read PEM: PKCS #1, PKCS #8
    /// and SEC 1 private keys, public keys and, for their public key, certificates. An empty file is a missing one.
    package init(
        for algorithm: JWTAlgorithm, privateFile: [UInt8]?, publicFile: [UInt8]?
    ) throws(AuthTokenError) {
        let privateFile = privateFile.flatMap { $0.isEmpty ? nil : $0 }
        let publicFile = publicFile.flatMap { $0.isEmpty ? nil : $0 }
        if algorithm.family == .hmac {
            guard let privateFile else { throw .missingKey }
            self = .hmac(SymmetricKey(data: privateFile))
            return
        }
        let signing = try privateFile.map { file throws(AuthTokenError) in
            try Self.readPrivate(Self.firstBlock(of: file), family: algorithm.family)
        }
        let checking = try publicFile.map { file throws(AuthTokenError) in
            try Self.readPublic(Self.firstBlock(of: file), family: algorithm.family)
        }
        guard let key = signing ?? checking else { throw .missingKey }
        if let signing, let checking, signing.publicBytes != checking.publicBytes { throw .keyMismatch }
        self = key
    }

    private static func firstBlock(of file: [UInt8]) throws(AuthTokenError) -> [UInt8] {
        let blocks = try? PEMDocument.parseMultiple(pemString: String(decoding: file, as: UTF8.self))
        guard let block = blocks?.first else { throw .keyNotPEM }
        return block.derBytes
    }

    private static func readPrivate(
        _ der: [UInt8], family: JWTAlgorithm.Family
    ) throws(AuthTokenError) -> JWTKey {
        switch family {
        case .hmac: break
        case .rsa:
            // Go signs with keys below 2048 bits too.
            if let key = try? _RSA.Signing.PrivateKey(unsafeDERRepresentation: der) { return .rsa(key, key.publicKey) }
        case .ecdsa:
            if let key = try? P256.Signing.PrivateKey(derRepresentation: der) { return .p256(key, key.publicKey) }
            if let key = try? P384.Signing.PrivateKey(derRepresentation: der) { return .p384(key, key.publicKey) }
            if let key = try? P521.Signing.PrivateKey(derRepresentation: der) { return .p521(key, key.publicKey) }
        case .ed25519:
            if let key = try? Curve25519.Signing.PrivateKey(derRepresentation: der) {
                return .ed25519(key, key.publicKey)
            }
        }
        throw .wrongKey(family, isPrivate: true)
    }

    private static func readPublic(
        _ der: [UInt8], family: JWTAlgorithm.Family
    ) throws(AuthTokenError) -> JWTKey {
        let certified = (try? Certificate(derEncoded: der))?.publicKey
        switch family {
        case .hmac: break
        case .rsa:
            let key = certified.flatMap { _RSA.Signing.PublicKey($0) } ?? (try? .init(unsafeDERRepresentation: der))
            if let key { return .rsa(nil, key) }
        case .ecdsa:
            if let key = certified.flatMap({ P256.Signing.PublicKey($0) }) ?? (try? .init(derRepresentation: der)) {
                return .p256(nil, key)
            }
            if let key = certified.flatMap({ P384.Signing.PublicKey($0) }) ?? (try? .init(derRepresentation: der)) {
                return .p384(nil, key)
            }
            if let key = certified.flatMap({ P521.Signing.PublicKey($0) }) ?? (try? .init(derRepresentation: der)) {
                return .p521(nil, key)
            }
        case .ed25519:
            let key = certified.flatMap { Curve25519.Signing.PublicKey($0) } ?? (try? .init(derRepresentation: der))
            if let key { return .ed25519(nil, key) }
        }
        throw .wrongKey(family, isPrivate: false)
    }

    private var publicBytes: [UInt8] {
        switch self {
        case .hmac: []
        case .rsa(_, let key): Array(key.derRepresentation)
        case .p256(_, let key): Array(key.derRepresentation)
        case .p384(_, let key): Array(key.derRepresentation)
        case .p521(_, let key): Array(key.derRepresentation)
        case .ed25519(_, let key): Array(key.rawRepresentation)
        }
    }
}
