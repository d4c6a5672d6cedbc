// SPDX-License-Identifier: Apache-2.0

import Dispatch
import MartletBasics
package import MartletKeyValue
import MartletReplica
import MartletStorage
import Synchronization

/// A member's tables as they were at one index, in chunks, on their way to another member.
///
/// They are read in one transaction. What the network takes within `directDuration` goes to it as it is read; the rest
/// then goes, as fast as the disk takes it, into a file without a name, and from there to the network: however slow
/// that is, no transaction waits for it. Memory is a few chunks, and those that the receiver hasn't named yet: where a
/// connection breaks, the next one goes on with them.
package final class StateDump: Sendable {
    /// The last entry that it holds.
    package let applied: AppliedPosition
    /// Of this dump alone: where chunks begin and end is not the same in another one of the same state.
    package let number = UInt64.random(in: 0...UInt64.max)
    private let pipe: ChunkPipe
    private let sent = Mutex(SentChunks())

    /// Two or three gigabytes over a fast network. Pages that checkpoints free meanwhile aren't used again before it is
    /// over, and the tables' file isn't replaced.
    package static let directDuration = Duration.seconds(10)

    private init(_ applied: AppliedPosition, _ pipe: ChunkPipe) {
        self.applied = applied
        self.pipe = pipe
    }

    /// The next chunk; nil behind the last. Not before `isFull` has ended.
    package func nextChunk() async throws -> [UInt8]? {
        if let chunk = sent.withLock({ $0.nextAgain() }) { return chunk }
        let chunk = try await pipe.next()
        if let chunk { sent.withLock { $0.add(chunk) } }
        return chunk
    }

    /// The receiver has to say first what it has got.
    package var isFull: Bool { sent.withLock { $0.isFull } }

    /// How many chunks the receiver has, by what it said.
    package var acknowledged: Int { sent.withLock { $0.acknowledged } }

    package var repeatedByteCount: Int { sent.withLock { $0.repeatedByteCount } }

    /// The receiver has the first `count` chunks.
    package func acknowledge(_ count: Int) throws {
        try sent.withLock { (sent) throws(StateTransferError) in try sent.acknowledge(count) }
    }

    /// The receiver has the first `count` chunks, and the next one is to be the one behind them.
    ///
    /// - Throws: `StateTransferError.incomplete` where that one is not kept any more.
    package func resume(after count: Int) throws {
        try sent.withLock { (sent) throws(StateTransferError) in try sent.resume(after: count) }
    }

    /// Before the first chunk: the receiver won't say what it has, so that nothing is kept to go again.
    package func sendOnce() { sent.withLock { $0 = SentChunks(keeps: false) } }

    /// Nobody wants the rest: due in any case, or the thread that reads waits with it.
    package func abandon() { pipe.abandon() }

    /// Blocks until all is taken, or nobody wants it any more.
    ///
    /// - Parameters:
    ///   - path: a name for the file, which it has for a moment.
    ///   - directDuration: how long the network may take what is read.
    ///   - begun: called once, before anything is read.
    static func read(
        _ tables: Tables, spoolingTo path: String, after directDuration: Duration, isCancelled: () -> Bool,
        begun: (Result<StateDump, any Error>) -> Void
    ) {
        let pipe = ChunkPipe()
        var isBegun = false
        do {
            var outlet = ChunkOutlet(pipe, path, until: .now + directDuration)
            try tables.read(until: nil) { reader in
                let applied = try TablesWalk.state(reader).applied
                isBegun = true
                begun(.success(StateDump(applied, pipe)))
                for table in ReplicaCheckpoint.tables.sorted() {
                    try reader.forEach(in: table) { key, value in
                        try outlet.append(key, value, isCancelled)
                        return true
                    }
                }
                try outlet.close(isCancelled)
            }
            try outlet.sendSpooled(isCancelled)
            pipe.end(.success(()))
        } catch {
            if isBegun { pipe.end(.failure(error)) } else { begun(.failure(error)) }
        }
    }
}

/// Where chunks go as they are made: to the pipe, and when that has taken too long, into a file.
private struct ChunkOutlet {
    private let pipe: ChunkPipe
    private let path: String
    private let deadline: ContinuousClock.Instant
    private var chunk: [UInt8] = []
    private var spool: ChunkSpool?

    init(_ pipe: ChunkPipe, _ path: String, until deadline: ContinuousClock.Instant) {
        self.pipe = pipe
        self.path = path
        self.deadline = deadline
        StateChunk.begin(&chunk)
    }

    mutating func append(_ key: TableKey, _ value: RawSpan, _ isCancelled: () -> Bool) throws {
        StateChunk.append(key, value, to: &chunk)
        if chunk.count >= StateChunk.byteCount { try flush(isCancelled) }
    }

    mutating func close(_ isCancelled: () -> Bool) throws {
        if !StateChunk.isEmpty(chunk) { try flush(isCancelled) }
    }

    private mutating func flush(_ isCancelled: () -> Bool) throws {
        StateChunk.close(&chunk)
        defer { StateChunk.begin(&chunk) }
        if isCancelled() { throw StateTransferError.busy }
        if spool == nil {
            switch pipe.push(chunk, until: deadline, isCancelled: isCancelled) {
            case .taken: return
            case .abandoned: throw StateTransferError.busy
            case .late: spool = try ChunkSpool(path)
            }
        }
        try spool?.append(chunk)
    }

    func sendSpooled(_ isCancelled: () -> Bool) throws {
        try spool?.forEach { chunk in
            guard case .taken = pipe.push(chunk, until: nil, isCancelled: isCancelled) else {
                throw StateTransferError.busy
            }
        }
    }
}

/// Chunks in a file without a name.
private struct ChunkSpool {
    private let target: any LogFile
    private let source: SnapshotFileImage
    private var ends: [UInt64] = []

    init(_ path: String) throws {
        let files = PosixFileSystem()
        target = try files.create(path)
        source = try SnapshotFileImage(path: path)
        try files.remove(path)
    }

    mutating func append(_ chunk: [UInt8]) throws {
        let offset = ends.last ?? 0
        try target.write(chunk.span.bytes, at: Int(offset))
        ends.append(offset + UInt64(chunk.count))
    }

    func forEach(_ body: ([UInt8]) throws -> Void) throws {
        target.close()
        let file = try SnapshotFileImage(reopening: source)
        var begin: UInt64 = 0
        for end in ends {
            try body(try file.read(offset: begin, count: Int(end - begin)))
            begin = end
        }
    }
}
