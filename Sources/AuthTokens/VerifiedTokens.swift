// SPDX-License-Identifier: Apache-2.0

import MartletAuth

/// Signed tokens whose signature was found right, so that it is checked once a token, not with each call: for RSA that
/// is a good part of what a call costs.
///
/// Nothing is held that a caller could fill it with: only what was signed with our own key gets in. With each change of
/// users all of it is forgotten, for all those tokens are old then.
struct VerifiedTokens: Sendable {
    /// Clients hold one token for minutes; of so many, about half a kilobyte each, two megabytes are kept.
    static let countMax = 4096

    private var contents: [String: SignedTokens.Content] = [:]
    /// The revision of users that `contents` was read at.
    private var revision: UInt64 = 0

    var count: Int { contents.count }

    /// Whom a token names. Nil: it is none of ours, was changed, has expired, or is not yet valid.
    ///
    /// - Parameter revision: of users, now.
    mutating func identity(
        of token: String, signedBy tokens: SignedTokens, revision: UInt64, unixTime: Duration
    ) -> AuthIdentity? {
        if revision != self.revision {
            contents = [:]
            self.revision = revision
        }
        if let known = contents[token] {
            if known.hasExpired(at: unixTime) { contents[token] = nil }
            return known.identity(at: unixTime)
        }
        guard let content = tokens.content(of: token) else { return nil }
        guard let identity = content.identity(at: unixTime) else { return nil }
        // Seldom, and it costs each that is still in use one more check.
        if contents.count >= Self.countMax { contents = [:] }
        contents[token] = content
        return identity
    }

    /// Complexity: O(n).
    mutating func removeEnded(unixTime: Duration) {
        contents = contents.filter { !$0.value.hasExpired(at: unixTime) }
    }
}
