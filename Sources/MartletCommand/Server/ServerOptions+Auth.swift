// SPDX-License-Identifier: Apache-2.0

package import MartletAuthTokens

extension ServerOptions {
    /// What the flags say of tokens.
    static func tokens(
        _ flags: ServerFlags, _ notices: inout [ServerNotice]
    ) throws(ServerFlagError) -> (AuthTokenOptions, timeToLive: Duration) {
        let options: AuthTokenOptions
        do throws(AuthTokenError) {
            options = try AuthTokenOptions(flags.string("auth-token"))
        } catch {
            throw .conflict(error.text)
        }
        for key in options.unknownKeys {
            notices.append(ServerNotice(.warning, "unknown token option", ["option": key]))
        }
        return (options, .seconds(Int64(clamping: min(flags.number("auth-token-ttl"), maximumTTLSeconds))))
    }

    /// A cost that bcrypt does not have is its default, as in etcd.
    static func bcryptCost(_ flags: ServerFlags, _ notices: inout [ServerNotice]) -> Int {
        let cost = Int(clamping: flags.number("bcrypt-cost"))
        guard PasswordHasher(cost: cost) == nil else { return cost }
        notices.append(
            ServerNotice(
                .warning, "use default bcrypt cost instead of the invalid given cost",
                ["default-cost": "\(Bcrypt.defaultCost)", "given-cost": "\(cost)"]))
        return Bcrypt.defaultCost
    }

    /// A hundred years: more is no different, and would not fit every clock.
    private static let maximumTTLSeconds: UInt64 = 100 * 365 * 86_400

    /// Reads the keys that the flags name.
    ///
    /// - Throws: what keeps the server from starting.
    package func tokenProvider(
        reading read: (_ path: String) throws -> [UInt8]
    ) throws(AuthTokenFailure) -> TokenProvider {
        do throws(AuthTokenError) {
            return try TokenProvider(authToken, simpleTimeToLive: authTokenTTL, reading: read)
        } catch {
            throw AuthTokenFailure(error)
        }
    }
}

/// Why there are no tokens, in etcd's words.
package struct AuthTokenFailure: Error, CustomStringConvertible {
    package let description: String

    init(_ error: AuthTokenError) {
        description = error.text
    }
}
