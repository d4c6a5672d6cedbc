// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletAuthTokens
import MartletBasics
import MartletHTTP2Session
import MartletReplica

/// The tokens that a member hands out and accepts, and the logins that wait for one. Confined to the member's loop.
struct MemberTokens {
    private struct Login {
        /// Once the login's record is applied.
        var token: String?
    }

    private var provider: TokenProvider
    /// By the random part of the token that they asked for.
    private var logins: [String: Login] = [:]
    private var nextRemoval = Duration.zero

    /// How often tokens that have ended are looked for, at most.
    private static let removalInterval = Duration.seconds(1)

    /// - Parameter isEnabled: whether authentication is on in the state that the member starts with.
    init(_ provider: TokenProvider, isEnabled: Bool) {
        self.provider = provider
        if isEnabled { self.provider.apply(.begin) }
    }

    // MARK: Logging in

    /// What goes as `simpleToken` into a login's record.
    mutating func beginLogin() -> String {
        var prefix = provider.makePrefix()
        while logins[prefix] != nil { prefix = provider.makePrefix() }
        if !prefix.isEmpty { logins[prefix] = Login() }
        return prefix
    }

    /// The record was refused, or its token is not wanted any more.
    mutating func abandonLogin(_ prefix: String) {
        logins[prefix] = nil
    }

    /// The token for a login whose record is applied.
    mutating func endLogin(
        of user: AuthName, revision: UInt64, _ prefix: String, at time: TokenTime
    ) throws(TokenProvider.AssignError) -> String {
        // Signed tokens are made for who asked, and kept nowhere: which record they are of is no part of them.
        guard !prefix.isEmpty else {
            return try provider.assign(to: user, revision: revision, simpleToken: prefix, index: 0, now: time)
        }
        guard let token = logins.removeValue(forKey: prefix)?.token else {
            // `beginLogin` gave the prefix to this login alone.
            preconditionFailure("a login was answered before its token was handed out")
        }
        return token
    }

    /// Carries out what an applied record asks for.
    mutating func apply(_ change: Effects.TokenChange, at time: TokenTime) {
        switch change {
        case .apply(let effect):
            provider.apply(effect)
        case .assign(let user, let revision, let prefix, let index):
            guard !prefix.isEmpty else { return }
            let token = try? provider.assign(
                to: user, revision: revision, simpleToken: prefix, index: index.rawValue, now: time)
            logins[prefix]?.token = token
        }
    }

    // MARK: Calling

    /// Who makes a call. Not to be kept: it is as old as this turn.
    mutating func identity(
        of credentials: CallCredentials, in auth: AuthStore, at time: TokenTime
    ) throws(AuthError) -> AuthIdentity {
        if time.monotonic >= nextRemoval {
            provider.removeEnded(now: time)
            nextRemoval = time.monotonic + Self.removalInterval
        }
        let metadata = credentials.metadata
        let own = metadata.first(TokenMetadata.grpcKey)
        let token = TokenMetadata.token(
            token: own, authorization: own == nil ? metadata.first(TokenMetadata.httpKey) : nil)
        return try provider.identity(token: token, certificateName: credentials.certificateName, in: auth, now: time)
    }
}
