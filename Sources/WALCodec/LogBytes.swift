// SPDX-License-Identifier: Apache-2.0

/// Bytes that are appended to, handed on and overwritten again without giving their memory back.
package struct LogBytes: Sendable {
    /// Only the first `count` bytes mean something.
    package private(set) var storage: [UInt8] = []
    package private(set) var count = 0

    package init() {}

    package init(capacity: Int) {
        storage = [UInt8](repeating: 0, count: capacity)
    }

    package var isEmpty: Bool { count == 0 }

    /// Forgets the bytes, keeps the memory.
    package mutating func removeAll() {
        count = 0
    }

    package func withSpan<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(storage.span.bytes.extracting(0..<count))
    }

    /// The bytes, copied.
    package var array: [UInt8] { Array(storage[..<count]) }

    /// Makes room for `extra` bytes more. Amortised: memory doubles.
    package mutating func reserve(_ extra: Int) {
        let needed = count + extra
        guard needed > storage.count else { return }
        let size = max(needed, storage.count * 2, 256)
        storage.append(contentsOf: repeatElement(0, count: size - storage.count))
    }

    package mutating func append(_ byte: UInt8) {
        reserve(1)
        storage[count] = byte
        count += 1
    }

    package mutating func append(zeroes: Int) {
        reserve(zeroes)
        for place in count..<count + zeroes { storage[place] = 0 }
        count += zeroes
    }

    package mutating func append(_ bytes: RawSpan) {
        let size = bytes.byteCount
        guard size > 0 else { return }
        reserve(size)
        // Room for `size` bytes from `count` on was just made, and neither pointer leaves the closures.
        bytes.withUnsafeBytes { source in
            storage.withUnsafeMutableBytes { target in
                UnsafeMutableRawBufferPointer(rebasing: target[count..<count + size]).copyMemory(from: source)
            }
        }
        count += size
    }

    package mutating func append(_ bytes: [UInt8]) {
        append(bytes.span.bytes)
    }

    /// Eight bytes, the lowest first.
    package mutating func append(littleEndian word: UInt64) {
        reserve(8)
        for shift in 0..<8 {
            storage[count + shift] = UInt8(truncatingIfNeeded: word >> (8 * UInt64(shift)))
        }
        count += 8
    }
}
