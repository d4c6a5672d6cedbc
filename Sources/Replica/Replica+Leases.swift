// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft

extension Replica {
    /// Leases run on the leader's clock, and end by an entry like any other change. A lease whose revocation was lost
    /// is offered again.
    mutating func revokeExpiredLeases(at moment: Moment) {
        guard isLeader, moment.monotonic >= nextLeaseScan else { return }
        nextLeaseScan = moment.monotonic + configuration.leaseScanInterval
        let due = store.expiredLeases(
            now: moment.monotonic, limit: configuration.limits.leasesPerScan, retryAfter: configuration.leaseRetry)
        dueLeaseCount += UInt64(due.count)
        for lease in due { enqueue(.write(.leaseRevoke(lease)), at: moment) }
    }
}
