// SPDX-License-Identifier: Apache-2.0

import MartletBasics

extension KeyValueStore {
    /// What a version or a tombstone counts beside its key and value: its revision and numbers, and its place in a
    /// table. The checkpoint's tables take 40 to 50 bytes for these, etcd's file as much.
    public static let recordOverheadBytes = 48

    /// Bytes that all versions and tombstones take which the store still holds: of each its key, its value and
    /// `recordOverheadBytes`.
    ///
    /// The measure for a quota: a put adds to it, a delete adds a tombstone, and removal of what compaction made
    /// unreadable takes away, with no need to defragment anything. Members differ in how far removal has come, so this
    /// may decide what is proposed but never what is applied. Complexity: O(1).
    public var liveBytes: Int { heldBytes }

    /// As `liveBytes`, counted anew. For tests. Complexity: O(keys + history).
    public func recountLiveBytes() -> Int {
        var bytes = view.history.recountBytes()
        view.index.forEach { entry in
            // Other newest versions are in history, too.
            if entry.isLive, entry.newest.isBefore(view.history.floor) { bytes += entry.newest.liveBytes }
        }
        return bytes
    }
}

extension HistoryRecord {
    /// What it adds to the store's `liveBytes`.
    @inline(__always)
    var liveBytes: Int { contentCount + KeyValueStore.recordOverheadBytes }
}
