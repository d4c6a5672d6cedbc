// SPDX-License-Identifier: Apache-2.0

import CMartletLMDB
package import MartletBasics

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Why tables could not be opened, read or written.
///
/// Whatever a write throws, nothing of it is in the tables, and unless it is `failed` the same write may be tried
/// again.
package enum TablesError: Error, Hashable, Sendable {
    /// The reserved address space is used up. `growMap` helps.
    case mapFull
    /// The disk, the quota or the file size limit leaves no room.
    case noSpace
    /// A stored value is not what was written there.
    case damagedValue(TableKey)
    /// The file is none of ours, or so damaged that it can't be opened.
    case damagedFile(String)
    /// A format that this version doesn't know.
    case unsupportedFormat(UInt32)
    /// A read went on beyond its deadline. What it has seen is good; it may begin anew.
    case readerExpired
    /// More reads at once than `Configuration.maximumReaders`.
    case tooManyReaders
    /// Reads did not end in time for the file to be replaced. The old file stays.
    case readersStayed
    /// A write holds more than one transaction can.
    case transactionTooLarge
    /// An earlier error left the file in a state that only opening it anew can tell. Nothing more can be written.
    case failed
    /// Any other error of the system, with its `errno`.
    case system(operation: String, code: Int32)
}

extension TablesError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .mapFull: "the reserved address space is used up"
        case .noSpace: "there is no room on the disk"
        case .damagedValue(let key): "the value of \(key) is not what was written there"
        case .damagedFile(let what): "the file is damaged, or none of ours (\(what))"
        case .unsupportedFormat(let version): "the file has the format \(version), which this version doesn't know"
        case .readerExpired: "a read took too long"
        case .tooManyReaders: "there are too many reads at once"
        case .readersStayed: "reads did not end in time"
        case .transactionTooLarge: "a write is larger than a transaction can be"
        case .failed: "an earlier error has left the file unusable until the next start"
        case .system(let operation, let code): "\(operation): \(String(cString: strerror(code)))"
        }
    }
}

extension TablesError {
    /// - Parameter code: what a function of LMDB answered: its own negative code, or an `errno`.
    init(_ operation: String, _ code: Int32) {
        switch code {
        case MDB_MAP_FULL: self = .mapFull
        case MDB_TXN_FULL, MDB_CURSOR_FULL: self = .transactionTooLarge
        case MDB_READERS_FULL: self = .tooManyReaders
        case MDB_PANIC: self = .failed
        case MDB_INVALID, MDB_VERSION_MISMATCH, MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INCOMPATIBLE:
            self = .damagedFile("\(operation): \(String(cString: mdb_strerror(code)))")
        case ENOSPC, EDQUOT, EFBIG: self = .noSpace
        default: self = .system(operation: operation, code: code)
        }
    }

    /// Throws unless the code is success.
    @inline(__always)
    static func check(_ operation: @autoclosure () -> String, _ code: Int32) throws(TablesError) {
        if code != MDB_SUCCESS { throw TablesError(operation(), code) }
    }
}
