// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
package import MartletKeyValue
package import MartletRaft

/// What others ask of a replica with each request; small, where the replica itself is not.
package struct ReplicaStatus: Hashable, Sendable {
    package var term: Term
    /// The last entry that the state holds.
    package var applied: AppliedPosition
    package var isLeader: Bool
    /// As far as this member knows.
    package var leader: MemberID?
    /// Whether this member counts the time of leases: only then what it knows of remaining time is worth something.
    package var countsLeases: Bool
    /// Whether a read of the store as it is misses nothing that was acknowledged.
    package var canReadNow: Bool
    /// Whether callers must say who they are.
    package var isAuthEnabled: Bool
    /// Leases found due since the start, those that were offered again counted again.
    package var dueLeaseCount: UInt64
}
