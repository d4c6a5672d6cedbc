// SPDX-License-Identifier: Apache-2.0

/// A write as the client that sent it knows it.
struct KnownWrite: Hashable {
    struct Put: Hashable {
        var key: String
        /// No other write has this value.
        var value: String
        var lease: Int64 = 0
    }

    /// The write happens only if the key was last changed at this revision; 0 if it doesn't exist.
    struct Condition: Hashable {
        var key: String
        var modRevision: Int64
    }

    enum Outcome: Hashable {
        /// It was acknowledged and made this revision.
        case made(Int64)
        /// It was acknowledged and had nothing to do, or provably didn't run.
        case nothing
        case unknown
    }

    /// No key twice in puts and deletes together.
    var puts: [Put] = []
    var deletes: [String] = []
    var condition: Condition?
    var outcome = Outcome.unknown
}

/// What was asked for about a lease.
struct KnownLease: Hashable {
    enum Existence: Hashable {
        /// Its grant was acknowledged.
        case granted
        case unknown
        /// It was seen to be gone.
        case gone
    }

    var id: Int64
    var ttlSeconds: Int64
    var existence = Existence.unknown
    /// The grant is sent until it is acknowledged, over restarts: that it isn't there now says nothing.
    var isRepeated = false
    /// When the grant, or the last renewal that was acknowledged, was sent.
    var renewed: ContinuousClock.Instant
    /// A revoke was sent, or acknowledged.
    var revoke = Revoke.none

    enum Revoke: Hashable {
        case none
        case sent
        case done
    }

    func mayEnd(at now: ContinuousClock.Instant) -> Bool {
        revoke != .none || now >= renewed + .seconds(ttlSeconds)
    }
}

/// One change of one key as a watch reports it.
struct HistoryEvent: Hashable {
    var revision: Int64
    var key: String
    /// `nil` for a deletion.
    var value: String?
    var createRevision: Int64 = 0
    var version: Int64 = 0
    var lease: Int64 = 0
}

/// A key as a read finds it.
struct StoredKey: Hashable {
    var value: String
    var createRevision: Int64
    var modRevision: Int64
    var version: Int64
    var lease: Int64
}
