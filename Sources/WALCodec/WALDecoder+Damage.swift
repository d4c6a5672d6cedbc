// SPDX-License-Identifier: Apache-2.0

/// Telling a torn tail from corruption; `WALDecoder` has the rules.
extension WALDecoder {
    public func corruption(_ reason: WALCorruption.Reason) -> WALCorruption {
        WALCorruption(segment: segment, offset: offset, reason: reason)
    }

    /// At a length word of 0.
    ///
    /// - Complexity: O(bytes left in the file).
    func afterLast() throws(WALCorruption) -> Step {
        if isZero(offset..<bytes.count) { return .end }
        guard isZero(offset..<min(sectorEnd(after: offset), bytes.count)) else { throw corruption(.zeroLength) }
        guard isLast, !hasBarrier(after: offset) else { throw corruption(.zeroLength) }
        return .torn
    }

    /// At a frame whose record is not whole. `isCut` says that the file ends inside it.
    func damaged(
        _ reason: WALCorruption.Reason, frame: Range<Int>, isCut: Bool = false
    ) throws(WALCorruption) -> Step {
        if recordCount < 2 { throw corruption(.header) }
        guard isLast, isCut || hasZeroSector(frame), !hasBarrier(after: offset) else {
            throw corruption(reason)
        }
        if contradictsItself(frame) { throw corruption(.lengthWord) }
        return .torn
    }

    /// Whether what is left of the length word's sector, which was written whole, shows a record of another length.
    private func contradictsItself(_ frame: Range<Int>) -> Bool {
        guard frame.count > WALFormat.lengthWordBytes else { return false }
        let start = frame.lowerBound + WALFormat.lengthWordBytes
        let size = Int(bytes.word(at: frame.lowerBound) & 0x00FF_FFFF_FFFF_FFFF)
        var reader = ProtoReader(bytes, start..<min(sectorEnd(after: frame.lowerBound), bytes.count))
        do throws(ProtoReader.Malformed) {
            for tag in [1 << 3, 2 << 3] as [UInt64] {
                guard try reader.varint() == tag else { return true }
                _ = try reader.varint()
            }
            if reader.next == start + size { return false }
            guard try reader.varint() == 3 << 3 | UInt64(ProtoWire.bytes) else { return true }
            let count = try reader.varint()
            return UInt64(start + size - reader.next) != count
        } catch {
            // The fields go on in the next sector.
            return !reader.isAtEnd
        }
    }

    private func sectorEnd(after place: Int) -> Int {
        (place / WALFormat.sectorBytes + 1) * WALFormat.sectorBytes
    }

    /// Whether a sector's share of the record behind the length word is all zero.
    private func hasZeroSector(_ frame: Range<Int>) -> Bool {
        var start = frame.lowerBound + WALFormat.lengthWordBytes
        while start < frame.upperBound {
            let end = min(sectorEnd(after: start), frame.upperBound)
            if isZero(start..<end) { return true }
            start = end
        }
        return false
    }

    func isBarrier(_ data: Range<Int>, at place: Int) -> Bool {
        data.count == 8 && bytes.word(at: data.lowerBound) == UInt64(place)
    }

    /// Whether a barrier stands anywhere behind the frame at `place`. Its checksum can't be known, its offset can.
    ///
    /// - Complexity: O(bytes left in the file).
    private func hasBarrier(after place: Int) -> Bool {
        // Type, checksum of one to five bytes, and eight bytes of data: 14 to 18 bytes.
        let sizes: ClosedRange<UInt64> = 14...18
        var next = place + WALFormat.lengthWordBytes
        while next + WALFormat.lengthWordBytes <= bytes.count {
            let word = bytes.word(at: next)
            let size = word & 0xFF
            if word != 0, sizes.contains(size), word == WALFormat.lengthWord(Int(size)) {
                let start = next + WALFormat.lengthWordBytes
                if start + Int(size) <= bytes.count, let parts = RecordParts(bytes, start..<start + Int(size)),
                    parts.type == UInt64(WALRecordType.checksum.rawValue), let data = parts.data,
                    isBarrier(data, at: next)
                {
                    return true
                }
            }
            next += 8
        }
        return false
    }

    func isZero(_ range: Range<Int>) -> Bool {
        bytes.isZero(range)
    }
}

extension [UInt8] {
    /// Eight bytes, the lowest first. Traps outside the bytes.
    func word(at place: Int) -> UInt64 {
        precondition(place >= 0 && place + 8 <= count, "word at \(place) of \(count) bytes")
        // The eight bytes were just checked to be there; any bytes are a word.
        return withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: UInt64.self)) }
    }

    public func isZero(_ range: Range<Int>) -> Bool {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "\(range) of \(count) bytes")
        // Every load is inside the range, which was just checked to be inside the bytes.
        return withUnsafeBytes { all in
            var place = range.lowerBound
            while place + 8 <= range.upperBound {
                if all.loadUnaligned(fromByteOffset: place, as: UInt64.self) != 0 { return false }
                place += 8
            }
            while place < range.upperBound {
                if all[place] != 0 { return false }
                place += 1
            }
            return true
        }
    }
}
