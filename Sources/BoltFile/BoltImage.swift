// SPDX-License-Identifier: Apache-2.0

/// A file's bytes, read at any place. The shell that owns the file, mapping or buffer stands behind it.
package protocol BoltImage: Sendable {
    var byteCount: UInt64 { get }

    /// Exactly `count` bytes from `offset`. The reader asks only for what lies inside `byteCount`.
    ///
    /// Errors: `BoltFileError.Code.readFailed` if the bytes can't be had.
    func read(offset: UInt64, count: Int) throws(BoltFileError) -> [UInt8]
}

/// An image in memory.
package struct BoltMemoryImage: BoltImage {
    private let bytes: [UInt8]

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    package var byteCount: UInt64 { UInt64(bytes.count) }

    package func read(offset: UInt64, count: Int) throws(BoltFileError) -> [UInt8] {
        guard count >= 0, offset <= byteCount, UInt64(count) <= byteCount - offset else {
            throw BoltFileError(.readFailed, "\(count) bytes at \(offset) are outside the \(byteCount) of the image")
        }
        return Array(bytes[Int(offset)..<Int(offset) + count])
    }
}

/// The first bytes of another image.
package struct BoltImagePrefix<Base: BoltImage>: BoltImage {
    private let base: Base
    package let byteCount: UInt64

    /// Requires: `byteCount` is not more than the base has.
    package init(_ base: Base, byteCount: UInt64) {
        precondition(byteCount <= base.byteCount, "a prefix of \(byteCount) of \(base.byteCount) bytes")
        self.base = base
        self.byteCount = byteCount
    }

    package func read(offset: UInt64, count: Int) throws(BoltFileError) -> [UInt8] {
        guard count >= 0, offset <= byteCount, UInt64(count) <= byteCount - offset else {
            throw BoltFileError(.readFailed, "\(count) bytes at \(offset) are outside the \(byteCount) of the image")
        }
        return try base.read(offset: offset, count: count)
    }
}
