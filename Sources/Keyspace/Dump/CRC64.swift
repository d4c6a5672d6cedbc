// SPDX-License-Identifier: Apache-2.0

/// The checksum of Redis's dumps: 64 bits, polynomial AD93D23594C935A9, bits reflected, from 0 on, not inverted.
public enum CRC64 {
    /// The polynomial with its bits reflected.
    private static let polynomial: UInt64 = 0x95AC_9329_AC4B_C9B5

    private static let table: [UInt64] = (0..<256).map { byte in
        var rest = UInt64(byte)
        for _ in 0..<8 { rest = rest & 1 == 0 ? rest >> 1 : rest >> 1 ^ polynomial }
        return rest
    }

    public static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        var sum: UInt64 = 0
        let table = table
        for byte in bytes { sum = table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] ^ sum >> 8 }
        return sum
    }
}
