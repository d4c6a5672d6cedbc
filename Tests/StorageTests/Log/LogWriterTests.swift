// SPDX-License-Identifier: Apache-2.0

import Dispatch
import MartletBasics
import MartletSimulatedDisk
import MartletStorage
import MartletTestPrograms
import MartletWALCodec
import Synchronization
import Testing

/// A disk whose syncs a test can hold.
private final class Gate: Sendable {
    private let isShut = Mutex(false)
    private let waiting = Mutex(0)
    private let open = DispatchSemaphore(value: 0)

    func shut() { isShut.withLock { $0 = true } }

    var waiters: Int { waiting.withLock { $0 } }

    func release() {
        isShut.withLock { $0 = false }
        open.signal()
    }

    /// On the writer's thread, which may block.
    func pass(_ operation: SimulatedDisk.Operation) {
        guard operation == .sync, isShut.withLock({ $0 }) else { return }
        waiting.withLock { $0 += 1 }
        open.wait()
    }
}

@Suite struct LogWriterTests {
    private func writer(
        _ disk: SimulatedDisk, _ events: Events, _ configuration: LogConfiguration = small
    ) throws -> LogWriter {
        let log = try disk.folder(configuration).create(metadata: metadata, source: LogFolder.inline)
        return try LogWriter(log, configuration: configuration, onEvent: events.take)
    }

    @Test func reportsWhatIsOnDisk() async throws {
        let disk = SimulatedDisk(seed: 1)
        let events = Events()
        let writer = try writer(disk, events)
        var waiting = batch([entry(1), entry(2)], state(1))
        #expect(writer.submit(&waiting) == .accepted(batch: 1))
        #expect(waiting.isEmpty)
        await events.wait { $0.count == 1 }
        #expect(events.progress.map(\.batch) == [1])
        #expect(events.progress.first?.lastEntry == LogPosition(index: LogIndex(2), term: Term(1)))
        disk.restart(losing: .everything)
        #expect(try disk.folder().read().recovery.entries == [entry(1), entry(2)])
    }

    /// While one sync runs, what comes joins the next.
    @Test func oneSyncForAllThatWaits() async throws {
        let gate = Gate()
        let disk = SimulatedDisk(seed: 1, onOperation: gate.pass)
        let events = Events()
        let writer = try writer(disk, events)
        gate.shut()
        var waiting = batch([entry(1)], state(1))
        #expect(writer.submit(&waiting) == .accepted(batch: 1))
        while gate.waiters == 0 { try await Task.sleep(for: .milliseconds(1)) }
        for index in 2...9 as ClosedRange<UInt64> {
            waiting = batch([entry(index)])
            #expect(writer.submit(&waiting) == .accepted(batch: index))
        }
        #expect(events.count == 0)
        gate.release()
        await events.wait { $0.progress.last?.batch == 9 }
        #expect(events.progress.map(\.batch) == [1, 9])
        writer.close()
        await events.wait(until: \.isClosed)
        #expect(try disk.folder().read().recovery.entries.map(\.index.rawValue) == Array(1...9))
    }

    @Test func aFullQueueRefuses() async throws {
        let gate = Gate()
        let disk = SimulatedDisk(seed: 1, onOperation: gate.pass)
        let events = Events()
        var configuration = small
        configuration.queueBytesMax = 2000
        let writer = try writer(disk, events, configuration)
        gate.shut()
        var large = batch([entry(1, [UInt8](repeating: 1, count: 3000))], state(1))
        #expect(writer.submit(&large) == .accepted(batch: 1))
        var next = batch([entry(2)])
        #expect(writer.submit(&next) == .full)
        #expect(next.recordCount == 1)
        while gate.waiters == 0 { try await Task.sleep(for: .milliseconds(1)) }
        gate.release()
        await events.wait { $0.count == 1 }
        #expect(writer.submit(&next) == .accepted(batch: 2))
        await events.wait { $0.count == 2 }
        #expect(events.progress.last?.lastEntry?.index == LogIndex(2))
    }

    @Test func aCommitIndexAloneWaitsForTheNextSync() async throws {
        let disk = SimulatedDisk(seed: 1)
        let events = Events()
        let writer = try writer(disk, events)
        var waiting = batch([entry(1)], state(1))
        _ = writer.submit(&waiting)
        await events.wait { $0.count == 1 }
        let before = disk.operationCount
        waiting = batch([], state(1, commit: 1))
        #expect(writer.submit(&waiting) == .accepted(batch: 2))
        try await Task.sleep(for: .milliseconds(20))
        #expect(disk.operationCount == before && events.count == 1)
        writer.close()
        await events.wait(until: \.isClosed)
        #expect(events.progress.map(\.batch) == [1, 2])
        #expect(try disk.folder().read().recovery.hardState == state(1, commit: 1))
    }

