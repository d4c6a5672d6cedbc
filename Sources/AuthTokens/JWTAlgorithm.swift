// SPDX-License-Identifier: Apache-2.0

/// How signed tokens are signed: the value of `sign-method` and of a token's `alg`.
package enum JWTAlgorithm: String, Hashable, Sendable, CaseIterable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"

    package enum Family: Hashable, Sendable {
        case hmac, rsa, ecdsa, ed25519

        var keyName: String {
            switch self {
            case .hmac: "HMAC"
            case .rsa: "RSA"
            case .ecdsa: "ECDSA"
            case .ed25519: "Ed25519"
            }
        }
    }

    package var family: Family {
        switch self {
        case .hs256, .hs384, .hs512: .hmac
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: .rsa
        case .es256, .es384, .es512: .ecdsa
        case .edDSA: .ed25519
        }
    }

    enum Hash { case sha256, sha384, sha512 }

    var hash: Hash {
        switch self {
        case .hs256, .rs256, .ps256, .es256: .sha256
        case .hs384, .rs384, .ps384, .es384: .sha384
        case .hs512, .rs512, .ps512, .es512, .edDSA: .sha512
        }
    }
}
