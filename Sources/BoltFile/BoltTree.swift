// SPDX-License-Identifier: Apache-2.0

/// A key or a value while a tree is built: its bytes, or its length alone.
protocol BoltPiece: Sendable {
    var count: Int { get }
}

extension Array<UInt8>: BoltPiece {}

/// A piece of which only the length is known: enough to say which elements share a page.
struct PieceLength: BoltPiece {
    var count: Int
}

struct LeafElement<Piece: BoltPiece>: Sendable {
    var isBucket: Bool
    var key: Piece
    var value: Piece

    /// Bytes that the element takes in its page.
    var size: Int { BoltFormat.elementSize + key.count + value.count }
}

struct BranchElement<Piece: BoltPiece>: Sendable {
    var key: Piece
    var page: UInt64

    var size: Int { BoltFormat.elementSize + key.count }
}

/// Where a tree's pages go, in the order in which they are finished. Each answer is the page's number.
protocol BoltPageSink: Sendable {
    associatedtype Piece: BoltPiece

    /// `size` counts header, elements and content.
    mutating func write(leaf elements: [LeafElement<Piece>], size: Int) throws(BoltFileError) -> UInt64
    mutating func write(branch elements: ArraySlice<BranchElement<Piece>>, size: Int) throws(BoltFileError) -> UInt64
}

/// One bucket's tree, built from the bottom up out of entries in ascending order.
///
///     level 1            [a        f        k ...          <- one open page a level
///     level 0   [a b c]  [f g]     [k l ...                <- finished pages have gone to the sink
///     leaves  [..][..][..] ...                [.. <- the open leaf
///
/// A page goes to the sink as soon as it is full, and its first key to the level above. So children always come before
/// their parent and nothing but one open page a level is kept: memory is O(height × page + largest entry), time is O(1)
/// amortised for each entry.
///
/// Leaves are filled to the page's end. An entry larger than a page gets a leaf of its own, with overflow. Every branch
/// page gets two children or more, because bbolt requires it: a full branch page is held back until two elements stand
/// after it, and whatever is left at the end is divided accordingly.
struct BoltTree<Piece: BoltPiece>: Sendable {
    private struct Level: Sendable {
        var elements: [BranchElement<Piece>] = []
        var size = BoltFormat.pageHeaderSize
        /// How many of the first elements make a full page; nil while all of them fit in one.
        var cut: Int?
    }

    private let pageSize: Int
    private var leaf: [LeafElement<Piece>] = []
    private var leafSize = BoltFormat.pageHeaderSize
    private var levels: [Level] = []

    init(pageSize: Int) {
        self.pageSize = pageSize
    }

    mutating func add<Sink: BoltPageSink>(
        _ element: LeafElement<Piece>, to sink: inout Sink
    ) throws(BoltFileError) where Sink.Piece == Piece {
        if !leaf.isEmpty, leafSize + element.size > pageSize {
            try closeLeaf(to: &sink)
        }
        leaf.append(element)
        leafSize += element.size
    }

    /// Finishes all open pages. The answer is the root page, or nil if there was no entry.
    mutating func finish<Sink: BoltPageSink>(
        to sink: inout Sink
    ) throws(BoltFileError) -> UInt64? where Sink.Piece == Piece {
        if !leaf.isEmpty { try closeLeaf(to: &sink) }
        var number = 0
        while number < levels.count {
            let count = levels[number].elements.count
            if count == 1 {
                // Held back elements come in pairs, so a single one means that nothing of this level was written.
                precondition(number == levels.count - 1, "a branch page was left with one child")
                return levels[number].elements[0].page
            }
            if let cut = levels[number].cut, cut > 2 {
                // One element stands after the full page: it gets the page's last one for company.
                try writeBranch(level: number, count: count - 2, to: &sink)
            }
            try writeBranch(level: number, count: levels[number].elements.count, to: &sink)
            number += 1
        }
        return nil
    }

    private mutating func closeLeaf<Sink: BoltPageSink>(
        to sink: inout Sink
    ) throws(BoltFileError) where Sink.Piece == Piece {
        let key = leaf[0].key
        let page = try sink.write(leaf: leaf, size: leafSize)
        leaf.removeAll(keepingCapacity: true)
        leafSize = BoltFormat.pageHeaderSize
        try add(BranchElement(key: key, page: page), level: 0, to: &sink)
    }

    private mutating func add<Sink: BoltPageSink>(
        _ element: BranchElement<Piece>, level number: Int, to sink: inout Sink
    ) throws(BoltFileError) where Sink.Piece == Piece {
        if number == levels.count { levels.append(Level()) }
        levels[number].elements.append(element)
        levels[number].size += element.size
        let count = levels[number].elements.count
        if let cut = levels[number].cut {
            if count >= cut + 2 { try writeBranch(level: number, count: cut, to: &sink) }
        } else if levels[number].size > pageSize, count > 2 {
            levels[number].cut = count - 1
        }
    }

    /// Writes the first `count` elements of a level as a page and hands their first key to the level above.
    private mutating func writeBranch<Sink: BoltPageSink>(
        level number: Int, count: Int, to sink: inout Sink
    ) throws(BoltFileError) where Sink.Piece == Piece {
        let elements = levels[number].elements[..<count]
        let key = elements[0].key
        let size = elements.reduce(BoltFormat.pageHeaderSize) { $0 + $1.size }
        let page = try sink.write(branch: elements, size: size)
        levels[number].elements.removeFirst(count)
        levels[number].size -= size - BoltFormat.pageHeaderSize
        levels[number].cut = nil
        try add(BranchElement(key: key, page: page), level: number + 1, to: &sink)
    }
}
