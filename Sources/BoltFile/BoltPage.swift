// SPDX-License-Identifier: Apache-2.0

/// One branch or leaf page in memory, with its overflow; or an inline one, inside another page's value.
///
/// Checked when it is made: its kind, and that its elements' heads lie inside. Each element's content is checked when
/// it is read. So a read never leaves the page, whatever the page says.
struct BoltPage: Sendable {
    let bytes: [UInt8]
    /// Where the header begins.
    let start: Int
    /// The page's number, or that of the page that contains the inline one.
    let number: UInt64
    let isLeaf: Bool
    let count: Int

    /// Requires: a whole header stands at `start`.
    init(bytes: [UInt8], start: Int, number: UInt64) throws(BoltFileError) {
        self.bytes = bytes
        self.start = start
        self.number = number
        let kind = bytes.uint16(at: start + 8)
        guard kind == BoltFormat.leafKind || kind == BoltFormat.branchKind else {
            throw BoltFileError(.damaged, page: number, "is of kind \(kind), neither branch nor leaf")
        }
        isLeaf = kind == BoltFormat.leafKind
        count = Int(bytes.uint16(at: start + 10))
        guard bytes.count - start >= BoltFormat.pageHeaderSize + count * BoltFormat.elementSize else {
            throw BoltFileError(.damaged, page: number, "is too small for its \(count) elements")
        }
        guard isLeaf || count > 0 else { throw BoltFileError(.damaged, page: number, "is a branch without children") }
    }

    /// Requires: a leaf, and `index` below `count`.
    func leafElement(_ index: Int) throws(BoltFileError) -> (isBucket: Bool, key: [UInt8], value: [UInt8]) {
        let element = start + BoltFormat.pageHeaderSize + index * BoltFormat.elementSize
        let flags = bytes.uint32(at: element)
        guard flags & ~BoltFormat.bucketFlag == 0 else {
            throw BoltFileError(.damaged, page: number, "element \(index) has flags \(flags)")
        }
        let keyLength = Int(bytes.uint32(at: element + 8))
        let valueLength = Int(bytes.uint32(at: element + 12))
        let key = try content(
            of: index, element: element, position: bytes.uint32(at: element + 4),
            length: keyLength + valueLength)
        guard keyLength > 0 else { throw BoltFileError(.damaged, page: number, "element \(index) has no key") }
        let middle = key + keyLength
        return (flags == BoltFormat.bucketFlag, Array(bytes[key..<middle]), Array(bytes[middle..<middle + valueLength]))
    }

    /// Requires: a branch, and `index` below `count`.
    func branchElement(_ index: Int) throws(BoltFileError) -> (key: [UInt8], child: UInt64) {
        let element = start + BoltFormat.pageHeaderSize + index * BoltFormat.elementSize
        let length = Int(bytes.uint32(at: element + 4))
        let key = try content(
            of: index, element: element, position: bytes.uint32(at: element), length: length)
        guard length > 0 else { throw BoltFileError(.damaged, page: number, "element \(index) has no key") }
        return (Array(bytes[key..<key + length]), bytes.uint64(at: element + 8))
    }

    /// Where an element's content begins. It must stand behind all elements' heads and inside the page.
    private func content(
        of index: Int, element: Int, position: UInt32, length: Int
    ) throws(BoltFileError) -> Int {
        let heads = start + BoltFormat.pageHeaderSize + count * BoltFormat.elementSize
        let begin = element + Int(position)
        guard begin >= heads, begin <= bytes.count, length <= bytes.count - begin else {
            throw BoltFileError(.damaged, page: number, "element \(index) points outside the page")
        }
        return begin
    }
}
