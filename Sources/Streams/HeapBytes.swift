// SPDX-License-Identifier: Apache-2.0

/// What memory on the heap costs.
enum HeapBytes {
    /// In front of the elements of an array: type, count of references, count, capacity.
    private static let arrayHeader = 32
    /// What glibc's allocator keeps beside a piece, and what it rounds to.
    private static let pieceHeader = 8
    private static let rounding = 16

    static func piece(_ bytes: Int) -> Int {
        max((bytes + pieceHeader + rounding - 1) / rounding * rounding, 2 * rounding)
    }

    /// An array of so many bytes that takes no more memory than it needs.
    static func bytes(_ count: Int) -> Int { count == 0 ? 0 : piece(arrayHeader + count) }

    static func array<Element>(_ array: [Element]) -> Int {
        array.capacity == 0 ? 0 : piece(arrayHeader + array.capacity * MemoryLayout<Element>.stride)
    }
}

extension IDTree {
    /// Bytes on the heap. Complexity: O(n).
    ///
    /// - Parameter leafBytes: the same of what a leaf refers to.
    func memoryBytes(_ leafBytes: (Leaf) -> Int) -> Int {
        root.memoryBytes(leafBytes)
    }
}

extension IDTree.Node {
    fileprivate func memoryBytes(_ leafBytes: (Leaf) -> Int) -> Int {
        var bytes =
            HeapBytes.array(firsts) + HeapBytes.array(sums) + HeapBytes.array(leaves) + HeapBytes.array(children)
        for leaf in leaves { bytes += leafBytes(leaf) }
        for child in children { bytes += child.memoryBytes(leafBytes) }
        return bytes
    }
}
