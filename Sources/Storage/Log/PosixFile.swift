// SPDX-License-Identifier: Apache-2.0

import CMartletPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Calls whose names methods would hide.
enum PosixCalls {
    static func open(_ path: String, _ flags: Int32, _ mode: mode_t = 0) -> Int32 {
        var result: Int32
        repeat {
            #if canImport(Glibc)
            result = Glibc.open(path, flags, mode)
            #elseif canImport(Musl)
            result = Musl.open(path, flags, mode)
            #else
            result = Darwin.open(path, flags, mode)
            #endif
        } while result < 0 && errno == EINTR
        return result
    }

    static func close(_ descriptor: Int32) {
        #if canImport(Glibc)
        _ = Glibc.close(descriptor)
        #elseif canImport(Musl)
        _ = Musl.close(descriptor)
        #else
        _ = Darwin.close(descriptor)
        #endif
    }

    static func rename(_ path: String, _ newPath: String) -> Int32 {
        #if canImport(Glibc)
        Glibc.rename(path, newPath)
        #elseif canImport(Musl)
        Musl.rename(path, newPath)
        #else
        Darwin.rename(path, newPath)
        #endif
    }
}

enum PosixFailure {
    /// The error of the call that just failed; it must be the first thing done after it.
    static func error(_ what: String) -> StorageError {
        error(what, errno)
    }

    static func error(_ what: String, _ number: Int32) -> StorageError {
        let code: StorageError.Code = number == ENOSPC || number == EDQUOT ? .noSpace : .inputOutput
        return StorageError(code, "\(what): \(String(cString: strerror(number)))", systemError: number)
    }
}

/// A descriptor that closes once.
final class PosixDescriptor: Sendable {
    /// -1 when closed.
    private let number: Atomic<Int32>

    init(_ number: Int32) {
        self.number = Atomic(number)
    }

    var value: Int32 { number.load(ordering: .relaxed) }

    func close() {
        let number = number.exchange(-1, ordering: .relaxed)
        if number >= 0 { PosixCalls.close(number) }
    }

    deinit {
        close()
    }
}

final class PosixFolderLock: LogFolderLock {
    private let descriptor: PosixDescriptor

    init(_ descriptor: Int32) {
        self.descriptor = PosixDescriptor(descriptor)
    }

    /// A lock of this kind belongs to the open folder, of which a process that is just being started may hold a copy
    /// for a moment longer: closing alone would leave it locked until then.
    func unlock() {
        let number = descriptor.value
        if number >= 0 { _ = flock(number, LOCK_UN) }
        descriptor.close()
    }
}

final class PosixFile: LogFile {
    private let descriptor: PosixDescriptor
    /// As it was opened: for messages.
    private let path: String

    init(_ descriptor: Int32, _ path: String) {
        self.descriptor = PosixDescriptor(descriptor)
        self.path = path
    }

    func size() throws(StorageError) -> Int {
        let bytes = martlet_file_size(descriptor.value)
        guard bytes >= 0 else { throw PosixFailure.error("asking the size of \(path)") }
        return Int(bytes)
    }

    func readAll() throws(StorageError) -> [UInt8] {
        let size = try size()
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            // `pread` writes at most the bytes that are left, behind those that it has written.
            while count < size {
                let result = pread(descriptor.value, buffer.baseAddress.map { $0 + count }, size - count, off_t(count))
                if result == 0 { break }
                if result > 0 {
                    count += result
                } else if errno != EINTR {
                    failure = errno
                    break
                }
            }
        }
        guard failure == 0 else { throw PosixFailure.error("reading \(path)", failure) }
        return bytes
    }

    func write(_ bytes: RawSpan, at offset: Int) throws(StorageError) {
        let failure: Int32 = bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return 0 }
            var done = 0
            // `pwrite` reads at most the bytes that are left, behind those that it has taken.
            while done < buffer.count {
                let result = pwrite(descriptor.value, base + done, buffer.count - done, off_t(offset + done))
                if result > 0 {
                    done += result
                } else if result == 0 {
                    return EIO
                } else if errno != EINTR {
                    return errno
                }
            }
            return 0
        }
        guard failure == 0 else { throw PosixFailure.error("writing \(path)", failure) }
    }

    func preallocate(_ size: Int) throws(StorageError) {
        let failure = martlet_preallocate(descriptor.value, Int64(size))
        if failure == EOPNOTSUPP || failure == ENOTSUP {
            if try self.size() < size { try truncate(to: size) }
            return
        }
        guard failure == 0 else { throw PosixFailure.error("reserving \(path)", failure) }
    }

    func truncate(to size: Int) throws(StorageError) {
        guard ftruncate(descriptor.value, off_t(size)) == 0 else { throw PosixFailure.error("cutting \(path)") }
    }

    func sync() throws(StorageError) {
        let failure = martlet_fdatasync(descriptor.value)
        guard failure == 0 else { throw PosixFailure.error("syncing \(path)", failure) }
    }

    func close() {
        descriptor.close()
    }
}
