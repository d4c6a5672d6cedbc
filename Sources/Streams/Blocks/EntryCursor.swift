// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Walks the entries of a block, deleted ones included.
struct EntryCursor {
    /// Of the entry where the cursor stands; the base ID in front of the first.
    private(set) var id: StreamID
    private(set) var flags: UInt8 = 0
    /// Where the entry begins, its content begins, and the next entry begins.
    private(set) var start = 0
    private(set) var content = 0
    private(set) var end: Int

    @inline(__always)
    init(_ block: EntryBlock, base: StreamID) {
        id = base
        end = block.begin
    }

    /// Goes on behind an entry of a block.
    init(behind end: Int, _ id: StreamID) {
        self.id = id
        self.end = end
    }

    /// Whether it isn't in front of the first. Numbers lie in front of that.
    var isAtEntry: Bool { start > 0 }
    var isDead: Bool { flags & EntryFlags.dead != 0 }
    /// Whoever reads bytes of unknown origin finds it in its range.
    var priority: EntryPriority { EntryFlags.priority(in: flags) ?? .normal }

    /// Moves to the next entry; `false` behind the last.
    @inline(__always)
    mutating func advance(in bytes: RawSpan) -> Bool {
        if end == bytes.byteCount { return false }
        guard step(in: bytes) else { preconditionFailure("block is unreadable at \(end)") }
        return true
    }

    /// As `advance`, in bytes of unknown origin; `false` also where they are no entry.
    @inline(__always)
    mutating func step(in bytes: RawSpan) -> Bool {
        guard end < bytes.byteCount else { return false }
        start = end
        flags = bytes.unsafeLoad(fromByteOffset: start, as: UInt8.self)
        guard flags & EntryFlags.priority == 0 || EntryFlags.priority(in: flags) != nil else { return false }
        var offset = start + 1
        var next = id
        if flags & EntryFlags.milliseconds != 0 {
            guard let delta = Self.number(bytes, at: &offset) else { return false }
            let (sum, isTooBig) = next.milliseconds.addingReportingOverflow(delta)
            if isTooBig { return false }
            next = StreamID(sum, 0)
            if flags & EntryFlags.sequence != 0 {
                guard let sequence = Self.number(bytes, at: &offset) else { return false }
                next.sequence = sequence
            }
        } else {
            var delta: UInt64 = 1
            if flags & EntryFlags.sequence != 0 {
                guard let other = Self.number(bytes, at: &offset) else { return false }
                delta = other
            }
            let (sum, isTooBig) = next.sequence.addingReportingOverflow(delta)
            if isTooBig { return false }
            next.sequence = sum
        }
        guard let size = Self.number(bytes, at: &offset), size <= UInt64(bytes.byteCount - offset) else { return false }
        id = next
        content = offset
        end = offset + Int(size)
        return true
    }

    /// Most numbers are of one byte: these are read here, without a call to another module.
    @inline(__always)
    private static func number(_ bytes: RawSpan, at offset: inout Int) -> UInt64? {
        guard offset < bytes.byteCount else { return nil }
        let byte = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
        if byte >= 0x80 { return Varint.read(bytes, at: &offset) }
        offset += 1
        return UInt64(byte)
    }
}

extension EntryBlock {
    /// Calls `body` with the cursor at every entry, deleted ones included, until it answers `false`.
    @inline(__always)
    func forEach(base: StreamID, _ body: (EntryCursor) -> Bool) {
        if bytes.isEmpty { return }
        precondition(!isAbsent, "block \(number) from \(base) on is not in memory")
        let span = bytes.span.bytes
        var cursor = EntryCursor(self, base: base)
        while cursor.advance(in: span) {
            if !body(cursor) { return }
        }
    }

    /// Live entries with IDs below `id`.
    func liveCount(before id: StreamID, base: StreamID) -> Int {
        if id <= base { return 0 }
        if isAbsent, !mustBeRead(toCountBefore: id) { return id <= firstLive ? 0 : liveCount }
        var count = 0
        forEach(base: base) { cursor in
            if cursor.id >= id { return false }
            if !cursor.isDead { count += 1 }
            return true
        }
        return count
    }

    /// Of the last entry, deleted or not.
    func lastID(base: StreamID) -> StreamID {
        if isAbsent { return keptLast }
        var last = base
        forEach(base: base) { cursor in
            last = cursor.id
            return true
        }
        return last
    }

    /// The cursor at the live entry of this ID.
    func find(_ id: StreamID, base: StreamID) -> EntryCursor? {
        if id < base || isAbsent && !mustBeRead(for: StreamRange(id, id)) { return nil }
        var found: EntryCursor?
        forEach(base: base) { cursor in
            if cursor.id < id { return true }
            if cursor.id == id, !cursor.isDead { found = cursor }
            return false
        }
        return found
    }
}
