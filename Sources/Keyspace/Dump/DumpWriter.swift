// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

/// Writes what `DumpReader` reads.
struct DumpWriter {
    var bytes: [UInt8] = []

    mutating func little(_ number: UInt64, _ width: Int) {
        for place in 0..<width { bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(place * 8))) }
    }

    mutating func big(_ number: UInt64, _ width: Int) {
        for place in (0..<width).reversed() { bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(place * 8))) }
    }

    mutating func length(_ number: UInt64) {
        switch number {
        case ..<(1 << 6): bytes.append(UInt8(number))
        case ..<(1 << 14): big(number | 1 << 14, 2)
        case ...UInt64(UInt32.max):
            bytes.append(0x80)
            big(number, 4)
        default:
            bytes.append(0x81)
            big(number, 8)
        }
    }

    /// Texts that are numbers are tried up to this length. Source: Redis.
    private static let longestNumber = 11

    /// Texts are never compressed: who restores them may, and time is dearer here than bytes.
    mutating func text(_ text: [UInt8]) {
        if text.count <= Self.longestNumber, let number = Decimal.integer(text.span.bytes),
            let width = [1, 2, 4].first(where: { Self.fits(number, $0) })
        {
            bytes.append(0xC0 | UInt8(width >> 1))
            return little(UInt64(bitPattern: number), width)
        }
        length(UInt64(text.count))
        bytes += text
    }

    static func fits(_ number: Int64, _ width: Int) -> Bool {
        let unused = Int64(64 - width * 8)
        return (number << unused) >> unused == number
    }
}
