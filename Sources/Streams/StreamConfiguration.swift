// SPDX-License-Identifier: Apache-2.0

/// How a stream lies in memory. Shows in no reply.
public struct StreamConfiguration: Hashable, Sendable {
    /// Most children of a node of a tree, at least 4. Tests take 4, so that few entries make a deep tree.
    public var nodeCapacity = 64
    /// Most pending entries of one packed leaf, at least 4. 64 of them take a kilobyte, which is what an insert or a
    /// removal moves at most.
    public var pendingCapacity = 64
    /// Most IDs of one packed leaf of a consumer's own list, at least 4; a kilobyte as well.
    public var idCapacity = 128
    /// Whether what a checkpoint must remove is noted. Without it no checkpoint can be taken.
    public var isCheckpointed = true
    /// Whether sealed blocks may leave memory once a checkpoint has them: see `Stream.evict`.
    public var isEvictable = false

    public init() {}
}
