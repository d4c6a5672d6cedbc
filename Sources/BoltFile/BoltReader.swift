// SPDX-License-Identifier: Apache-2.0

/// A bbolt file opened for reading. The format is drawn in BoltFormat.swift.
///
/// Nothing in a file is believed: every number is checked before it is used, no page is read twice in one walk, depth
/// and allocations have limits. A damaged or hostile file gives a `BoltFileError` that names page and reason. bbolt has
/// no checksum but the metas', so damage inside a value can't be seen here.
///
/// Memory is one branch of the tree and a bit for each page of the file; time for a walk is O(bytes of its pages).
package struct BoltReader<Image: BoltImage>: Sendable {
    package let meta: BoltMeta
    private let pages: BoltPages<Image>

    /// Reads the metas. O(1).
    ///
    /// Errors: `notBolt`, `truncated`, `tooLarge`, and what the image throws.
    package init(_ image: Image, limits: BoltLimits = BoltLimits()) throws(BoltFileError) {
        guard let meta = try Self.newestMeta(image) else {
            throw BoltFileError(.notBolt, "neither meta page is valid: this is no bbolt file, or its head is damaged")
        }
        guard meta.pageCount > 2 else {
            throw BoltFileError(.damaged, page: meta.transaction % 2, "counts only \(meta.pageCount) pages")
        }
        guard meta.pageCount <= limits.pages else {
            throw BoltFileError(.tooLarge, page: meta.transaction % 2, "counts \(meta.pageCount) pages")
        }
        guard meta.pageCount <= image.byteCount / UInt64(meta.pageSize) else {
            throw BoltFileError(
                .truncated, page: meta.transaction % 2,
                "counts \(meta.pageCount) pages of \(meta.pageSize) bytes, but the file has \(image.byteCount) bytes")
        }
        self.meta = meta
        pages = BoltPages(image: image, pageSize: meta.pageSize, pageCount: meta.pageCount, limits: limits)
    }

    /// The named buckets.
    package var root: BoltBucket { BoltBucket(root: meta.rootPage) }

    /// A bucket's entries from the first to the last.
    package func cursor(in bucket: BoltBucket) -> BoltCursor<Image> {
        BoltCursor(pages: pages, bucket: bucket, visited: PageSet(pageCount: pages.pageCount))
    }

    /// The same, with the pages that `other` has come to counted as read: for a walk over several buckets that reads no
    /// page twice, so that buckets which share pages can't multiply its work.
    package func cursor(in bucket: BoltBucket, after other: BoltCursor<Image>) -> BoltCursor<Image> {
        BoltCursor(pages: pages, bucket: bucket, visited: other.visited)
    }

    /// The named bucket, or nil if there is none. Walks the root bucket.
    package func bucket(named name: [UInt8]) throws(BoltFileError) -> BoltBucket? {
        var cursor = cursor(in: root)
        while let entry = try cursor.next() {
            if case .bucket(let bucket) = entry.content, entry.key == name { return bucket }
        }
        return nil
    }

    /// The valid meta with the higher transaction. The second meta's place depends on the page size: where the first
    /// one can't tell it, all sizes are tried.
    private static func newestMeta(_ image: Image) throws(BoltFileError) -> BoltMeta? {
        let first = try meta(image, offset: 0)
        var sizes = first.map { [$0.pageSize] } ?? []
        if first == nil {
            var size = BoltMeta.pageSizes.lowerBound
            while BoltMeta.pageSizes.contains(size) {
                sizes.append(size)
                size *= 2
            }
        }
        for size in sizes {
            guard let second = try meta(image, offset: UInt64(size)), second.pageSize == size else { continue }
            guard let first, first.transaction > second.transaction else { return second }
        }
        return first
    }

    private static func meta(_ image: Image, offset: UInt64) throws(BoltFileError) -> BoltMeta? {
        guard offset + UInt64(BoltFormat.metaEnd) <= image.byteCount else { return nil }
        return BoltMeta(page: try image.read(offset: offset, count: BoltFormat.metaEnd))
    }
}
