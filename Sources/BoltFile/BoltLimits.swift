// SPDX-License-Identifier: Apache-2.0

/// What a reader accepts. Beyond it stands `BoltFileError.Code.tooLarge`.
package struct BoltLimits: Hashable, Sendable {
    /// Bytes of a page with its overflow: the reader's largest allocation. bbolt does not split a leaf of four entries,
    /// and etcd takes no request above some megabytes, so this holds every file of an etcd configured with sense.
    package var pageBytes = 256 << 20

    /// Pages of a file: the reader remembers a bit for each, 32 MiB at this limit. With pages of 4 KiB it is a file of
    /// 1 TiB; etcd warns above 8 GiB.
    package var pages: UInt64 = 1 << 28

    /// Pages from a bucket's root to a leaf. With two children a branch it would hold 2^32 leaves.
    package var depth = 32

    package init() {}
}
