// SPDX-License-Identifier: Apache-2.0

import MartletKeyValue
import MartletNode

/// How much room a store takes.
package struct StoreSize: Hashable, Sendable {
    /// The file of the tables, with what lies idle in it: etcd's size of its database.
    package var totalBytes: Int64
    /// What of it holds something: etcd's size in use.
    package var inUseBytes: Int64

    package init(totalBytes: Int64, inUseBytes: Int64) {
        self.totalBytes = totalBytes
        self.inUseBytes = inUseBytes
    }
}

extension MemberStore {
    /// As of the last checkpoint, which is a second old at most. A store in memory has no file: what it holds, where
    /// nothing lies idle. Complexity: O(1).
    package var size: StoreSize {
        guard let tables = member.tablesSize else {
            let bytes = Int64(keyValue.liveBytes)
            return StoreSize(totalBytes: bytes, inUseBytes: bytes)
        }
        return StoreSize(totalBytes: Int64(tables.fileBytes), inUseBytes: Int64(tables.liveBytes))
    }
}
