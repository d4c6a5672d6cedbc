// SPDX-License-Identifier: Apache-2.0

package import MartletAuth

/// A moment, on the two clocks that tokens go by.
package struct TokenTime: Sendable {
    /// Since any fixed moment; never runs back. Simple tokens end by it.
    package var monotonic: Duration
    /// Since 1970. Signed tokens carry it.
    package var unix: Duration

    package init(monotonic: Duration, unix: Duration) {
        self.monotonic = monotonic
        self.unix = unix
    }
}

/// The kind of token that a member hands out and accepts, chosen by `--auth-token`. Confined to the loop that applies
/// records.
package struct TokenProvider: Sendable {
    private enum Kind: Sendable {
        case simple(SimpleTokens)
        case signed(SignedTokens, VerifiedTokens)
        case none
    }

    private var kind: Kind

    /// `simpleTimeToLive` is `--auth-token-ttl`. `read` yields a key file's bytes or throws.
    package init(
        _ options: AuthTokenOptions, simpleTimeToLive: Duration = SimpleTokens.defaultTimeToLive,
        reading read: (_ path: String) throws -> [UInt8]
    ) throws(AuthTokenError) {
        kind =
            switch options.kind {
            case .simple: .simple(SimpleTokens(timeToLive: simpleTimeToLive))
            case .jwt: .signed(try SignedTokens(options, reading: read), VerifiedTokens())
            case .none: .none
            }
    }

    /// Simple tokens.
    package init(simpleTimeToLive: Duration = SimpleTokens.defaultTimeToLive) {
        kind = .simple(SimpleTokens(timeToLive: simpleTimeToLive))
    }

    /// Why no token is handed out.
    package enum AssignError: Error, Hashable, Sendable {
        case signing(SignedTokens.SigningError)
        /// There are no tokens at all.
        case invalidToken
    }

    /// What goes as `simpleToken` into the record that asks for a token; empty where tokens are signed.
    package func makePrefix() -> String {
        guard case .simple = kind else { return "" }
        var random = SystemRandomNumberGenerator()
        return SimpleTokens.makePrefix(using: &random)
    }

    /// The log index that must be applied before this token can be judged; 0 if any moment is right.
    package func indexToAwait(for token: String) -> UInt64 {
        guard case .simple = kind else { return 0 }
        return SimpleTokens.index(of: token) ?? 0
    }

    /// Carries out what an applied request asks for.
    package mutating func apply(_ effect: AuthOutcome.TokenEffect) {
        guard case .simple(var tokens) = kind else { return }
        kind = .none
        tokens.apply(effect)
        kind = .simple(tokens)
    }

    /// Hands out the token of an applied `authenticated` response. Every member calls it for every such record, so
    /// that each knows the simple ones.
    package mutating func assign(
        to user: AuthName, revision: UInt64, simpleToken: String, index: UInt64, now: TokenTime
    ) throws(AssignError) -> String {
        switch kind {
        case .simple(var tokens):
            kind = .none
            defer { kind = .simple(tokens) }
            return tokens.assign(to: user, prefix: simpleToken, index: index, now: now.monotonic)
        case .signed(let tokens, _):
            do {
                return try tokens.issue(to: user, revision: revision, unixTime: now.unix)
            } catch {
                throw .signing(error)
            }
        case .none: throw .invalidToken
        }
    }

    /// Who asks: by token if one was sent, else by the certificate's name, else nobody.
    ///
    /// `certificateName` is given only under `--client-cert-auth`, and not for a request that came through the JSON
    /// gateway: there the certificate is the gateway's own. While authentication is off tokens are not looked at.
    package mutating func identity(
        token: String?, certificateName: AuthName?, in store: AuthStore, now: TokenTime
    ) throws(AuthError) -> AuthIdentity {
        if let token, store.isEnabled {
            guard let identity = identity(of: token, revision: store.revision, now: now) else { throw .invalidToken }
            return identity
        }
        guard let certificateName else { return .anonymous }
        return AuthIdentity(name: certificateName, revision: store.revision)
    }

    private mutating func identity(of token: String, revision: UInt64, now: TokenTime) -> AuthIdentity? {
        switch kind {
        case .simple(var tokens):
            kind = .none
            defer { kind = .simple(tokens) }
            return tokens.user(of: token, now: now.monotonic).map { AuthIdentity(name: $0, revision: revision) }
        case .signed(let tokens, var verified):
            kind = .none
            defer { kind = .signed(tokens, verified) }
            return verified.identity(of: token, signedBy: tokens, revision: revision, unixTime: now.unix)
        case .none: return nil
        }
    }

    /// Forgets tokens that have ended; once a second is plenty.
    package mutating func removeEnded(now: TokenTime) {
        switch kind {
        case .simple(var tokens):
            kind = .none
            tokens.removeEnded(now: now.monotonic)
            kind = .simple(tokens)
        case .signed(let tokens, var verified):
            kind = .none
            verified.removeEnded(unixTime: now.unix)
            kind = .signed(tokens, verified)
        case .none: break
        }
    }

    /// How many signed tokens need no check of their signature any more.
    package var verifiedCount: Int {
        if case .signed(_, let verified) = kind { verified.count } else { 0 }
    }
}

/// Picks the token out of a call's metadata.
package enum TokenMetadata {
    /// The key of gRPC clients.
    package static let grpcKey = "token"
    /// The key of the JSON gateway and of clients that send bearer tokens.
    package static let httpKey = "authorization"

    private static let bearer = "Bearer "

    /// Nil: the call has none. `token` counts before `authorization`, whose scheme is optional.
    package static func token(token: String?, authorization: String?) -> String? {
        if let token { return token }
        guard let authorization else { return nil }
        return authorization.hasPrefix(bearer) ? String(authorization.dropFirst(bearer.count)) : authorization
    }
}
