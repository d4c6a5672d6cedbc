// SPDX-License-Identifier: Apache-2.0

/// One consumer of a group. Moments are milliseconds of the Unix clock.
struct Consumer: Sendable {
    /// When it last asked for something.
    var seenAt: Int64
    /// When it last got something; `nil`: never.
    var activeAt: Int64?
    /// IDs of the group's pending entries that it holds.
    var pending: IDTree<IDLeaf>

    init(seenAt: Int64, _ configuration: StreamConfiguration) {
        self.seenAt = seenAt
        pending = IDTree(
            nodeCapacity: configuration.nodeCapacity, leafCapacity: configuration.idCapacity, notesDropped: false)
    }

    mutating func add(_ id: StreamID) {
        pending.insert(id, initial: IDLeaf()) { leaf, _ in leaf.insert(id) }
    }

    mutating func remove(_ id: StreamID) {
        _ = pending.update(id) { leaf, _ in leaf.remove(id) }
    }

    /// Calls `body` with its IDs behind `id`, in order, until it answers `false`.
    func forEachID(in range: StreamRange, _ body: (StreamID) -> Bool) {
        if range.isEmpty { return }
        pending.forEachLeaf(from: range.lower) { _, leaf in
            for row in leaf.lowerBound(range.lower)..<max(leaf.count, leaf.lowerBound(range.lower)) {
                let id = leaf.id(at: row)
                if id > range.upper || !body(id) { return false }
            }
            return true
        }
    }
}

/// What a group tells about one consumer.
public struct ConsumerInfo: Hashable, Sendable {
    public var name: [UInt8]
    public var pendingCount: Int
    /// When it last asked for something, in milliseconds of the Unix clock.
    public var seenAt: Int64
    /// When it last got something; `nil`: never.
    public var activeAt: Int64?

    public init(name: [UInt8], pendingCount: Int, seenAt: Int64, activeAt: Int64?) {
        self.name = name
        self.pendingCount = pendingCount
        self.seenAt = seenAt
        self.activeAt = activeAt
    }
}
