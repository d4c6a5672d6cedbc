// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletReplica

/// When each lease may end at the earliest: its term after the last sign of life that was answered or applied.
struct LeaseLedger {
    private struct Term {
        var seconds: Int64
        /// Microseconds of simulated time.
        var since: Int

        var end: Int { since + Int(seconds) * 1_000_000 }
    }

    private var terms: [LeaseID: Term] = [:]
    private(set) var expiredCount = 0

    mutating func take(_ request: WriteRequest, _ result: Result<WriteResponse, KeyValueError>, at time: Int) {
        switch (request, result) {
        case (.leaseGrant(let lease, _), .success(.leaseGrant(_, let granted))):
            terms[lease] = Term(seconds: granted, since: time)
        case (.leaseRevoke(let lease), .success): terms[lease] = nil
        default: return
        }
    }

    mutating func renew(_ lease: LeaseID, at time: Int) {
        terms[lease]?.since = time
    }

    /// Whether the term is over, or there is none.
    func isDue(_ lease: LeaseID, at time: Int) -> Bool {
        terms[lease].map { time >= $0.end } ?? true
    }

    /// - Parameter time: when the member proposed to end the lease.
    mutating func check(revoked lease: LeaseID, at time: Int) throws(Violation) {
        // Offered twice, or ended by a client meanwhile.
        guard let term = terms[lease] else { return }
        if time < term.end { throw Violation("\(lease) was ended \(term.end - time) µs before its time") }
        expiredCount += 1
    }

    /// A member that begins to count adds a second.
    func check(_ status: LeaseStatus, of lease: LeaseID, at time: Int) throws(Violation) {
        guard let term = terms[lease] else { throw Violation("\(lease) has a status but no term") }
        let least = Int64((Double(term.end - time) / 1_000_000).rounded(.towardZero))
        guard status.remainingSeconds >= least, status.remainingSeconds <= term.seconds + 1 else {
            throw Violation("\(lease) has \(status.remainingSeconds) s left, not \(least) or more")
        }
    }
}
