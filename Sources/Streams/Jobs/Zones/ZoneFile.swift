// SPDX-License-Identifier: Apache-2.0

/// A file of the database of time zones (TZif), as machines keep it in `/usr/share/zoneinfo`.
///
///     head       "TZif", version, 15 bytes, six counts of 4 bytes: UT marks, standard marks, leap seconds, changes,
///                types, bytes of names
///     block      changes, of 4 bytes each; the type of each, a byte; types, of 6 bytes each: offset (4), whether it is
///                summer's, where its name begins; names; leap seconds; marks
///     head       again
///     block      again, with changes of 8 bytes
///     yearly     a newline, a `PosixZone` or nothing, a newline
///
/// Numbers have their highest byte first. The first block is for readers of version 1, which has no more: these files
/// are not read. Nor are those that count leap seconds: the Unix clock doesn't. Source: RFC 9636.
public enum ZoneFile {
    /// The largest that is published has less than four kibibytes.
    public static let maximumByteCount = 1 << 16

    /// - Parameter begin: changes before it, in seconds of the Unix clock, are left out: nobody asks for them.
    /// - Returns: `nil` where the bytes are no such file.
    public static func rules(_ bytes: [UInt8], from begin: Int64) -> ZoneRules? {
        guard bytes.count <= maximumByteCount, let old = Counts(bytes, 0), let length = old.blockBytes(4) else {
            return nil
        }
        let second = Counts.headBytes + length
        guard let counts = Counts(bytes, second), counts.leaps == 0, counts.types > 0,
            let size = counts.blockBytes(8), second + Counts.headBytes + size < bytes.count
        else { return nil }
        let moments = second + Counts.headBytes
        let kinds = moments + counts.changes * 8
        let types = kinds + counts.changes
        func offset(_ type: Int) -> Int64? {
            guard type < counts.types else { return nil }
            return Int64(Int32(truncatingIfNeeded: number(bytes, types + type * 6, 4)))
        }
        guard var initial = offset(0) else { return nil }
        var changes: [ZoneRules.Change] = []
        for place in 0..<counts.changes {
            let moment = Int64(bitPattern: number(bytes, moments + place * 8, 8))
            guard let offset = offset(Int(bytes[kinds + place])) else { return nil }
            if moment <= begin {
                initial = offset
            } else {
                changes.append(ZoneRules.Change(moment: moment, offset: offset))
            }
        }
        let footer = bytes[(moments + size)...]
        guard footer.first == UInt8(ascii: "\n"), let end = footer.dropFirst().firstIndex(of: UInt8(ascii: "\n")) else {
            return nil
        }
        var yearly: PosixZone?
        let text = Array(footer[(footer.startIndex + 1)..<end])
        if !text.isEmpty {
            guard let zone = PosixZone(text) else { return nil }
            yearly = zone
        }
        return ZoneRules(initialOffset: initial, changes: changes, yearly: yearly)
    }

    private struct Counts {
        static let headBytes = 44
        let marks: Int
        let leaps: Int
        let changes: Int
        let types: Int
        let nameBytes: Int

        init?(_ bytes: [UInt8], _ offset: Int) {
            guard offset + Self.headBytes <= bytes.count, bytes[offset..<offset + 4].elementsEqual("TZif".utf8),
                bytes[offset + 4] >= UInt8(ascii: "2")
            else { return nil }
            func count(_ place: Int) -> Int { Int(ZoneFile.number(bytes, offset + 20 + place * 4, 4)) }
            marks = count(0) + count(1)
            (leaps, changes, types, nameBytes) = (count(2), count(3), count(4), count(5))
        }

        /// `nil`: no file is so large.
        func blockBytes(_ momentBytes: Int) -> Int? {
            guard max(marks, leaps, changes, types, nameBytes) <= ZoneFile.maximumByteCount else { return nil }
            return changes * (momentBytes + 1) + types * 6 + nameBytes + leaps * (momentBytes + 4) + marks
        }
    }

    /// Within bounds, which whoever asks has checked.
    private static func number(_ bytes: [UInt8], _ offset: Int, _ width: Int) -> UInt64 {
        bytes[offset..<offset + width].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
