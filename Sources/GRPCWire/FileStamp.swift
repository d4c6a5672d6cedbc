// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What tells one version of a file from another.
package struct FileStamp: Equatable, Sendable {
    private var seconds: Int
    private var nanoseconds: Int
    private var size: Int64
    private var inode: UInt64

    /// `nil` where there is no such file.
    package init?(path: String) {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        #if canImport(Darwin)
        self.seconds = info.st_mtimespec.tv_sec
        self.nanoseconds = info.st_mtimespec.tv_nsec
        #else
        self.seconds = info.st_mtim.tv_sec
        self.nanoseconds = info.st_mtim.tv_nsec
        #endif
        self.size = Int64(info.st_size)
        self.inode = UInt64(info.st_ino)
    }
}
