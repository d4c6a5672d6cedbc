// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
import MartletKeyValue

/// What has happened at the services since the member started. Shown by /metrics.
///
/// What the store itself counts is in `KeyValueCounters`.
package struct StoreCounters: Sendable {
    /// Those of transactions counted with the others; what a transaction compares is none.
    package var ranges: UInt64 = 0
    package var transactions: UInt64 = 0
    package var leasesGranted: UInt64 = 0
    /// By clients.
    package var leasesRevoked: UInt64 = 0
    package var leasesRenewed: UInt64 = 0
    package var watchEvents: UInt64 = 0
    /// Proposals that found no leader, or lost it.
    package var proposalsFailed: UInt64 = 0
    /// Terms of the granted leases in seconds: from a second to three months.
    package var leaseTTLs = ValueHistogram(from: 1, bucketCount: 24)
    /// Hashes of all keys at the newest revision, and at one that was asked for.
    package var hashes = ValueHistogram(from: 0.01, bucketCount: 15)
    package var revisionHashes = ValueHistogram(from: 0.01, bucketCount: 15)
    /// Time of ranges, where calls are timed.
    package var rangeTimes: RangeTimes?

    package struct RangeTimes: Sendable {
        package var answered = ValueHistogram(from: 0.0001, bucketCount: 20)
        package var refused = ValueHistogram(from: 0.0001, bucketCount: 20)
    }

    /// Counts a transaction with what was done in it.
    mutating func note(_ response: TxnResponse) {
        transactions += 1
        noteOperations(response)
    }

    private mutating func noteOperations(_ response: TxnResponse) {
        for operation in response.responses {
            switch operation {
            case .range: ranges += 1
            case .txn(let inner): noteOperations(inner)
            case .put, .deleteRange: break
            }
        }
    }
}
