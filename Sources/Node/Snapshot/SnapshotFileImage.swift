// SPDX-License-Identifier: Apache-2.0

import CMartletPosix
package import MartletBoltFile

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A file on disk, read piece by piece: what is not asked for is not in memory. All calls block.
package final class SnapshotFileImage: BoltImage {
    /// Its length when it was opened.
    package let byteCount: UInt64
    private let path: String
    private let descriptor: Int32

    /// - Throws: `.file`, with the message that etcd's tools give.
    package init(path: String) throws(SnapshotError) {
        self.path = path
        #if canImport(Glibc)
        descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        #elseif canImport(Musl)
        descriptor = Musl.open(path, O_RDONLY | O_CLOEXEC)
        #else
        descriptor = Darwin.open(path, O_RDONLY | O_CLOEXEC)
        #endif
        guard descriptor >= 0 else {
            throw SnapshotError(.file, "open \(path): \(Self.text(errno))")
        }
        let size = martlet_file_size(descriptor)
        guard size >= 0 else {
            let number = errno
            close(descriptor)
            throw SnapshotError(.file, "stat \(path): \(Self.text(number))")
        }
        byteCount = UInt64(size)
    }

    /// The same file as it is now: it may have grown.
    init(reopening other: SnapshotFileImage) throws(SnapshotError) {
        path = other.path
        descriptor = fcntl(other.descriptor, F_DUPFD_CLOEXEC, 0)
        guard descriptor >= 0 else { throw SnapshotError(.file, "open \(path): \(Self.text(errno))") }
        let size = martlet_file_size(descriptor)
        guard size >= 0 else {
            let number = errno
            close(descriptor)
            throw SnapshotError(.file, "stat \(path): \(Self.text(number))")
        }
        byteCount = UInt64(size)
    }

    deinit {
        close(descriptor)
    }

    package func read(offset: UInt64, count: Int) throws(BoltFileError) -> [UInt8] {
        guard count >= 0, offset <= byteCount, UInt64(count) <= byteCount - offset else {
            throw BoltFileError(.readFailed, "\(count) bytes at \(offset) are outside the \(byteCount) of \(path)")
        }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            // `pread` writes at most the bytes that are left, behind those that it has written.
            while done < count {
                let place = off_t(offset) + off_t(done)
                let result = pread(descriptor, buffer.baseAddress.map { $0 + done }, count - done, place)
                if result == 0 { break }
                if result > 0 {
                    done += result
                } else if errno != EINTR {
                    failure = errno
                    break
                }
            }
        }
        guard failure == 0 else { throw BoltFileError(.readFailed, "read \(path): \(Self.text(failure))") }
        guard bytes.count == count else { throw BoltFileError(.readFailed, "\(path) has become shorter") }
        return bytes
    }

    /// As Go spells the system's errors: its first letter is small.
    private static func text(_ number: Int32) -> String {
        let text = String(cString: strerror(number))
        return text.prefix(1).lowercased() + text.dropFirst()
    }
}
