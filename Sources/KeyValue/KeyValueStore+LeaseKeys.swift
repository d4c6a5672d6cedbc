// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

extension KeyValueStore {
    /// The keys that end with a lease, in key order; none where the lease is unknown. Complexity: O(keys).
    public func attachedKeys(of lease: LeaseID) -> [[UInt8]] {
        var keys: [[UInt8]] = []
        leases[lease]?.keys.forEach { keys.append($0) }
        return keys
    }

    /// A lease's term as it stands, on the clock of the member that counts it down.
    public struct LeaseTerm: Hashable, Sendable {
        /// Tells this lease from earlier and later ones of the same ID.
        public var serial: UInt64
        public var grantedSeconds: Int64
        /// What the log last said is left; 0: all of it.
        public var notedSeconds: Int64
        public var expiry: Duration
    }

    /// `nil` where the lease is unknown.
    public func leaseTerm(_ id: LeaseID) -> LeaseTerm? {
        guard let lease = leases[id] else { return nil }
        return LeaseTerm(
            serial: lease.serial, grantedSeconds: lease.ttlSeconds, notedSeconds: lease.remainingSeconds,
            expiry: leases.remaining(of: lease, now: .zero))
    }

    public var leaseCount: Int { leases.count }
}
