// SPDX-License-Identifier: Apache-2.0

/// Who asks, and how old the proof is. It travels in the header of every record in the log.
public struct AuthIdentity: Hashable, Sendable {
    public var name: AuthName
    /// The auth revision that the credentials were checked against; 0 without credentials.
    public var revision: UInt64

    public init(name: AuthName, revision: UInt64) {
        self.name = name
        self.revision = revision
    }

    /// A request without credentials.
    public static let anonymous = AuthIdentity(name: "", revision: 0)
}
