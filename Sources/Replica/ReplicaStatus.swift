// SPDX-License-Identifier: Apache-2.0

public import MartletBasics
public import MartletKeyValue
public import MartletRaft

/// What others ask of a replica with each request; small, where the replica itself is not.
public struct ReplicaStatus: Hashable, Sendable {
    public var term: Term
    /// The last entry that the state holds.
    public var applied: AppliedPosition
    public var isLeader: Bool
    /// As far as this member knows.
    public var leader: MemberID?
    /// Whether this member counts the time of leases: only then what it knows of remaining time is worth something.
    public var countsLeases: Bool
    /// Whether a read of the store as it is misses nothing that was acknowledged.
    public var canReadNow: Bool
    /// Whether callers must say who they are.
    public var isAuthEnabled: Bool
    /// Leases found due since the start, those that were offered again counted again.
    public var dueLeaseCount: UInt64
}
