// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
package import MartletWALCodec

/// A log that was read and left as it is.
package struct LogReading: Sendable {
    package var recovery: WALRecovery
    /// The segments read, ascending.
    package var segments: [WALSegmentName]
    /// Where the last one's records end, and the checksum there.
    package var offset: Int
    package var chain: UInt32
    /// Set if the last write was torn; nothing was repaired.
    package var torn: LogRepair?
    /// What no barrier says was synced: the last write, up to `offset`.
    var lastWrite: [UInt8]
    /// Up to here a barrier says that the last segment was synced.
    package var syncedOffset: Int { offset - lastWrite.count }
}

extension LogFolder {
    /// Opens the log for appending, and gives all entries behind `after`, which must be covered by a checkpoint.
    ///
    /// - Throws: `.missing`, `.locked`, `.missingSegment`, `.corrupt`, or what the disk says. A log that is refused is
    ///   left as it was.
    package func open(after: LogIndex = LogIndex(0), source: MakeSource) throws(StorageError) -> OpenedLog {
        guard try exists else { throw StorageError(.missing, "there is no log in \(path)") }
        let lock = try files.lock(folder: path)
        do throws(StorageError) {
            return try open(after: after, lock: lock, source: source)
        } catch {
            lock.unlock()
            throw error
        }
    }

    private func open(
        after: LogIndex, lock: any LogFolderLock, source: MakeSource
    ) throws(StorageError) -> OpenedLog {
        let names = try files.names(in: path)
        let reading = try read(after: after)
        for name in names where name.hasSuffix(".tmp") { try files.remove("\(path)/\(name)") }
        guard let last = reading.segments.last, let metadata = reading.recovery.metadata else {
            throw StorageError(.missingSegment, "there is no segment in \(path)")
        }
        let file = try files.open("\(path)/\(last)")
        if reading.torn != nil { try clear(file, from: reading.offset) }
        // The process before may have ended between a write and its sync, or a rename and its folder's. Or the sync
        // failed: then the system may take for clean what never reached the disk, so that it has to be written again.
        try file.write(reading.lastWrite.span.bytes, at: reading.offset - reading.lastWrite.count)
        try file.sync()
        try files.syncFolder(path)
        try files.syncFolder(parent)
        // Before the source: what it starts would outlive a failure here.
        let segments = try segments()
        let size = try file.size()
        let head = LogHead(lastIndex: reading.recovery.lastIndex, hardState: reading.recovery.hardState)
        let appender = LogAppender(
            files: files, folder: path, configuration: configuration, source: try source(self), lock: lock,
            metadata: metadata, segments: segments, file: file, size: size, offset: reading.offset, head: head,
            chain: reading.chain)
        return OpenedLog(recovery: reading.recovery, repair: reading.torn, appender: appender)
    }

    /// Zeroes, not a shorter file: the space stays reserved. A crash in here leaves a tail that is still torn.
    private func clear(_ file: any LogFile, from offset: Int) throws(StorageError) {
        let size = try file.size()
        let zeroes = [UInt8](repeating: 0, count: min(configuration.zeroBytes, max(size - offset, 0)))
        var place = offset
        while place < size {
            let count = min(zeroes.count, size - place)
            try file.write(zeroes.span.bytes.extracting(0..<count), at: place)
            place += count
        }
    }

    /// Reads the log without touching or locking it.
    package func read(after: LogIndex = LogIndex(0)) throws(StorageError) -> LogReading {
        let segments = try wanted(segments(), after: after)
        var recovery = WALRecovery(after: after)
        var chain: UInt32?
        var reading: LogReading?
        for (number, segment) in segments.enumerated() {
            let file = try files.open("\(path)/\(segment)")
            defer { file.close() }
            let isLast = number == segments.count - 1
            var decoder = WALDecoder(segment, bytes: try file.readAll(), chain: chain, isLast: isLast)
            do throws(WALCorruption) {
                let isTorn = try recovery.read(&decoder)
                if isLast { try recovery.finish(decoder) }
                chain = decoder.chain
                reading = LogReading(
                    recovery: recovery, segments: segments, offset: decoder.offset, chain: decoder.chain ?? 0,
                    torn: isTorn ? Self.tornTail(decoder) : nil,
                    lastWrite: isLast ? Array(decoder.bytes[(decoder.lastBarrier ?? 0)..<decoder.offset]) : [])
            } catch {
                throw StorageError(
                    .corrupt, "the log in \(path) can't be used: \(error)", corruption: error)
            }
        }
        guard let reading else { throw StorageError(.missingSegment, "there is no segment in \(path)") }
        return reading
    }

    private static func tornTail(_ decoder: WALDecoder) -> LogRepair {
        var end = decoder.bytes.count
        while end > decoder.offset, decoder.bytes[end - 1] == 0 { end -= 1 }
        return LogRepair(segment: decoder.segment, offset: decoder.offset, lostBytes: end - decoder.offset)
    }

    /// All segments of the folder, ascending.
    package func segments() throws(StorageError) -> [WALSegmentName] {
        try files.names(in: path).compactMap(WALSegmentName.init).sorted()
    }

    /// The segments from the one on that holds the entry behind `after`; older ones don't matter, and may be half
    /// removed.
    private func wanted(_ all: [WALSegmentName], after: LogIndex) throws(StorageError) -> [WALSegmentName] {
        guard after.rawValue < .max else {
            throw StorageError(.missingSegment, "no entry can follow \(after) in \(path)")
        }
        let next = LogIndex(after.rawValue + 1)
        guard let start = all.lastIndex(where: { $0.firstIndex <= next }) else {
            guard let first = all.first else {
                throw StorageError(.missingSegment, "there is no segment in \(path)")
            }
            throw StorageError(
                .missingSegment,
                "the segment before \(first) is missing in \(path): nothing holds the entry \(next)")
        }
        for (left, right) in zip(all[start...], all[(start + 1)...]) where right.sequence != left.sequence + 1 {
            throw StorageError(
                .missingSegment, "a segment is missing in \(path): after \(left) comes \(right)")
        }
        return Array(all[start...])
    }
}
