// SPDX-License-Identifier: Apache-2.0

/// CRC-32C (Castagnoli), eight bytes a step by eight tables.
struct CRC32C {
    private var state: UInt32 = .max

    var value: UInt32 { ~state }

    mutating func update(_ bytes: [UInt8]) {
        var crc = state
        var position = 0
        while bytes.count - position >= 8 {
            var word: UInt64 = 0
            for place in 0..<8 { word |= UInt64(bytes[position + place]) << UInt64(place * 8) }
            word ^= UInt64(crc)
            crc = 0
            for place in 0..<8 {
                let byte = Int(truncatingIfNeeded: word >> UInt64(place * 8)) & 0xFF
                crc ^= Self.tables[(7 - place) * 256 + byte]
            }
            position += 8
        }
        for byte in bytes[position...] {
            crc = crc >> 8 ^ Self.tables[Int(UInt8(truncatingIfNeeded: crc) ^ byte)]
        }
        state = crc
    }

    /// Table `n` at `n × 256`: the effect of a byte that `n` more follow.
    private static let tables: [UInt32] = {
        let polynomial: UInt32 = 0x82F6_3B78
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ polynomial : crc >> 1 }
            tables[byte] = crc
        }
        for index in 256..<tables.count {
            let crc = tables[index - 256]
            tables[index] = crc >> 8 ^ tables[Int(crc & 0xFF)]
        }
        return tables
    }()
}
