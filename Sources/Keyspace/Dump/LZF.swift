// SPDX-License-Identifier: Apache-2.0

/// LZF, the compression in Redis's dumps: runs of literals, and references to what came before.
///
///     000nnnnn                        n + 1 literal bytes follow
///     nnnddddd dddddddd               n + 2 bytes again, from d + 1 bytes before; n is 1 … 6
///     111ddddd nnnnnnnn dddddddd      n + 9 bytes again
enum LZF {
    /// - Parameter count: bytes of the result.
    /// - Returns: `nil` where the bytes are not LZF, or don't yield so many.
    static func decompressed(_ bytes: ArraySlice<UInt8>, count: Int) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        var place = bytes.startIndex
        while place < bytes.endIndex {
            let control = Int(bytes[place])
            place += 1
            if control < 32 {
                guard bytes.endIndex - place > control, count - result.count > control else { return nil }
                result += bytes[place...place + control]
                place += control + 1
                continue
            }
            var length = control >> 5 + 2
            if length == 9 {
                guard place < bytes.endIndex else { return nil }
                length += Int(bytes[place])
                place += 1
            }
            guard place < bytes.endIndex else { return nil }
            let from = result.count - (control & 31) << 8 - Int(bytes[place]) - 1
            place += 1
            guard from >= 0, count - result.count >= length else { return nil }
            // They may overlap: bytes that are being written are read again.
            for offset in from..<from + length { result.append(result[offset]) }
        }
        return result.count == count ? result : nil
    }
}
