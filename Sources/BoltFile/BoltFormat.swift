// SPDX-License-Identifier: Apache-2.0

/// The numbers of the bbolt file format, version 2.
///
/// A file is a row of pages of one size (the writing machine's memory page, 4096 nearly everywhere); page `n` begins at
/// byte `n × size`. All numbers are little-endian. Every page, or run of pages, begins with a header of 16 bytes:
///
///     0  8  page number: the page's own, as a check
///     8  2  kind: 0x01 branch, 0x02 leaf, 0x04 meta, 0x10 free list
///    10  2  count of elements
///    12  4  overflow: how many further pages belong to this run (content larger than a page)
///
/// Pages 0 and 1 are metas. After the header each holds
///
///    16  4  magic 0xED0CDAED          20  4  version 2
///    24  4  page size                 28  4  flags, 0
///    32  8  root page of the root bucket
///    40  8  sequence of the root bucket
///    48  8  page of the free list, or all ones if it was not written
///    56  8  high water: the number of pages in use; every page number is below it
///    64  8  transaction: the meta with the higher one is the file's state
///    72  8  FNV-1a (64 bits) of bytes 16 up to 72
///
/// A commit writes the meta whose turn it is, so a torn one leaves the other. A meta is valid when magic, version and
/// checksum are right. The reader takes the valid one with the higher transaction, as bbolt does.
///
/// A bucket is a B+ tree. Its branch pages hold elements of 16 bytes and then the keys; its leaf pages hold elements of
/// 16 bytes and then keys and values, each value right after its key:
///
///     branch element                          leaf element
///     0  4  position of the key               0  4  flags: 1 = the value is a bucket
///     4  4  length of the key                 4  4  position of the key
///     8  8  page of the child                 8  4  length of the key
///                                            12  4  length of the value
///
/// Positions count from the element's own first byte. Keys rise strictly through the whole tree. A branch element's key
/// is the child's first key. bbolt, when it deletes, requires that each branch page has two children or more; a single
/// leaf needs no branch above it.
///
/// The root bucket's entries are the named buckets. A bucket's value is a header of 16 bytes (root page, sequence). If
/// the root page is 0, the bucket is inline: a leaf page without overflow follows the header within the same value.
///
/// The free list page counts pages that no tree uses, 8 bytes each. A file that was written in one go has none.
package enum BoltFormat {
    package static let magic: UInt32 = 0xED0C_DAED
    package static let version: UInt32 = 2
    /// What this library writes. It reads every power of two that bbolt writes.
    package static let pageSize = 4096

    /// bbolt's own limits: longer ones its reader can't address.
    package static let longestKey = 32_768
    package static let longestValue = (1 << 31) - 2

    static let pageHeaderSize = 16
    static let elementSize = 16
    static let bucketHeaderSize = 16
    static let metaEnd = 80
    static let checksumOffset = 72

    static let branchKind: UInt16 = 0x01
    static let leafKind: UInt16 = 0x02
    static let metaKind: UInt16 = 0x04
    static let freeListKind: UInt16 = 0x10

    /// In a leaf element's flags.
    static let bucketFlag: UInt32 = 0x01

    /// Two metas and the free list stand before the first page of a tree.
    static let firstTreePage: UInt64 = 3
    static let freeListPage: UInt64 = 2
}

/// FNV-1a, 64 bits. Its product wraps by definition.
func fowlerNollVo(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes {
        hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }
    return hash
}
