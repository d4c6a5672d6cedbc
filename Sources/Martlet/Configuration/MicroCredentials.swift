// SPDX-License-Identifier: Apache-2.0

/// A name and its password, for a server that asks who connects.
public struct MicroCredentials: Sendable, Hashable, CustomStringConvertible {
    public var user: String
    public var password: String

    public init(user: String, password: String) {
        self.user = user
        self.password = password
    }

    /// The name alone, so that no log shows a password.
    public var description: String { "MicroCredentials(user: \(self.user))" }
}
