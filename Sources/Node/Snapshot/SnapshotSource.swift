// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdSnapshot
package import MartletStorage

/// A member's snapshot in the pieces that `Maintenance.Snapshot` sends: 32 KiB each but for the last, then the SHA-256
/// of all before it.
///
/// Making one reads the tables in one transaction, as fast as the disk takes it, into a file that has no name any more:
/// however slowly a client then reads, no transaction waits for it, and nothing is left behind by a crash. Memory is
/// one piece, whatever the snapshot's size; disk is the snapshot's size for as long as the source lives.
///
/// All calls block: not on a loop. The tables should hold a checkpoint made just before.
package struct SnapshotSource: Sendable {
    /// The release whose layout the file has: what `SnapshotResponse.version` says.
    package static let storageVersion = "3.6.0"

    /// Bytes of the bbolt file, without the SHA-256 behind it.
    package let fileByteCount: UInt64
    private let image: SnapshotFileImage
    private var offset: UInt64 = 0

    /// - Parameters:
    ///   - path: a name for the file, which it has for a moment. Its folder must exist.
    ///   - isCancelled: asked often; once it says so, this throws.
    package init(
        of tables: Tables, spoolingTo path: String, isCancelled: () -> Bool = { false }
    ) throws(SnapshotError) {
        do {
            let files = PosixFileSystem()
            let file = try files.create(path)
            defer { file.close() }
            let empty = try SnapshotFileImage(path: path)
            try files.remove(path)
            fileByteCount = try Self.write(tables, to: file, isCancelled)
            image = try SnapshotFileImage(reopening: empty)
        } catch {
            throw SnapshotError(error)
        }
    }

    /// Bytes of the file that follow the piece given last; what `remaining_bytes` says.
    package var remainingByteCount: UInt64 { fileByteCount - min(offset, fileByteCount) }

    /// The next piece, or nil after the SHA-256.
    package mutating func next() throws(SnapshotError) -> [UInt8]? {
        let end = offset < fileByteCount ? fileByteCount : image.byteCount
        guard offset < end else { return nil }
        let count = min(UInt64(etcdSnapshotChunkByteCount), end - offset)
        do {
            let piece = try image.read(offset: offset, count: Int(count))
            offset += count
            return piece
        } catch {
            throw SnapshotError(error)
        }
    }

    /// Written at once: enough that the disk is not asked for every page.
    private static let writtenByteCount = 1 << 20

    /// - Returns: the file's length without the SHA-256.
    private static func write(
        _ tables: Tables, to file: any LogFile, _ isCancelled: () -> Bool
    ) throws -> UInt64 {
        func goOn() throws(SnapshotError) {
            if isCancelled() { throw SnapshotError(.refused, "the member is stopping") }
        }
        // For as long as it takes: the pages that checkpoints free meanwhile wait for it, so the tables' file grows by
        // what is written in that time.
        return try tables.read(until: nil) { reader in
            let state = try TablesWalk.state(reader)
            var plan = try EtcdSnapshotPlan(TablesWalk.contents(reader, state))
            try TablesWalk.forEachRevision(reader, state, wantsValues: false) { revision, length in
                try goOn()
                try plan.add(record: revision.record, valueLength: length, isTombstone: revision.isTombstone)
            }
            try TablesWalk.forEachLease(reader) { try plan.add($0) }
            try TablesWalk.forEachRecord(reader) { _, value in
                try goOn()
                try plan.addRecord(valueLength: value.byteCount)
            }
            let layout = try plan.finish()
            // A disk that is full says so now.
            try file.preallocate(Int(layout.byteCount))

            var writer = try EtcdSnapshotWriter(layout)
            var offset = 0
            func flush(above count: Int) throws {
                guard writer.outputCount > count else { return }
                let bytes = writer.takeOutput()
                try file.write(bytes.span.bytes, at: offset)
                offset += bytes.count
            }
            try TablesWalk.forEachRevision(reader, state, wantsValues: true) { revision, _ in
                try goOn()
                try writer.add(revision)
                try flush(above: writtenByteCount)
            }
            try TablesWalk.forEachLease(reader) {
                try writer.add($0)
                try flush(above: writtenByteCount)
            }
            try TablesWalk.forEachRecord(reader) { key, value in
                try goOn()
                try writer.add(BackendRecord(key: key, value: [UInt8](copying: value)))
                try flush(above: writtenByteCount)
            }
            try writer.finish()
            try flush(above: 0)
            try file.write(writer.makeTrailer().span.bytes, at: offset)
            return layout.fileByteCount
        }
    }
}
