// SPDX-License-Identifier: Apache-2.0

import CMartletPosix

/// The checksum of the log and of stored values: CRC-32C, which can be continued over more bytes.
public enum CRC32C {
    /// The checksum of some bytes and `bytes` after them, `crc` being that of the first; 0 for none.
    public static func extend(_ crc: UInt32, _ bytes: RawSpan) -> UInt32 {
        // The C function reads only the bytes it is given and keeps no pointer.
        bytes.withUnsafeBytes { martlet_crc32c(crc, $0.baseAddress, $0.count) }
    }
}
