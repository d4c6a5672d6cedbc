// SPDX-License-Identifier: Apache-2.0

/// What a file's head must say about the rest: known once every entry's lengths are.
package struct BoltLayout: Hashable, Sendable {
    package var rootPage: UInt64
    /// The number of pages of the whole file.
    package var pageCount: UInt64

    /// The length of the whole file.
    package var byteCount: UInt64 { pageCount * UInt64(BoltFormat.pageSize) }

    package init(rootPage: UInt64, pageCount: UInt64) {
        self.rootPage = rootPage
        self.pageCount = pageCount
    }
}

/// The first of the two passes that write a file: counts its pages from the lengths of its keys and values.
///
/// The calls must be those that `BoltWriter` gets afterwards, in the same order. O(1) amortised time for each entry;
/// memory as for one branch of the tree, whatever the number of entries.
package struct BoltPlan: Sendable {
    private var builder = BoltBuilder(sink: PageCounter())

    package init() {}

    /// Bucket names rise strictly. A bucket ends where the next begins.
    package mutating func beginBucket(_ name: [UInt8]) throws(BoltFileError) {
        try builder.beginBucket(name: name, piece: PieceLength(count: name.count)) { PieceLength(count: $0.count) }
    }

    package mutating func add(keyLength: Int, valueLength: Int) throws(BoltFileError) {
        try builder.add(key: PieceLength(count: keyLength), value: PieceLength(count: valueLength))
    }

    package mutating func finish() throws(BoltFileError) -> BoltLayout {
        let root = try builder.finish { PieceLength(count: $0.count) }
        return BoltLayout(rootPage: root, pageCount: builder.sink.pageCount)
    }
}

/// Numbers pages in the order in which they are finished.
private struct PageCounter: BoltPageSink {
    var pageCount = BoltFormat.firstTreePage

    mutating func write(leaf elements: [LeafElement<PieceLength>], size: Int) -> UInt64 { count(size) }

    mutating func write(branch elements: ArraySlice<BranchElement<PieceLength>>, size: Int) -> UInt64 { count(size) }

    private mutating func count(_ size: Int) -> UInt64 {
        let page = pageCount
        pageCount += UInt64(pages(toHold: size))
        return page
    }
}

/// How many pages a run needs.
func pages(toHold size: Int) -> Int {
    (size + BoltFormat.pageSize - 1) / BoltFormat.pageSize
}
