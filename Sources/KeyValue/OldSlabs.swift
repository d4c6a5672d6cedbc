// SPDX-License-Identifier: Apache-2.0

/// How much is alive in the slabs that history has let go of, so that memory comes back.
///
/// Above the floor every change is needed. Below it changes die one by one; a slab is let go of when its last does. So
/// that one that lives long does not hold hundreds that are dead, the living leave a slab of which less than half is
/// left, for another.
///
///     history        [a b c d] [e f g h] [i j          all alive, in revision order
///     floor rises    [· b · ·] [e f · h]               b moves, and the first slab goes
///
/// What is dead and moved never shows in an answer, and members differ in it.
struct OldSlabs: Sendable {
    private struct Use {
        let slab: ChangeSlab
        var count: Int
        var bytes = 0
        var liveBytes = 0
        var isQueued = false

        var isSparse: Bool { count > 1 && liveBytes * 2 < bytes }
    }

    /// Looked up by slab; never walked.
    private var uses: [ObjectIdentifier: Use] = [:]
    /// What died in slabs that history still holds. Their places stay theirs as long as they are in it.
    private var deadBytes: [ObjectIdentifier: Int] = [:]
    /// Sparse slabs; some may be gone meanwhile.
    private var queue: [ObjectIdentifier] = []
    private var packer = ChangePacker()
    /// The slab that the packer filled last.
    private var newest: ObjectIdentifier?

    /// Whether a slab waits to be emptied.
    var hasSparse: Bool { !queue.isEmpty }

    /// Takes a segment that history has let go of.
    mutating func add(_ segment: History.Segment) {
        let id = ObjectIdentifier(segment.slab)
        var use = Use(slab: segment.slab, count: segment.count)
        use.bytes = segment.record(at: segment.count - 1).packedEnd + segment.count * ChangeSlab.slotBytes
        use.liveBytes = use.bytes - (deadBytes.removeValue(forKey: id) ?? 0)
        settle(use, id)
    }

    /// Notes that a change has left the store.
    mutating func release(_ change: HistoryRecord) {
        let id = change.slabID
        guard var use = uses.removeValue(forKey: id) else {
            deadBytes[id, default: 0] += change.packedCount
            return
        }
        use.liveBytes -= change.packedCount
        settle(use, id)
    }

    private mutating func settle(_ use: Use, _ id: ObjectIdentifier) {
        var use = use
        let isOpen = packer.isOpen(use.slab)
        if use.liveBytes == 0, !isOpen { return }
        if use.isSparse, !use.isQueued, !isOpen {
            use.isQueued = true
            queue.append(id)
        }
        uses[id] = use
    }

    /// A change from below the floor, in a slab of its like.
    mutating func pack(_ head: HistoryRecord.Head, key: RawSpan, value: RawSpan) -> HistoryRecord {
        let change = packer.pack(head, key: key, value: value)
        note(change)
        return change
    }

    private mutating func note(_ change: HistoryRecord) {
        // Of a tombstone's end nobody tells: it counts as dead from the start.
        let byteCount = change.packedCount
        let id = change.slabID
        if let newest, newest != id, let full = uses.removeValue(forKey: newest) { settle(full, newest) }
        newest = id
        var use = uses.removeValue(forKey: id) ?? Use(slab: change.slab, count: 0)
        use.count += 1
        use.bytes += byteCount
        if !change.isTombstone { use.liveBytes += byteCount }
        settle(use, id)
    }

    /// Takes a sparse slab out of the queue; `nil` when none is left.
    ///
    /// - Returns: its changes, dead and alive.
    mutating func takeSparse() -> [HistoryRecord]? {
        while let id = queue.popLast() {
            guard let use = uses[id], use.isQueued else { continue }
            uses[id] = nil
            return (0..<use.count).map { use.slab.record(inSlot: $0) }
        }
        return nil
    }

    /// A living change, moved out of a slab that was taken.
    mutating func move(_ change: HistoryRecord) -> HistoryRecord {
        let moved = packer.pack(change)
        note(moved)
        return moved
    }
}

extension OldSlabs {
    /// Living bytes of each slab, but for those without any. For tests.
    var liveBytesBySlab: [ObjectIdentifier: Int] { uses.mapValues(\.liveBytes).filter { $0.value > 0 } }
}
