// SPDX-License-Identifier: Apache-2.0

/// The second of the two passes that write a file: takes the entries and gives the file's bytes from first to last, so
/// that they can be sent while they are made.
///
/// Two passes, because the head of the file names its root page and its length while both are known only at the end:
///
///     var plan = BoltPlan()                       var writer = BoltWriter(layout: layout)
///     try plan.beginBucket(name)                  try writer.beginBucket(name)
///     try plan.add(keyLength:valueLength:) ...    try writer.add(key:value:) ...; send(writer.takeOutput()) ...
///     let layout = try plan.finish()              try writer.finish(); send(writer.takeOutput())
///
/// Whoever takes the output after each call needs memory for one branch of the tree and the largest entry; the time for
/// the whole file is O(its bytes). The same calls give the same bytes.
///
/// Errors: `invalidEntry` for keys that do not rise, are empty or too long; `planDiffers` as soon as the entries need
/// other pages than were counted. After an error the output is worthless.
package struct BoltWriter: Sendable {
    private let layout: BoltLayout
    private var builder: BoltBuilder<PageWriter>
    private var lastKey: [UInt8] = []

    package init(layout: BoltLayout) {
        self.layout = layout
        builder = BoltBuilder(sink: PageWriter(layout: layout))
    }

    /// Bytes that `takeOutput` would give now.
    package var outputCount: Int { builder.sink.output.count }

    /// The bytes that follow those taken before. O(1).
    package mutating func takeOutput() -> [UInt8] {
        let output = builder.sink.output
        builder.sink.output = []
        return output
    }

    /// Bucket names rise strictly. A bucket ends where the next begins.
    package mutating func beginBucket(_ name: [UInt8]) throws(BoltFileError) {
        lastKey = []
        try builder.beginBucket(name: name, piece: name) { $0 }
    }

    /// Keys rise strictly inside a bucket.
    package mutating func add(key: [UInt8], value: [UInt8]) throws(BoltFileError) {
        guard lastKey.lexicographicallyPrecedes(key) else {
            throw BoltFileError(.invalidEntry, "a key is empty or not above the one before it")
        }
        lastKey = key
        try builder.add(key: key, value: value)
    }

    package mutating func finish() throws(BoltFileError) {
        let root = try builder.finish { $0 }
        guard root == layout.rootPage, builder.sink.nextPage == layout.pageCount else {
            throw BoltFileError(.planDiffers, "the entries end at other pages than were counted")
        }
    }
}

/// Lays pages out as bytes.
private struct PageWriter: BoltPageSink {
    let pageCount: UInt64
    var nextPage = BoltFormat.firstTreePage
    var output: [UInt8] = []

    init(layout: BoltLayout) {
        pageCount = layout.pageCount
        for page in [UInt64(0), 1] {
            let meta = BoltMeta(
                pageSize: BoltFormat.pageSize, rootPage: layout.rootPage, freeListPage: BoltFormat.freeListPage,
                pageCount: layout.pageCount, transaction: page)
            output.append(contentsOf: meta.encoded(page: page))
        }
        appendHeader(page: BoltFormat.freeListPage, kind: BoltFormat.freeListKind, count: 0, overflow: 0)
        pad(to: 3 * BoltFormat.pageSize)
    }

    mutating func write(leaf elements: [LeafElement<[UInt8]>], size: Int) throws(BoltFileError) -> UInt64 {
        let end = output.count + pages(toHold: size) * BoltFormat.pageSize
        let page = try begin(kind: BoltFormat.leafKind, count: elements.count, size: size)
        var position = elements.count * BoltFormat.elementSize
        for element in elements {
            output.append(littleEndian: element.isBucket ? BoltFormat.bucketFlag : UInt32(0))
            output.append(littleEndian: UInt32(position))
            output.append(littleEndian: UInt32(element.key.count))
            output.append(littleEndian: UInt32(element.value.count))
            position += element.key.count + element.value.count - BoltFormat.elementSize
        }
        for element in elements {
            output.append(contentsOf: element.key)
            output.append(contentsOf: element.value)
        }
        pad(to: end)
        return page
    }

    mutating func write(
        branch elements: ArraySlice<BranchElement<[UInt8]>>, size: Int
    ) throws(BoltFileError) -> UInt64 {
        let end = output.count + pages(toHold: size) * BoltFormat.pageSize
        let page = try begin(kind: BoltFormat.branchKind, count: elements.count, size: size)
        var position = elements.count * BoltFormat.elementSize
        for element in elements {
            output.append(littleEndian: UInt32(position))
            output.append(littleEndian: UInt32(element.key.count))
            output.append(littleEndian: element.page)
            position += element.key.count - BoltFormat.elementSize
        }
        for element in elements {
            output.append(contentsOf: element.key)
        }
        pad(to: end)
        return page
    }

    private mutating func begin(kind: UInt16, count: Int, size: Int) throws(BoltFileError) -> UInt64 {
        let page = nextPage
        let length = pages(toHold: size)
        nextPage += UInt64(length)
        guard nextPage <= pageCount else {
            throw BoltFileError(.planDiffers, page: page, "the entries need more pages than were counted")
        }
        appendHeader(page: page, kind: kind, count: UInt16(count), overflow: UInt32(length - 1))
        return page
    }

    private mutating func appendHeader(page: UInt64, kind: UInt16, count: UInt16, overflow: UInt32) {
        output.append(littleEndian: page)
        output.append(littleEndian: kind)
        output.append(littleEndian: count)
        output.append(littleEndian: overflow)
    }

    private mutating func pad(to end: Int) {
        output.append(contentsOf: repeatElement(0, count: end - output.count))
    }
}
