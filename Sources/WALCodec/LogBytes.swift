// SPDX-License-Identifier: Apache-2.0

/// Bytes that are appended to, handed on and overwritten again without giving their memory back.
public struct LogBytes: Sendable {
    /// Only the first `count` bytes mean something.
    public private(set) var storage: [UInt8] = []
    public private(set) var count = 0

    public init() {}

    public init(capacity: Int) {
        storage = [UInt8](repeating: 0, count: capacity)
    }

    public var isEmpty: Bool { count == 0 }

    /// Forgets the bytes, keeps the memory.
    public mutating func removeAll() {
        count = 0
    }

    public func withSpan<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(storage.span.bytes.extracting(0..<count))
    }

    /// The bytes, copied.
    public var array: [UInt8] { Array(storage[..<count]) }

    /// Makes room for `extra` bytes more. Amortised: memory doubles.
    public mutating func reserve(_ extra: Int) {
        let needed = count + extra
        guard needed > storage.count else { return }
        let size = max(needed, storage.count * 2, 256)
        storage.append(contentsOf: repeatElement(0, count: size - storage.count))
    }

    public mutating func append(_ byte: UInt8) {
        reserve(1)
        storage[count] = byte
        count += 1
    }

    public mutating func append(zeroes: Int) {
        reserve(zeroes)
        for place in count..<count + zeroes { storage[place] = 0 }
        count += zeroes
    }

    public mutating func append(_ bytes: RawSpan) {
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

    public mutating func append(_ bytes: [UInt8]) {
        append(bytes.span.bytes)
    }

    /// Eight bytes, the lowest first.
    public mutating func append(littleEndian word: UInt64) {
        reserve(8)
        for shift in 0..<8 {
            storage[count + shift] = UInt8(truncatingIfNeeded: word >> (8 * UInt64(shift)))
        }
        count += 8
    }
}
