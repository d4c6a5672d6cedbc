// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue

extension MemberStore {
    /// Most leases revoked by one scan; what remains is due at the next.
    private static let leasesPerScan = 500
    /// How soon a due lease is offered again when its revocation was lost.
    private static let revokeRetry = Duration.seconds(3)

    /// A lease of the wire's request: 0 asks for a positive one that is free.
    func leaseID(requested: Int64) -> LeaseID {
        guard requested == 0 else { return LeaseID(requested) }
        while true {
            let id = LeaseID(leaseIDs.next())
            if keyValue.leaseStatus(id, now: now, includingKeys: false) == nil { return id }
        }
    }

    /// Renews a lease. Returns its TTL in seconds, or nil for one that does not exist.
    func renewLease(_ id: LeaseID) -> Int64? {
        guard let ttlSeconds = keyValue.keepAliveLease(id, now: now) else { return nil }
        counters.leasesRenewed += 1
        return ttlSeconds
    }

    func revokeExpiredLeases() {
        for id in keyValue.expiredLeases(now: now, limit: Self.leasesPerScan, retryAfter: Self.revokeRetry) {
            counters.leasesExpired += 1
            propose(.leaseRevoke(id), reply: .discarded)
        }
    }
}
