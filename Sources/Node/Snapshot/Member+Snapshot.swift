// SPDX-License-Identifier: Apache-2.0

import Dispatch
import MartletBasics
import MartletKeyValue
import MartletReplica
import MartletStorage
package import NIOCore
import Synchronization

/// Snapshots that a member is asked for. Confined to its event loop.
struct MemberSnapshots {
    /// Each takes its size on disk until its client has read it, or is gone: a few backups at once, no more.
    static let limit = 4

    /// Who waits for a checkpoint that holds an entry.
    var waiters: [(index: LogIndex, promise: EventLoopPromise<Void>)] = []
    /// Those that are being made or read, by the number that is part of their files' names, and since when.
    var taken: [Int: ContinuousClock.Instant] = [:]
    let queue = DispatchQueue(label: "martlet-snapshot")
    /// States on their way to other members, each read by a thread of its own, which waits for the network, too.
    let dumps = DispatchGroup()
    /// Of the last of them.
    var dumpNumber = 0
    let isStopping = StopSign()

    // Who waits is told by the member, outside of these: it may come back here at once.

    /// Those whose entries are checkpointed.
    mutating func takeReady(_ index: LogIndex) -> [EventLoopPromise<Void>] {
        guard !waiters.isEmpty else { return [] }
        let ready = waiters.filter { $0.index <= index }
        waiters.removeAll { $0.index <= index }
        return ready.map(\.promise)
    }

    /// All who wait.
    mutating func takeAll() -> [EventLoopPromise<Void>] {
        defer { waiters = [] }
        return waiters.map(\.promise)
    }
}

/// Set once, seen by all threads.
final class StopSign: Sendable {
    private let flag = Atomic(false)

    var isSet: Bool { flag.load(ordering: .relaxed) }

    func set() { flag.store(true, ordering: .relaxed) }
}

extension Member {
    /// A snapshot of all that is applied now. Whoever gets it calls `endSnapshot` when it has read it.
    ///
    /// The checkpoint that it needs is written at once. All of the work is done on threads of its own.
    package func makeSnapshot() -> EventLoopFuture<RunningSnapshot> {
        guard case .running = phase, let data else {
            return eventLoop.makeFailedFuture(
                SnapshotError(.refused, data == nil ? "a store in memory has no snapshots" : "the member is stopping"))
        }
        guard let number = (0..<MemberSnapshots.limit).first(where: { snapshots.taken[$0] == nil }) else {
            return eventLoop.makeFailedFuture(
                SnapshotError(.refused, "\(MemberSnapshots.limit) snapshots are being read already"))
        }
        snapshots.taken[number] = ContinuousClock.now
        let (tables, queue, isStopping) = (data.tables, snapshots.queue, snapshots.isStopping)
        let path = data.folder.spoolFile("snapshot-\(number)")
        let made = checkpointNow().flatMap { [eventLoop] in
            let promise = eventLoop.makePromise(of: RunningSnapshot.self)
            queue.async {
                promise.completeWith(
                    Result {
                        let source = try SnapshotSource(of: tables, spoolingTo: path) { isStopping.isSet }
                        return RunningSnapshot(number: number, source)
                    })
            }
            return promise.futureResult
        }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        made.whenFailure { _ in bound.value.snapshots.taken[number] = nil }
        return made
    }

    func failSnapshots(_ error: SnapshotError) {
        for waiter in snapshots.takeAll() { waiter.fail(error) }
    }

    /// Ends what waits, and soon what is being made.
    func stopSnapshots() {
        snapshots.isStopping.set()
        failSnapshots(SnapshotError(.refused, "the member is stopping"))
    }

    /// Frees the snapshot's place.
    package func endSnapshot(_ number: Int) {
        guard let start = snapshots.taken.removeValue(forKey: number) else { return }
        statistics.snapshots.add(ContinuousClock.now - start)
    }

    /// Succeeds when the tables hold all that is applied now.
    func checkpointNow() -> EventLoopFuture<Void> {
        let index = replica.applied.index
        guard replica.checkpointedIndex < index else { return eventLoop.makeSucceededVoidFuture() }
        let promise = eventLoop.makePromise(of: Void.self)
        snapshots.waiters.append((index, promise))
        replica.hastenCheckpoint()
        step(.work)
        return promise.futureResult
    }
}

/// A snapshot that is being read: by one reader, piece by piece.
package final class RunningSnapshot: Sendable {
    /// A piece as it is sent.
    package struct Piece: Sendable {
        package var bytes: [UInt8]
        package var remainingByteCount: UInt64
    }

    package let number: Int
    private let queue = DispatchQueue(label: "martlet-snapshot-read")
    private let source: Mutex<SnapshotSource>

    init(number: Int, _ source: SnapshotSource) {
        self.number = number
        self.source = Mutex(source)
    }

    /// The next pieces, at most `count`; none after the last.
    package func next(_ count: Int) async throws -> [Piece] {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in
                continuation.resume(
                    with: Result {
                        try source.withLock { source in
                            var pieces: [Piece] = []
                            while pieces.count < count, let bytes = try source.next() {
                                pieces.append(Piece(bytes: bytes, remainingByteCount: source.remainingByteCount))
                            }
                            return pieces
                        }
                    })
            }
        }
    }
}
