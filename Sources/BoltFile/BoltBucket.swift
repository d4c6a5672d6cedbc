// SPDX-License-Identifier: Apache-2.0

/// Where a bucket's entries are: in pages of their own, or in the value that stands for the bucket.
package struct BoltBucket: Hashable, Sendable {
    enum Place: Hashable, Sendable {
        case pages(root: UInt64)
        /// `page` contains the value. The value begins with the bucket's header.
        case inline(value: [UInt8], page: UInt64)
    }

    let place: Place
    /// A number that the bucket's owner may count up. etcd does not use it.
    package let sequence: UInt64

    init(root: UInt64) {
        place = .pages(root: root)
        sequence = 0
    }

    /// From a leaf element's value in `page`.
    init(value: [UInt8], page: UInt64) throws(BoltFileError) {
        guard value.count >= BoltFormat.bucketHeaderSize else {
            throw BoltFileError(.damaged, page: page, "a bucket's header has \(value.count) bytes")
        }
        let root = value.uint64(at: 0)
        sequence = value.uint64(at: 8)
        guard root == 0 else {
            place = .pages(root: root)
            return
        }
        guard value.count >= BoltFormat.bucketHeaderSize + BoltFormat.pageHeaderSize else {
            throw BoltFileError(.damaged, page: page, "an inline bucket has \(value.count) bytes")
        }
        place = .inline(value: value, page: page)
    }
}

/// One entry of a bucket.
package struct BoltEntry: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        case value([UInt8])
        case bucket(BoltBucket)
    }

    package var key: [UInt8]
    package var content: Content
    /// The page that holds it.
    package var page: UInt64
}
