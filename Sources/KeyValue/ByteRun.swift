// SPDX-License-Identifier: Apache-2.0

/// The bytes of a key or a value where they stand: alone in an array, or inside a packed change.
package struct ByteRun: Sendable {
    package let bytes: [UInt8]
    package let offset: Int
    package let count: Int

    /// - Parameters:
    ///   - bytes: hold the run from `offset` on.
    @inline(__always)
    package init(_ bytes: [UInt8], offset: Int, count: Int) {
        precondition(offset >= 0 && count >= 0 && offset <= bytes.count - count, "no run of \(count) at \(offset)")
        self.bytes = bytes
        self.offset = offset
        self.count = count
    }

    @inline(__always)
    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
        offset = 0
        count = bytes.count
    }

    /// A copy; the array itself where the run is all of it.
    package var array: [UInt8] { count == bytes.count ? bytes : Array(slice) }
    /// Shares the memory.
    package var slice: ArraySlice<UInt8> { bytes[offset..<offset + count] }
}
