// SPDX-License-Identifier: Apache-2.0

/// What has happened since the member started. Shown by /metrics.
package struct StoreCounters: Sendable {
    package var puts: UInt64 = 0
    package var deletes: UInt64 = 0
    package var ranges: UInt64 = 0
    package var transactions: UInt64 = 0
    package var leasesGranted: UInt64 = 0
    package var leasesRevoked: UInt64 = 0
    package var leasesRenewed: UInt64 = 0
    package var leasesExpired: UInt64 = 0
    package var watchEvents: UInt64 = 0
    package var proposalsFailed: UInt64 = 0
}
