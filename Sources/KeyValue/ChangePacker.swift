// SPDX-License-Identifier: Apache-2.0

/// Packs changes into slabs, one behind the other.
///
/// A value like any other: of two copies only one goes on in the slab that both have begun, and only when the other is
/// gone or has begun its own.
public struct ChangePacker: Sendable {
    /// Small stores stay small: a first slab takes a page, each later one twice as much.
    static let minimumCapacity = 4 << 10
    /// A change that needs more than this has a slab of its own, so that no slab ends with much of it free.
    static let maximumSharedBytes = 16 << 10

    /// The slab whose end is free. `@unchecked Sendable`: it changes only while one packer alone refers to it.
    private final class Tail: @unchecked Sendable {
        let slab: ChangeSlab
        var used = 0
        var count = 0

        init(capacity: Int) { slab = ChangeSlab(capacity: capacity) }

        func fits(_ byteCount: Int) -> Bool {
            used + byteCount + (count + 1) * ChangeSlab.slotBytes <= slab.capacity
        }
    }

    private var tail: Tail?
    private var nextCapacity = minimumCapacity

    public init() {}

    /// Whether the next change may go there.
    func isOpen(_ slab: ChangeSlab) -> Bool { tail?.slab === slab }

    /// Lets the next change begin a slab.
    mutating func seal() { tail = nil }

    /// - Parameter head: but for its lengths.
    mutating func pack(_ head: HistoryRecord.Head, key: RawSpan, value: RawSpan) -> HistoryRecord {
        var head = head
        head.keyCount = key.byteCount
        head.valueCount = value.byteCount
        let headCount = head.packedCount
        let byteCount = headCount + key.byteCount + value.byteCount
        let (slab, offset) = room(for: byteCount)
        // `room` gave this packer alone `byteCount` bytes from here on, which nobody reads yet.
        let target = UnsafeMutableRawBufferPointer(start: slab.base + offset, count: byteCount)
        head.write(to: target, headCount: headCount)
        key.withUnsafeBytes { target[headCount...].copyBytes(from: $0) }
        value.withUnsafeBytes { target[(headCount + key.byteCount)...].copyBytes(from: $0) }
        return HistoryRecord(slab, offset: offset, main: head.main, isTombstone: head.version == 0)
    }

    /// A copy of a change.
    mutating func pack(_ change: HistoryRecord) -> HistoryRecord {
        let head = change.head
        return change.withContent(head) { pack(head, key: $0, value: $1) }
    }

    /// Finds the next place, and enters it in the slab's slots.
    private mutating func room(for byteCount: Int) -> (slab: ChangeSlab, offset: Int) {
        if byteCount > Self.maximumSharedBytes {
            // Changes of a slab follow each other: what comes later than this one begins anew.
            tail = nil
            nextCapacity = Self.minimumCapacity
            let even = (byteCount + 1) & ~1
            let slab = ChangeSlab(capacity: even + ChangeSlab.slotBytes)
            slab.setSlot(0, offset: 0)
            return (slab, 0)
        }
        if !isKnownUniquelyReferenced(&tail) || tail?.fits(byteCount) != true {
            while nextCapacity < byteCount + ChangeSlab.slotBytes { nextCapacity *= 2 }
            tail = Tail(capacity: nextCapacity)
            nextCapacity = min(nextCapacity * 2, ChangeSlab.maximumCapacity)
        }
        guard let tail else { preconditionFailure("a packer without a slab") }
        let offset = tail.used
        tail.slab.setSlot(tail.count, offset: offset)
        tail.used += byteCount
        tail.count += 1
        return (tail.slab, offset)
    }
}
