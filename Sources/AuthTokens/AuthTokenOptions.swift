// SPDX-License-Identifier: Apache-2.0

/// What keeps a server from starting with the `--auth-token` it was given. The texts are etcd's.
package enum AuthTokenError: Error, Hashable, Sendable {
    /// An unknown kind, an option without a value or twice, a TTL, file or method that can't be read.
    case invalidOptions
    case missingKey
    case keyMismatch
    /// The method `none`.
    case unsupportedMethod
    case keyNotPEM
    /// The key is of another kind than the method.
    case wrongKey(JWTAlgorithm.Family, isPrivate: Bool)

    package var text: String {
        switch self {
        case .invalidOptions: "auth: invalid auth options"
        case .missingKey: "auth: missing key data"
        case .keyMismatch: "auth: public and private keys don't match"
        case .unsupportedMethod: "unsupported signing method: *jwt.signingMethodNone"
        case .keyNotPEM: "invalid key: Key must be a PEM encoded PKCS1 or PKCS8 key"
        case .wrongKey(let family, let isPrivate):
            "key is not a valid \(family.keyName) \(isPrivate ? "private" : "public") key"
        }
    }
}

/// Reads `--auth-token`: `simple`, or `jwt,pub-key=FILE,priv-key=FILE,sign-method=METHOD,ttl=DURATION`.
package struct AuthTokenOptions: Sendable {
    package enum Kind: Hashable, Sendable {
        case simple, jwt
        /// The empty text: nobody gets a token.
        case none
    }

    package let kind: Kind
    private var values: [String: String] = [:]

    static let knownKeys: Set<String> = ["sign-method", "pub-key", "priv-key", "ttl"]

    /// Options that mean nothing, ascending: the server warns of them.
    package var unknownKeys: [String] {
        kind == .jwt ? values.keys.filter { !Self.knownKeys.contains($0) }.sorted() : []
    }

    package init(_ text: String) throws(AuthTokenError) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", omittingEmptySubsequences: false)
            guard pair.count == 2, values.updateValue(String(pair[1]), forKey: String(pair[0])) == nil else {
                throw .invalidOptions
            }
        }
        switch parts[0] {
        case "simple": kind = .simple
        case "jwt": kind = .jwt
        case "": kind = .none
        default: throw .invalidOptions
        }
    }

    /// The value of an option; nil if it is missing or empty.
    subscript(key: String) -> String? {
        values[key].flatMap { $0.isEmpty ? nil : $0 }
    }
}
