// SPDX-License-Identifier: Apache-2.0

internal import Crypto
internal import CryptoExtras

extension JWTKey {
    /// The signature of `message`. Nil: the key can't sign, or its curve is not the method's.
    func sign(_ message: [UInt8], with algorithm: JWTAlgorithm) -> [UInt8]? {
        switch (self, algorithm) {
        case (.hmac(let key), _):
            switch algorithm.hash {
            case .sha256: Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
            case .sha384: Array(HMAC<SHA384>.authenticationCode(for: message, using: key))
            case .sha512: Array(HMAC<SHA512>.authenticationCode(for: message, using: key))
            }
        case (.rsa(let key?, _), _):
            (try? Self.sign(message, by: key, algorithm)).map { Array($0.rawRepresentation) }
        // Half of the bytes is r, half is s, as JWS has it.
        case (.p256(let key?, _), .es256): (try? key.signature(for: message)).map { Array($0.rawRepresentation) }
        case (.p384(let key?, _), .es384): (try? key.signature(for: message)).map { Array($0.rawRepresentation) }
        case (.p521(let key?, _), .es512): (try? key.signature(for: message)).map { Array($0.rawRepresentation) }
        case (.ed25519(let key?, _), .edDSA): (try? key.signature(for: message)).map { Array($0) }
        case (.rsa, _), (.p256, _), (.p384, _), (.p521, _), (.ed25519, _): nil
        }
    }

    func isValid(_ signature: [UInt8], of message: [UInt8], with algorithm: JWTAlgorithm) -> Bool {
        switch (self, algorithm) {
        case (.hmac(let key), _):
            switch algorithm.hash {
            case .sha256: HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: message, using: key)
            case .sha384: HMAC<SHA384>.isValidAuthenticationCode(signature, authenticating: message, using: key)
            case .sha512: HMAC<SHA512>.isValidAuthenticationCode(signature, authenticating: message, using: key)
            }
        case (.rsa(_, let key), _):
            Self.isValid(.init(rawRepresentation: signature), of: message, by: key, algorithm)
        case (.p256(_, let key), .es256):
            (try? P256.Signing.ECDSASignature(rawRepresentation: signature)).map {
                key.isValidSignature($0, for: message)
            } ?? false
        case (.p384(_, let key), .es384):
            (try? P384.Signing.ECDSASignature(rawRepresentation: signature)).map {
                key.isValidSignature($0, for: message)
            } ?? false
        case (.p521(_, let key), .es512):
            (try? P521.Signing.ECDSASignature(rawRepresentation: signature)).map {
                key.isValidSignature($0, for: message)
            } ?? false
        case (.ed25519(_, let key), .edDSA): key.isValidSignature(signature, for: message)
        case (.p256, _), (.p384, _), (.p521, _), (.ed25519, _): false
        }
    }

    private static func padding(of algorithm: JWTAlgorithm) -> _RSA.Signing.Padding {
        switch algorithm {
        case .ps256, .ps384, .ps512: .PSS
        default: .insecurePKCS1v1_5
        }
    }

    private static func sign(
        _ message: [UInt8], by key: _RSA.Signing.PrivateKey, _ algorithm: JWTAlgorithm
    ) throws -> _RSA.Signing.RSASignature {
        switch algorithm.hash {
        case .sha256: try key.signature(for: SHA256.hash(data: message), padding: padding(of: algorithm))
        case .sha384: try key.signature(for: SHA384.hash(data: message), padding: padding(of: algorithm))
        case .sha512: try key.signature(for: SHA512.hash(data: message), padding: padding(of: algorithm))
        }
    }

    private static func isValid(
        _ signature: _RSA.Signing.RSASignature, of message: [UInt8], by key: _RSA.Signing.PublicKey,
        _ algorithm: JWTAlgorithm
    ) -> Bool {
        let padding = padding(of: algorithm)
        return switch algorithm.hash {
        case .sha256: key.isValidSignature(signature, for: SHA256.hash(data: message), padding: padding)
        case .sha384: key.isValidSignature(signature, for: SHA384.hash(data: message), padding: padding)
        case .sha512: key.isValidSignature(signature, for: SHA512.hash(data: message), padding: padding)
        }
    }
}
