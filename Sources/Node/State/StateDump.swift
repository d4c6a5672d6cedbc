// SPDX-License-Identifier: Apache-2.0

import Dispatch
import MartletBasics
package import MartletKeyValue
import MartletReplica
import MartletStorage
import Synchronization

/// A member's tables as they were at one index, in chunks, on their way to another member.
///
/// They are read in one transaction, as fast as the disk takes them, into a file without a name: however slow the
/// network is, no transaction waits for it. Memory is one chunk.
package final class StateDump: Sendable {
    /// The last entry that it holds.
    package let applied: AppliedPosition
    private let file: SnapshotFileImage
    private let ends: [UInt64]
    private let next = Mutex(0)
    private let queue = DispatchQueue(label: "martlet-state-read")

    /// Blocks.
    ///
    /// - Parameter path: a name for the file, which it has for a moment.
    init(of tables: Tables, spoolingTo path: String, isCancelled: () -> Bool) throws {
        let files = PosixFileSystem()
        let target = try files.create(path)
        defer { target.close() }
        let empty = try SnapshotFileImage(path: path)
        try files.remove(path)
        var ends: [UInt64] = []
        var position: AppliedPosition?
        try tables.read(until: nil) { reader in
            position = try TablesWalk.state(reader).applied
            var chunk: [UInt8] = []
            StateChunk.begin(&chunk)
            func flush() throws {
                StateChunk.close(&chunk)
                let offset = ends.last ?? 0
                try target.write(chunk.span.bytes, at: Int(offset))
                ends.append(offset + UInt64(chunk.count))
                StateChunk.begin(&chunk)
                if isCancelled() { throw StateTransferError.busy }
            }
            for table in ReplicaCheckpoint.tables.sorted() {
                try reader.forEach(in: table) { key, value in
                    StateChunk.append(key, value, to: &chunk)
                    if chunk.count >= StateChunk.byteCount { try flush() }
                    return true
                }
            }
            if !StateChunk.isEmpty(chunk) { try flush() }
        }
        guard let position else { throw StateTransferError.incomplete }
        applied = position
        self.ends = ends
        file = try SnapshotFileImage(reopening: empty)
    }

    /// The next chunk; nil behind the last.
    package func nextChunk() async throws -> [UInt8]? {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in
                continuation.resume(
                    with: Result {
                        let place = next.withLock { next in
                            defer { next += 1 }
                            return next
                        }
                        guard place < ends.count else { return nil }
                        let begin = place == 0 ? 0 : ends[place - 1]
                        return try file.read(offset: begin, count: Int(ends[place] - begin))
                    })
            }
        }
    }
}
