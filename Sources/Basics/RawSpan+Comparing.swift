// SPDX-License-Identifier: Apache-2.0

extension RawSpan {
    /// Whether the bytes are the same.
    @inlinable
    @inline(__always)
    public func isSame(as other: RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        // Loads check their bounds, and every bit pattern is a number.
        var offset = 0
        while offset + 8 <= byteCount {
            if unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
                != other.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            {
                return false
            }
            offset += 8
        }
        while offset < byteCount {
            if unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                != other.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            {
                return false
            }
            offset += 1
        }
        return true
    }
}
