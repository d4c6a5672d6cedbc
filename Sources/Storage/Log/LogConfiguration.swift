// SPDX-License-Identifier: Apache-2.0

/// Sizes of the log. Tests make them small, so that they cross every border.
package struct LogConfiguration: Hashable, Sendable {
    /// What a segment's file takes, made ahead; as etcd's.
    package var segmentBytes = 64_000_000
    /// What the first segment of a new log takes, if less: whoever makes a log waits for its zeroes.
    package var firstSegmentBytes: Int?
    /// Bytes of one write and its sync, but for the last record: bounds the writer's buffer, and with it how far a torn
    /// tail can reach.
    package var writeBytesMax = 4 << 20
    /// Kept free in a segment: room for a write with a record of the largest request behind it.
    package var reservedBytes = 6 << 20
    /// Bytes that may wait for the disk: what a member has in flight (beyond it proposals are refused).
    package var queueBytesMax = 64 << 20
    /// Records that need no sync of their own wait for one that does, up to this.
    package var unsyncedBytesMax = 64 << 10
    /// Zeroes are written ahead in pieces of this size, each synced by itself, so that they never pile up in front of
    /// the log's own syncs.
    package var zeroBytes = 1 << 20

    /// A segment whose file takes `size` is full when a write ends at or behind this, so that its last write still has
    /// room in the file: on a full disk a file can't grow, and what frees space must be written, too.
    func fullBytes(of size: Int) -> Int { size - min(reservedBytes, size / 2) }

    package init() {}
}
