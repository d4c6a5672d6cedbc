// SPDX-License-Identifier: Apache-2.0

import MartletKeyValue

extension MemberStore {
    /// Bytes that the store takes: those that its quota counts, and what an empty one has.
    ///
    /// The tables' file isn't asked: it lags behind by a checkpoint, and holds free pages that fill no quota.
    package var estimatedBytes: Int64 { Self.emptyStoreBytes + Int64(keyValue.liveBytes) }

    /// Roots of index and history, rounded up to memory pages.
    private static let emptyStoreBytes: Int64 = 16 << 10
}
