// SPDX-License-Identifier: Apache-2.0

import MartletKeyValue

extension MemberStore {
    /// About how many bytes the store takes: its versions times the mean size of those written, and what surrounds
    /// them.
    ///
    /// An estimate, since a store in memory has no file whose size could be read.
    var estimatedBytes: Int64 {
        guard counters.versionsWritten > 0 else { return Self.emptyStoreBytes }
        let meanBytes = counters.bytesWritten / counters.versionsWritten
        return Self.emptyStoreBytes + Int64(keyValue.historyCount) * (Self.versionOverheadBytes + Int64(meanBytes))
    }

    /// Notes what a request brings, for ``estimatedBytes``.
    func noteWritten(byteCount: Int, versions: Int) {
        counters.bytesWritten += UInt64(byteCount)
        counters.versionsWritten += UInt64(versions)
    }

    /// Roots of index and history, rounded up to memory pages.
    private static let emptyStoreBytes: Int64 = 16 << 10
    /// Revisions, lease, array headers and the index's share of one version.
    private static let versionOverheadBytes: Int64 = 160
}
