// SPDX-License-Identifier: Apache-2.0

import MartletBasics

extension EntryBlock {
    /// Begins an empty block with the names of the entry that opens it. Keeps the memory of what was there.
    mutating func open(number: UInt64, names fields: RawSpan, pairCount: Int) {
        self.number = number
        isChanged = true
        bytes.removeAll(keepingCapacity: true)
        for _ in 0..<Self.fixedBytes { bytes.append(0) }
        Varint.append(UInt64(pairCount), to: &bytes)
        var offset = 0
        for _ in 0..<pairCount {
            let name = Self.text(in: fields, at: &offset)
            Varint.append(UInt64(name.count), to: &bytes)
            bytes.append(copying: fields.extracting(name))
            _ = Self.text(in: fields, at: &offset)
        }
        begin = bytes.count
    }

    /// Adds an entry behind all others.
    ///
    /// - Parameters:
    ///   - id: above those of all others.
    ///   - last: that of the entry before; the base ID in an empty block.
    mutating func append(
        _ id: StreamID, after last: StreamID, fields: RawSpan, pairCount: Int, contentBytes: Int,
        priority: EntryPriority = .normal
    ) {
        let hasMasterNames = hasMasterNames(fields, pairCount: pairCount)
        let flags = EntryFlags.of(priority) | (hasMasterNames ? EntryFlags.masterNames : 0)
        appendHead(id, after: last, flags: flags)
        // No text takes more than it has and its longest overhead, so that the size of all fits this width.
        let bound = contentBytes + (2 * pairCount + 1) * PackedText.maximumOverhead
        let width = Varint.length(of: UInt64(bound))
        let sizeOffset = bytes.count
        for _ in 0..<width { bytes.append(0) }
        let content = bytes.count
        var offset = 0
        if !hasMasterNames { Varint.append(UInt64(pairCount), to: &bytes) }
        for _ in 0..<pairCount {
            let name = Self.text(in: fields, at: &offset)
            if !hasMasterNames { PackedText.append(fields.extracting(name), to: &bytes) }
            PackedText.append(fields.extracting(Self.text(in: fields, at: &offset)), to: &bytes)
        }
        setSize(bytes.count - content, at: sizeOffset, width)
        givenCount += 1
        liveCount += 1
        isChanged = true
    }

    private mutating func appendHead(_ id: StreamID, after last: StreamID, flags: UInt8) {
        let milliseconds = id.milliseconds - last.milliseconds
        if milliseconds > 0 {
            bytes.append(flags | EntryFlags.milliseconds | (id.sequence == 0 ? 0 : EntryFlags.sequence))
            Varint.append(milliseconds, to: &bytes)
            if id.sequence != 0 { Varint.append(id.sequence, to: &bytes) }
        } else {
            // 0 for an entry that has the base ID itself.
            let sequence = id.sequence - last.sequence
            bytes.append(flags | (sequence == 1 ? 0 : EntryFlags.sequence))
            if sequence != 1 { Varint.append(sequence, to: &bytes) }
        }
    }

    /// Writes a varint of a width that it may not need.
    private mutating func setSize(_ size: Int, at offset: Int, _ width: Int) {
        var rest = UInt64(size)
        for place in 0..<width {
            bytes[offset + place] = UInt8(truncatingIfNeeded: rest & 0x7F) | (place + 1 < width ? 0x80 : 0)
            rest >>= 7
        }
    }

    private func hasMasterNames(_ fields: RawSpan, pairCount: Int) -> Bool {
        let span = bytes.span.bytes
        var master = Self.fixedBytes
        guard Varint.read(span, at: &master) == UInt64(pairCount) else { return false }
        var offset = 0
        for _ in 0..<pairCount {
            let name = Self.text(in: fields, at: &offset)
            let known = Self.text(in: span, at: &master)
            if name.count != known.count { return false }
            for place in 0..<name.count
            where fields.unsafeLoad(fromByteOffset: name.lowerBound + place, as: UInt8.self)
                != span.unsafeLoad(fromByteOffset: known.lowerBound + place, as: UInt8.self)
            {
                return false
            }
            _ = Self.text(in: fields, at: &offset)
        }
        return true
    }

    /// Where the text with a length in front of it stands; `offset` moves behind it.
    @inline(__always)
    static func text(in bytes: RawSpan, at offset: inout Int) -> Range<Int> {
        guard let count = FieldList.length(in: bytes, at: &offset) else {
            preconditionFailure("no text at \(offset) of \(bytes.byteCount)")
        }
        defer { offset += count }
        return offset..<offset + count
    }

    /// A copy that takes no more memory than it needs.
    var sealed: EntryBlock {
        var copy = self
        copy.bytes = [UInt8](copying: bytes.span.bytes)
        return copy
    }

    // MARK: Deleting

    /// Deletes a live entry; `false` where there is none of this ID.
    mutating func delete(_ id: StreamID, base: StreamID) -> Bool {
        guard let cursor = find(id, base: base) else { return false }
        bytes[cursor.start] |= EntryFlags.dead
        settle(deleted: 1, base: base)
        return true
    }

    /// Deletes live entries from the front on for which `isDeleted` answers `true`, until it answers `nil`.
    ///
    /// - Returns: how many.
    mutating func deleteEach(base: StreamID, where isDeleted: (StreamID) -> Bool?) -> Int {
        var starts: [Int] = []
        forEach(base: base) { cursor in
            if cursor.isDead { return true }
            guard let answer = isDeleted(cursor.id) else { return false }
            if answer { starts.append(cursor.start) }
            return true
        }
        if starts.isEmpty { return 0 }
        for start in starts { bytes[start] |= EntryFlags.dead }
        settle(deleted: starts.count, base: base)
        return starts.count
    }

    private mutating func settle(deleted: Int, base: StreamID) {
        let live = liveCount - deleted
        let given = givenCount
        isChanged = true
        if live == 0 {
            bytes.removeAll(keepingCapacity: false)
        } else {
            liveCount = live
            if live * 2 <= given { bytes = compacted(base: base) }
        }
    }

    /// The block without deleted entries, in no more memory than it needs. Complexity: O(bytes).
    private func compacted(base: StreamID) -> [UInt8] {
        var packed = EntryBlock(bytes: [UInt8](bytes[..<begin]), number: number)
        packed.bytes.reserveCapacity(bytes.count)
        var last = base
        let span = bytes.span.bytes
        forEach(base: base) { cursor in
            if cursor.isDead { return true }
            packed.appendHead(
                cursor.id, after: last, flags: cursor.flags & (EntryFlags.masterNames | EntryFlags.priority))
            Varint.append(UInt64(cursor.end - cursor.content), to: &packed.bytes)
            packed.bytes.append(copying: span.extracting(cursor.content..<cursor.end))
            last = cursor.id
            return true
        }
        packed.givenCount = liveCount
        return packed.sealed.bytes
    }
}
