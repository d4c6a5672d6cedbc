// SPDX-License-Identifier: Apache-2.0

/// A meta page: where the trees begin and how far the file is in use. The layout is drawn in BoltFormat.swift.
package struct BoltMeta: Hashable, Sendable {
    package var pageSize: Int
    /// Root page of the root bucket.
    package var rootPage: UInt64
    /// Page of the free list, or nil if it was not written.
    package var freeListPage: UInt64?
    /// The number of pages in use.
    package var pageCount: UInt64
    package var transaction: UInt64

    package init(
        pageSize: Int, rootPage: UInt64, freeListPage: UInt64?, pageCount: UInt64, transaction: UInt64
    ) {
        self.pageSize = pageSize
        self.rootPage = rootPage
        self.freeListPage = freeListPage
        self.pageCount = pageCount
        self.transaction = transaction
    }

    /// From the first 80 bytes of a meta page; nil unless magic, version, checksum and page size are right.
    init?(page bytes: [UInt8]) {
        guard bytes.count >= BoltFormat.metaEnd,
            bytes.uint32(at: 16) == BoltFormat.magic,
            bytes.uint32(at: 20) == BoltFormat.version,
            bytes.uint64(at: BoltFormat.checksumOffset)
                == fowlerNollVo(bytes[BoltFormat.pageHeaderSize..<BoltFormat.checksumOffset])
        else { return nil }
        let size = Int(bytes.uint32(at: 24))
        guard size.nonzeroBitCount == 1, Self.pageSizes.contains(size) else { return nil }
        pageSize = size
        rootPage = bytes.uint64(at: 32)
        let freeList = bytes.uint64(at: 48)
        freeListPage = freeList == .max ? nil : freeList
        pageCount = bytes.uint64(at: 56)
        transaction = bytes.uint64(at: 64)
    }

    /// What bbolt looks for: a machine's memory page, from the smallest to the largest there is.
    static let pageSizes = 1024...(1 << 24)

    /// One whole page.
    func encoded(page: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(pageSize)
        bytes.append(littleEndian: page)
        bytes.append(littleEndian: BoltFormat.metaKind)
        bytes.append(littleEndian: UInt16(0))
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: BoltFormat.magic)
        bytes.append(littleEndian: BoltFormat.version)
        bytes.append(littleEndian: UInt32(pageSize))
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: rootPage)
        bytes.append(littleEndian: UInt64(0))
        bytes.append(littleEndian: freeListPage ?? .max)
        bytes.append(littleEndian: pageCount)
        bytes.append(littleEndian: transaction)
        bytes.append(littleEndian: fowlerNollVo(bytes[BoltFormat.pageHeaderSize..<BoltFormat.checksumOffset]))
        bytes.append(contentsOf: repeatElement(0, count: pageSize - bytes.count))
        return bytes
    }
}
