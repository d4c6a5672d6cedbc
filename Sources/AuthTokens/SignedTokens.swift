// SPDX-License-Identifier: Apache-2.0

package import MartletAuth

/// Tokens that carry user and auth revision themselves, signed: JSON web tokens as etcd issues and reads them.
///
///     {"alg":"RS256","typ":"JWT"} . {"exp":1790000000,"revision":7,"username":"alice"} . signature
///
/// Nothing is kept, so such a token is good on every member with the key until it expires or users change: then its
/// revision is old.
/// Source: etcd server/auth jwt; RFC 7515, 7518, 7519.
package struct SignedTokens: Sendable {
    /// What a token is worth unless `ttl` says otherwise.
    package static let defaultTimeToLive = Duration.seconds(300)

    package let algorithm: JWTAlgorithm
    package let timeToLive: Duration
    private let key: JWTKey

    package init(algorithm: JWTAlgorithm, key: JWTKey, timeToLive: Duration = defaultTimeToLive) {
        self.algorithm = algorithm
        self.key = key
        self.timeToLive = timeToLive
    }

    /// As `--auth-token` describes it. `read` yields a file's bytes or throws.
    package init(
        _ options: AuthTokenOptions, reading read: (_ path: String) throws -> [UInt8]
    ) throws(AuthTokenError) {
        var timeToLive = Self.defaultTimeToLive
        if let text = options["ttl"] {
            guard let parsed = GoDuration.parse(text) else { throw .invalidOptions }
            timeToLive = parsed
        }
        let publicFile: [UInt8]?
        let privateFile: [UInt8]?
        do {
            publicFile = try options["pub-key"].map(read)
            privateFile = try options["priv-key"].map(read)
        } catch {
            throw .invalidOptions
        }
        let method = options["sign-method"] ?? ""
        if method == "none" { throw .unsupportedMethod }
        guard let algorithm = JWTAlgorithm(rawValue: method) else { throw .invalidOptions }
        let key = try JWTKey(for: algorithm, privateFile: privateFile, publicFile: publicFile)
        self.init(algorithm: algorithm, key: key, timeToLive: timeToLive)
    }

    /// Why no token is issued. Clients get the text under the code "unknown".
    package enum SigningError: Error, Hashable, Sendable {
        case verifyOnly
        /// The key's curve is not the method's.
        case invalidKey

        package var text: String {
            switch self {
            case .verifyOnly: "auth: token signing attempted with verify-only key"
            case .invalidKey: "key is invalid"
            }
        }
    }

    /// `unixTime` is the time since 1970.
    package func issue(
        to user: AuthName, revision: UInt64, unixTime: Duration
    ) throws(SigningError) -> String {
        guard key.canSign else { throw .verifyOnly }
        let header = #"{"alg":"\#(algorithm.rawValue)","typ":"JWT"}"#
        let expiry = (unixTime + timeToLive).components.seconds
        let claims = #"{"exp":\#(expiry),"revision":\#(revision),"username":\#(JSONText.quote(user.text))}"#
        let signed = Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array(claims.utf8))
        guard let signature = key.sign(Array(signed.utf8), with: algorithm) else { throw .invalidKey }
        return signed + "." + Base64URL.encode(signature)
    }

    /// Whom a token names. Nil: it is none of ours, was changed, has expired, or is not yet valid.
    package func identity(of token: String, unixTime: Duration) -> AuthIdentity? {
        content(of: token)?.identity(at: unixTime)
    }

    /// What a token says; true for as long as it says.
    struct Content: Sendable {
        private let named: AuthIdentity
        /// Since 1970, in seconds; nil: for ever.
        private let expiry: Double?
        private let start: Double?

        /// Nil: the revision is no number of one.
        init?(_ claims: JWTClaims) {
            guard let revision = UInt64(exactly: claims.revision.rounded(.towardZero)) else { return nil }
            named = AuthIdentity(name: AuthName(claims.username), revision: revision)
            expiry = claims.exp == 0 ? nil : claims.exp
            start = claims.nbf == 0 ? nil : claims.nbf
        }

        func hasExpired(at unixTime: Duration) -> Bool { expiry.map { unixTime / .seconds(1) >= $0 } ?? false }

        func identity(at unixTime: Duration) -> AuthIdentity? {
            if hasExpired(at: unixTime) { return nil }
            if let start, unixTime / .seconds(1) < start { return nil }
            return named
        }
    }

    /// Nil: it is none of ours, or was changed.
    func content(of token: String) -> Content? {
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64URL.decode(parts[0]), let body = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2])
        else { return nil }
        // The method is ours to choose, not the token's.
        guard JWTHeader(json: header)?.alg == algorithm.rawValue else { return nil }
        let message = Array(parts[0]) + [UInt8(ascii: ".")] + Array(parts[1])
        guard key.isValid(signature, of: message, with: algorithm) else { return nil }
        return JWTClaims(json: body).flatMap { Content($0) }
    }
}
