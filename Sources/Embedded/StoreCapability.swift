// SPDX-License-Identifier: Apache-2.0

/// Something that not every engine behind a ``StoreAddress`` has. The embedded store and Martlet's server have all of
/// it, but for `durableStreams` without a folder; a program says in ``MartletStore/Configuration/requires`` what it
/// can't do without.
public struct StoreCapability: Hashable, Sendable, CustomStringConvertible {
    /// Its name, as in code.
    public let description: String
    /// Who has it, for a sentence.
    let owners: String
    /// A command that servers know which have it.
    let command: String?

    private init(_ description: String, _ owners: String, command: String? = nil) {
        self.description = description
        self.owners = owners
        self.command = command
    }

    /// Servers for keys, leases, watches and locks: etcd's protocol.
    public static let keys = StoreCapability("keys", "an address etcd://… names them")
    /// Servers for streams and consumer groups: Redis's protocol.
    public static let streams = StoreCapability("streams", "an address redis://… names them")
    /// Deletion that minds all groups: XACKDEL, XDELEX, and trimming of what is acknowledged.
    public static let deletionByReference = StoreCapability(
        "deletionByReference", "Martlet and Redis since 8.2 have it", command: "XACKDEL")
    /// Appends that have an effect once however often they are sent: XADD with IDMP.
    public static let idempotentAppends = StoreCapability(
        "idempotentAppends", "Martlet and Redis since 8.6 have it", command: "XCFGSET")
    /// Giving an entry back to its group at once: XNACK.
    public static let negativeAcknowledgement = StoreCapability(
        "negativeAcknowledgement", "Martlet and Redis since 8.8 have it", command: "XNACK")
    /// Entries that come later, or end: XADD with DELAY, AT or TTL.
    public static let delays = StoreCapability("delays", "Martlet alone has them", command: "XDELAYED")
    /// Streams that keep entries for a time of themselves: XRETAIN.
    public static let retention = StoreCapability("retention", "Martlet alone has it", command: "XRETAIN")
    /// Groups that redeliver, put dead letters away and mind orders of themselves: XGROUP SETPOLICY, XREPLAY.
    public static let groupPolicies = StoreCapability("groupPolicies", "Martlet alone has them", command: "XREPLAY")
    /// Entries that are appended again and again: XCRON.
    public static let schedules = StoreCapability("schedules", "Martlet alone has them", command: "XCRON")
    /// An entry that was acknowledged is on disk: it outlives a power cut.
    public static let durableStreams = StoreCapability(
        "durableStreams", "Martlet with a folder has it, and Redis with appendonly yes and appendfsync always")

    /// Keys and streams changed in one step: ``MartletStore/transact(_:)``.
    public static let transactions = StoreCapability(
        "transactions", "Martlet alone has it, where keys and streams are one cluster's")

    public static func == (left: StoreCapability, right: StoreCapability) -> Bool {
        left.description == right.description
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}
