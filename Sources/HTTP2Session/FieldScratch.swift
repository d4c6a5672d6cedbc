// SPDX-License-Identifier: Apache-2.0

/// Where the fields of a block are gathered, in the layout of ``HeaderBlock``, before their number is known.
///
/// Plain memory instead of an array: a field is one check of the capacity, two stores and two copies. It grows by
/// doubling; what is put in is bounded by the limit of header lists, and the memory serves the next block.
struct FieldScratch: ~Copyable {
    private static let initialBytes = 1 << 10

    private var start: UnsafeMutableRawPointer
    private var capacity: Int
    private var byteCount = 0
    private(set) var fieldCount = 0

    init() {
        self.capacity = Self.initialBytes
        self.start = .allocate(byteCount: self.capacity, alignment: 8)
    }

    deinit {
        self.start.deallocate()
    }

    mutating func removeAll() {
        self.byteCount = 0
        self.fieldCount = 0
    }

    /// Appends a field, whose name has fewer than 65,536 bytes.
    mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        let end = self.byteCount + HeaderBlock.fieldPrefixBytes + name.count + value.count
        if end > self.capacity { self.grow(to: end) }
        let field = self.start + self.byteCount
        field.storeBytes(of: UInt16(truncatingIfNeeded: name.count), as: UInt16.self)
        field.storeBytes(of: UInt32(truncatingIfNeeded: value.count), toByteOffset: 2, as: UInt32.self)
        if let bytes = name.baseAddress {
            (field + HeaderBlock.fieldPrefixBytes).copyMemory(from: bytes, byteCount: name.count)
        }
        if let bytes = value.baseAddress {
            (field + HeaderBlock.fieldPrefixBytes + name.count).copyMemory(from: bytes, byteCount: value.count)
        }
        self.byteCount = end
        self.fieldCount += 1
    }

    /// A copy of what was gathered, of its exact size.
    var block: HeaderBlock {
        HeaderBlock(
            storage: [UInt8](UnsafeRawBufferPointer(start: self.start, count: self.byteCount)),
            count: self.fieldCount)
    }

    /// Whether the first field is `:status`.
    var startsWithStatus: Bool {
        let name = UnsafeRawBufferPointer(start: self.start, count: self.byteCount).dropFirst(
            HeaderBlock.fieldPrefixBytes)
        return name.starts(with: ":status".utf8)
    }

    private mutating func grow(to needed: Int) {
        var capacity = self.capacity
        while capacity < needed { capacity *= 2 }
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
        larger.copyMemory(from: self.start, byteCount: self.byteCount)
        self.start.deallocate()
        self.start = larger
        self.capacity = capacity
    }
}
