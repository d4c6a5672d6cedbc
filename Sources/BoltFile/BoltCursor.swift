// SPDX-License-Identifier: Apache-2.0

/// Goes through a bucket's entries in key order, once.
///
/// Keeps the pages from the root to the present leaf. Checks on its way that keys rise strictly, that each child's keys
/// lie in the interval its parent gives it, and that no page comes twice. After an error it is at its end.
package struct BoltCursor<Image: BoltImage>: Sendable {
    private struct Frame {
        var page: BoltPage
        var next = 0
        /// Keys of this page are not below it...
        var lower: [UInt8]
        /// ...and below this one, if there is one.
        var upper: [UInt8]?
    }

    private let pages: BoltPages<Image>
    private(set) var visited: PageSet
    private var start: BoltBucket?
    private var path: [Frame] = []
    private var last: [UInt8] = []

    init(pages: BoltPages<Image>, bucket: BoltBucket, visited: PageSet) {
        self.pages = pages
        self.visited = visited
        start = bucket
    }

    /// The next entry, or nil at the end. O(log n) pages at most, O(1) amortised.
    package mutating func next() throws(BoltFileError) -> BoltEntry? {
        do {
            return try advance()
        } catch {
            path = []
            throw error
        }
    }

    private mutating func advance() throws(BoltFileError) -> BoltEntry? {
        if let bucket = start {
            start = nil
            try open(bucket)
        }
        while let depth = path.indices.last {
            let index = path[depth].next
            guard index < path[depth].page.count else {
                path.removeLast()
                continue
            }
            path[depth].next = index + 1
            if path[depth].page.isLeaf { return try entry(index, in: path[depth]) }
            let child = try child(index, of: path[depth])
            guard path.count < pages.limits.depth else {
                throw BoltFileError(.tooLarge, page: child.page.number, "is \(path.count) pages below its root")
            }
            path.append(child)
        }
        return nil
    }

    private mutating func open(_ bucket: BoltBucket) throws(BoltFileError) {
        switch bucket.place {
        case .pages(let root):
            path = [Frame(page: try pages.page(root, visited: &visited), lower: [], upper: nil)]
        case .inline(let value, let number):
            let page = try BoltPage(bytes: value, start: BoltFormat.bucketHeaderSize, number: number)
            guard page.isLeaf else {
                throw BoltFileError(.damaged, page: number, "holds an inline bucket that is no leaf")
            }
            path = [Frame(page: page, lower: [], upper: nil)]
        }
    }

    private mutating func entry(_ index: Int, in frame: Frame) throws(BoltFileError) -> BoltEntry {
        let number = frame.page.number
        let (isBucket, key, value) = try frame.page.leafElement(index)
        try check(key, in: frame, index: index)
        guard last.lexicographicallyPrecedes(key) else {
            throw BoltFileError(.damaged, page: number, "the key of element \(index) is not above the one before it")
        }
        last = key
        let content: BoltEntry.Content =
            isBucket ? .bucket(try BoltBucket(value: value, page: number)) : .value(value)
        return BoltEntry(key: key, content: content, page: number)
    }

    private mutating func child(_ index: Int, of frame: Frame) throws(BoltFileError) -> Frame {
        let (key, number) = try frame.page.branchElement(index)
        try check(key, in: frame, index: index)
        var upper = frame.upper
        if index + 1 < frame.page.count {
            let next = try frame.page.branchElement(index + 1).key
            guard key.lexicographicallyPrecedes(next) else {
                throw BoltFileError(
                    .damaged, page: frame.page.number, "the key of element \(index + 1) is not above the one before it")
            }
            upper = next
        }
        return Frame(page: try pages.page(number, visited: &visited), lower: key, upper: upper)
    }

    private func check(_ key: [UInt8], in frame: Frame, index: Int) throws(BoltFileError) {
        if key.lexicographicallyPrecedes(frame.lower) {
            throw BoltFileError(
                .damaged, page: frame.page.number, "the key of element \(index) is below what its parent says")
        }
        if let upper = frame.upper, !key.lexicographicallyPrecedes(upper) {
            throw BoltFileError(
                .damaged, page: frame.page.number, "the key of element \(index) is above what its parent says")
        }
    }
}