    @Test(arguments: [StorageError.Code.noSpace, .inputOutput])
    func anErrorIsReportedOnceAndEndsTheLog(_ code: StorageError.Code) async throws {
        let disk = SimulatedDisk(seed: 1)
        let events = Events()
        let writer = try writer(disk, events)
        var waiting = batch([entry(1)], state(1))
        _ = writer.submit(&waiting)
        await events.wait { $0.count == 1 }
        disk.fail(code == .noSpace ? .write : .sync, code)
        waiting = batch([entry(2)])
        _ = writer.submit(&waiting)
        await events.wait { $0.count == 2 }
        #expect(events.failures.map(\.code) == [code])
        let before = disk.operationCount
        waiting = batch([entry(3)])
        #expect(writer.submit(&waiting) == .stopped)
        #expect(waiting.recordCount == 1)
        writer.release(below: LogIndex(2))
        writer.close()
        try await Task.sleep(for: .milliseconds(20))
        #expect(events.count == 2 && disk.operationCount == before)
        // The folder is free.
        #expect(try disk.folder().open(source: LogFolder.inline).recovery.entries.first == entry(1))
    }

    @Test func closedMeansWrittenAndFree() async throws {
        let disk = SimulatedDisk(seed: 1)
        let events = Events()
        let writer = try writer(disk, events)
        var waiting = LogBatch()
        for index in 1...100 as ClosedRange<UInt64> {
            waiting.append(entry(index, [UInt8](repeating: 1, count: 200)))
            if index == 1 { waiting.append(state(1), mustSync: true) }
            #expect(writer.submit(&waiting) == .accepted(batch: index))
        }
        writer.release(below: LogIndex(2))
        writer.close()
        #expect(writer.submit(&waiting) == .stopped)
        await events.wait(until: \.isClosed)
        disk.restart(losing: .everything)
        #expect(try disk.folder().read().recovery.entries.count == 100)
        #expect(try disk.folder().segments().count > 3)
    }

    /// The real disk, files made ahead on a thread, several submitters in turn.
    @Test func worksOnARealDisk() async throws {
        let place = try TemporaryFolder()
        let folder = LogFolder(files: PosixFileSystem(), path: "\(place.path)/wal", configuration: small)
        let events = Events()
        let source = LogFolder.background { Issue.record("\($0)") }
        let log = try folder.create(metadata: metadata, source: source)
        let writer = try LogWriter(log, configuration: small, onEvent: events.take)
        var waiting = LogBatch()
        for index in 1...300 as ClosedRange<UInt64> {
            waiting.append(entry(index, [UInt8](repeating: 1, count: 100)))
            if index == 1 { waiting.append(state(1), mustSync: true) }
            #expect(writer.submit(&waiting) == .accepted(batch: index))
            if index % 50 == 0 { await events.wait { $0.progress.last?.batch == index } }
        }
        writer.release(below: LogIndex(200))
        writer.close()
        await events.wait(until: \.isClosed)
        #expect(events.failures.isEmpty)
        #expect(events.progress.map(\.batch) == events.progress.map(\.batch).sorted())
        let names = try PosixFileSystem().names(in: folder.path)
        #expect(names.allSatisfy { $0.hasSuffix(".wal") }, "\(names)")
        #expect(names.count == (try folder.segments().count))
        #expect(try folder.read(after: LogIndex(199)).recovery.entries.map(\.index.rawValue) == Array(200...300))
        #expect(failure { _ = try folder.read() }?.code == .missingSegment)
        let again = try folder.open(after: LogIndex(250), source: source)
        #expect(again.recovery.entries.count == 50)
        let second = Events()
        let next = try LogWriter(again.intoAppender(), configuration: small, onEvent: second.take)
        next.close()
        await second.wait(until: \.isClosed)
    }

    @Test func troubleAheadIsToldBeforeTheLogStops() async throws {
        let disk = SimulatedDisk(seed: 1)
        let events = Events()
        let troubles = Mutex<[StorageError.Code]>([])
        disk.capacity = 4096 * 3 / 2
        let log = try disk.folder().create(
            metadata: metadata,
            source: LogFolder.background { error in troubles.withLock { $0.append(error.code) } })
        let writer = try LogWriter(log, configuration: small, onEvent: events.take)
        while troubles.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(1)) }
        #expect(troubles.withLock { $0 } == [.noSpace])
        var waiting = batch([entry(1)], state(1))
        _ = writer.submit(&waiting)
        await events.wait { $0.count == 1 }
        #expect(events.failures.isEmpty)
        // Space is there again: the cut finds it.
        disk.capacity = nil
        waiting = batch([entry(2, [UInt8](repeating: 0, count: 5000))])
        _ = writer.submit(&waiting)
        await events.wait { $0.count == 2 }
        #expect(events.failures.isEmpty)
        #expect(try disk.folder().segments().count == 2)
        writer.close()
        await events.wait(until: \.isClosed)
    }
}
