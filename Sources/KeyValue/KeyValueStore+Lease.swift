// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// What is left of a lease.
public struct LeaseStatus: Hashable, Sendable {
    /// Whole seconds, rounded towards zero. Not above zero when the lease is due, until it is revoked.
    public var remainingSeconds: Int64
    public var grantedSeconds: Int64
    /// Attached keys in key order; empty unless asked for.
    public var keys: [[UInt8]]
}

// Times are durations since an arbitrary start on one monotonic clock.
extension KeyValueStore {
    /// Longer terms are refused. Source: etcd lease `MaxLeaseTTL`.
    public static let maximumLeaseTTLSeconds: Int64 = 9_000_000_000

    /// Makes a lease.
    ///
    /// - Parameters:
    ///   - id: not `LeaseID.none`; where a client leaves the choice to the server, the caller has picked one.
    ///   - ttlSeconds: raised to the minimum, also from zero and below.
    /// - Returns: the term granted, in seconds.
    public mutating func grantLease(
        id: LeaseID, ttlSeconds: Int64, now: Duration
    ) throws(KeyValueError) -> Int64 {
        try leases.grant(id, ttlSeconds: ttlSeconds, now: now)
    }

    /// Ends a lease and deletes its keys, in key order and under one revision.
    public mutating func revokeLease(_ id: LeaseID) throws(KeyValueError) -> DeleteRangeResponse {
        guard let lease = leases.remove(id) else { throw .leaseNotFound }
        return write { store, batch in
            lease.keys.forEach { key in store.delete(key, in: &batch) }
            store.counters.deletes &+= UInt64(batch.changes)
            return DeleteRangeResponse(revision: batch.current, deleted: batch.changes)
        }
    }

    /// Starts a lease's term anew.
    ///
    /// - Returns: the term in seconds, or `nil` if the lease is unknown or has run out, be it revoked yet or not.
    public mutating func keepAliveLease(_ id: LeaseID, now: Duration) -> Int64? {
        leases.renew(id, now: now)
    }

    /// What is left of a lease; `nil` if it is unknown.
    public func leaseStatus(_ id: LeaseID, now: Duration, includingKeys: Bool) -> LeaseStatus? {
        guard let lease = leases[id] else { return nil }
        var status = LeaseStatus(
            remainingSeconds: leases.remaining(of: lease, now: now).components.seconds,
            grantedSeconds: lease.ttlSeconds, keys: [])
        if includingKeys { lease.keys.forEach { status.keys.append($0) } }
        return status
    }

    /// All leases, the one that runs out first in front.
    public func leaseIDs() -> [LeaseID] {
        leases.idsByExpiry
    }

    /// Leases that have run out and wait to be revoked, the longest overdue first.
    ///
    /// A lease is named once, and again each time `retryAfter` has passed without its revocation. A scan does a bounded
    /// amount of work, below a millisecond: `isLeaseScanDue` tells whether another would find something to do at once.
    /// Of leases that run out within one tick of 67 ms some may be named before earlier ones.
    public mutating func expiredLeases(now: Duration, limit: Int, retryAfter: Duration) -> [LeaseID] {
        leases.expired(now: now, limit: limit, retryAfter: retryAfter)
    }

    /// Whether `expiredLeases` would have something to do now. Complexity: O(1).
    public func isLeaseScanDue(now: Duration) -> Bool {
        leases.isScanDue(now: now)
    }

    /// Notes what is left of a lease's term, so that it does not begin anew with the next member that counts time down.
    /// 0 is all of it; the shell notes that once such a lease is renewed. Without effect where the lease is unknown.
    /// Source: etcd `LeaseCheckpoint`.
    public mutating func noteLeaseRemaining(_ id: LeaseID, seconds: Int64) {
        leases.noteRemaining(id, seconds: seconds)
    }

    /// What was noted last of a lease's term; 0 where nothing was.
    public func notedLeaseRemaining(_ id: LeaseID) -> Int64 {
        leases[id]?.remainingSeconds ?? 0
    }

    /// Gives every lease its full term, or what is noted to be left of it, and `extension` from now: for a member that
    /// begins to count time down, because nobody knows how much of the terms has passed. Complexity: O(1); scans do the
    /// rest.
    public mutating func promoteLeases(now: Duration, extension grace: Duration) {
        leases.promote(now: now, extension: grace)
    }
}
