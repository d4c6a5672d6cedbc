// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletSimulatedDisk
import MartletStorage
import MartletWALCodec
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The seed of a random test: from MARTLET_SEED, else a fixed one, so that a run repeats. Prints it.
func testSeed(_ test: String) -> UInt64 {
    let seed = getenv("MARTLET_SEED").flatMap { UInt64(String(cString: $0)) } ?? 20_261_121
    print("\(test): MARTLET_SEED=\(seed)")
    return seed
}

func entry(_ index: UInt64, term: UInt64 = 1, _ data: [UInt8] = [1, 2, 3]) -> WALEntry {
    WALEntry(index: LogIndex(index), term: Term(term), data: data)
}

func state(_ term: UInt64, vote: UInt64 = 0, commit: UInt64 = 0) -> WALHardState {
    WALHardState(term: Term(term), vote: vote, commit: LogIndex(commit))
}

func batch(_ entries: [WALEntry], _ state: WALHardState? = nil) -> LogBatch {
    var batch = LogBatch()
    for entry in entries { batch.append(entry) }
    if let state { batch.append(state, mustSync: false) }
    return batch
}

let metadata = WALMetadata(memberID: 7, clusterID: 9).encoded

/// Segments of 4 KiB, used to their ends.
let small: LogConfiguration = {
    var configuration = LogConfiguration()
    configuration.segmentBytes = 4096
    configuration.reservedBytes = 0
    configuration.writeBytesMax = 2048
    configuration.zeroBytes = 1024
    return configuration
}()

extension SimulatedDisk {
    func folder(_ configuration: LogConfiguration = small) -> LogFolder {
        LogFolder(files: self, path: "wal", configuration: configuration)
    }
}

/// The error of a call that must fail.
func failure(_ body: () throws -> Void) -> StorageError? {
    do {
        try body()
        return nil
    } catch { return error as? StorageError }
}

/// Collects what a writer says, and lets a test wait for it without blocking.
final class Events: Sendable {
    private let all = Mutex<[LogWriter.Event]>([])
    private let stream: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    init() {
        (stream, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func take(_ event: LogWriter.Event) {
        all.withLock { $0.append(event) }
        wake.yield()
    }

    var progress: [LogWriter.Progress] {
        all.withLock { events in
            events.compactMap { event in if case .synced(let progress) = event { progress } else { nil } }
        }
    }

    var failures: [StorageError] {
        all.withLock { events in
            events.compactMap { event in if case .failed(let error) = event { error } else { nil } }
        }
    }

    var isClosed: Bool {
        all.withLock { events in events.contains { event in if case .closed = event { true } else { false } } }
    }

    var count: Int { all.withLock { $0.count } }

    /// One waiter at a time.
    func wait(until condition: (Events) -> Bool) async {
        var iterator = stream.makeAsyncIterator()
        while !condition(self) { await iterator.next() }
    }
}
