// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletSimulatedDisk
import MartletStorage
import MartletTestPrograms
import MartletWALCodec
import Testing

@Suite struct LogFolderTests {
    /// Entries of 300 bytes, one a batch.
    private func filled(_ disk: SimulatedDisk, entries: UInt64) throws {
        var log = try disk.folder().create(metadata: metadata, source: LogFolder.inline)
        for index in 1...entries {
            try log.append(batch([entry(index, [UInt8](repeating: 5, count: 300))], state(1, commit: index - 1)))
        }
        try log.close()
    }

    @Test func isMadeOpenedAndGoesOn() throws {
        let disk = SimulatedDisk(seed: 1)
        let folder = disk.folder()
        #expect(failure { _ = try folder.open(source: LogFolder.inline) }?.code == .missing)
        var log = try folder.create(metadata: metadata, source: LogFolder.inline)
        #expect(failure { _ = try folder.create(metadata: metadata, source: LogFolder.inline) }?.code == .exists)
        #expect(failure { _ = try folder.open(source: LogFolder.inline) }?.code == .locked)
        try log.append(batch([entry(1), entry(2)], state(1, vote: 3, commit: 0)))
        try log.close()
        #expect(failure { try log.append(batch([entry(3)])) }?.code == .stopped)

        var opened = try folder.open(source: LogFolder.inline)
        #expect(opened.recovery.entries == [entry(1), entry(2)])
        #expect(opened.recovery.hardState == state(1, vote: 3, commit: 0))
        #expect(opened.recovery.metadata == metadata)
        #expect(opened.repair == nil)
        try opened.appender.append(batch([entry(3)]))
        try opened.appender.append(LogBatch())
        try opened.appender.close()
        disk.restart(losing: .everything)
        let reading = try folder.read()
        #expect(reading.recovery.entries == [entry(1), entry(2), entry(3)])
        #expect(reading.torn == nil)
    }

    @Test func isCutIntoSegments() throws {
        let disk = SimulatedDisk(seed: 1)
        try filled(disk, entries: 60)
        let folder = disk.folder()
        let segments = try folder.segments()
        #expect(segments.count == 6)
        #expect(segments.map(\.sequence) == Array(0..<6))
        for segment in segments.dropLast() {
            let size = try #require(disk.content(of: "wal/\(segment)")).count
            #expect(size >= 4096 && size < 4096 + 400)
        }
        #expect(disk.content(of: "wal/\(segments[5])")?.count == 4096)
        let all = try folder.read()
        #expect(all.recovery.entries.map(\.index.rawValue) == Array(1...60))
        for after in [0, 10, 11, 12, 59, 60] as [UInt64] {
            let reading = try folder.read(after: LogIndex(after))
            #expect(reading.recovery.entries.map(\.index.rawValue) == Array(after + 1..<61))
            #expect(reading.recovery.hardState == state(1, commit: 59))
        }
        #expect(failure { _ = try folder.read(after: LogIndex(61)) }?.corruption?.reason == .endsBeforeCheckpoint)
    }

    /// A segment is full by what its own file takes, whoever has made it.
    @Test func theFirstSegmentMayBeSmaller() throws {
        let disk = SimulatedDisk(seed: 1)
        var configuration = small
        configuration.firstSegmentBytes = 1024
        var log = try disk.folder(configuration).create(metadata: metadata, source: LogFolder.inline)
        let first = try #require(try disk.folder().segments().first)
        #expect(disk.content(of: "wal/\(first)")?.count == 1024)
        try log.append(batch([entry(1, [UInt8](repeating: 5, count: 300))], state(1)))
        try log.close()
        // Somebody with large segments goes on.
        var opened = try disk.folder().open(source: LogFolder.inline)
        for index in 2...20 as ClosedRange<UInt64> {
            try opened.appender.append(batch([entry(index, [UInt8](repeating: 5, count: 300))]))
        }
        try opened.appender.close()
        let sizes = try disk.folder().segments().map { disk.content(of: "wal/\($0)")?.count ?? 0 }
        #expect(sizes.count == 3)
        #expect(sizes[0] >= 1024 && sizes[0] < 1024 + 400)
        #expect(sizes[1] >= 4096 && sizes[1] < 4096 + 400)
        #expect(sizes[2] == 4096)
        let indexes = try disk.folder().read().recovery.entries.map(\.index.rawValue)
        #expect(indexes == Array(1...20))
    }

    @Test func oneLargeBatchTakesSeveralWrites() throws {
        let disk = SimulatedDisk(seed: 1)
        var log = try disk.folder().create(metadata: metadata, source: LogFolder.inline)
        let before = disk.operationCount
        try log.append(batch((1...40).map { entry($0, [UInt8](repeating: 1, count: 250)) }, state(1)))
        #expect(disk.operationCount - before > 10)
        try log.append(batch([entry(41, [UInt8](repeating: 2, count: 9000))]))
        try log.close()
        #expect(try disk.folder().read().recovery.entries.count == 41)
        #expect(try disk.folder().segments().count > 3)
    }

    @Test func segmentsAreReleased() throws {
        let disk = SimulatedDisk(seed: 1)
        try filled(disk, entries: 60)
        let folder = disk.folder()
        let segments = try folder.segments()
        var opened = try folder.open(source: LogFolder.inline)
        try opened.appender.release(below: segments[2].firstIndex)
        #expect(opened.appender.segments == Array(segments[2...]))
        try opened.appender.release(below: LogIndex(segments[3].firstIndex.rawValue - 1))
        #expect(try folder.segments() == Array(segments[2...]))
        disk.restart(losing: .everything)
        #expect(try folder.segments() == Array(segments[2...]))
        let after = LogIndex(segments[2].firstIndex.rawValue - 1)
        #expect(try folder.read(after: after).recovery.entries.first?.index == segments[2].firstIndex)
        #expect(failure { _ = try folder.read() }?.code == .missingSegment)
        var again = try folder.open(after: after, source: LogFolder.inline)
        try again.appender.release(below: LogIndex(1000))
        #expect(try folder.segments() == [segments[5]])
        try again.appender.append(batch([entry(61)]))
        try again.appender.close()
        #expect(try folder.read(after: LogIndex(60)).recovery.entries == [entry(61)])
    }

    @Test func aMissingSegmentIsNamed() throws {
        let disk = SimulatedDisk(seed: 1)
        try filled(disk, entries: 60)
        let segments = try disk.folder().segments()
        try disk.remove("wal/\(segments[3])")
        let error = try #require(failure { _ = try disk.folder().open(source: LogFolder.inline) })
        #expect(error.code == .missingSegment)
        #expect(error.message == "a segment is missing in wal: after \(segments[2]) comes \(segments[4])")
        // It lies in front of what is wanted here.
        #expect(try disk.folder().read(after: segments[4].firstIndex).recovery.entries.last?.index == LogIndex(60))
        for segment in segments where segment != segments[3] { try disk.remove("wal/\(segment)") }
        #expect(failure { _ = try disk.folder().open(source: LogFolder.inline) }?.code == .missingSegment)
    }

    @Test func aDamagedLogIsNamedRefusedAndLeftAsItIs() throws {
        let disk = SimulatedDisk(seed: 1)
        try filled(disk, entries: 60)
        let path = "wal/\(try disk.folder().segments()[3])"
        var bytes = try #require(disk.content(of: path))
        bytes[1000] ^= 4
        try disk.replace(path, with: bytes)
        let error = try #require(failure { _ = try disk.folder().open(source: LogFolder.inline) })
        #expect(error.code == .corrupt)
        #expect(error.corruption?.segment.sequence == 3)
        #expect(error.corruption?.reason == .checksum)
        #expect(error.message.contains("0000000000000003-") && error.message.contains("at byte "))
        #expect(disk.content(of: path) == bytes)
        // The lock is free again: the same answer, not that somebody has it.
        #expect(failure { _ = try disk.folder().open(source: LogFolder.inline) }?.code == .corrupt)
    }

    /// Segments of another log, each right in itself.
    @Test func segmentsMustContinueEachOther() throws {
        let disk = SimulatedDisk(seed: 1)
        try filled(disk, entries: 60)
        let other = SimulatedDisk(seed: 2)
        var log = try other.folder().create(metadata: metadata, source: LogFolder.inline)
        for index in 1...60 as ClosedRange<UInt64> {
            try log.append(batch([entry(index, [UInt8](repeating: 6, count: 300))], state(1, commit: index - 1)))
        }
        try log.close()
        let segment = try disk.folder().segments()[4]
        try disk.replace("wal/\(segment)", with: try #require(other.content(of: "wal/\(segment)")))
        let error = failure { _ = try disk.folder().read() }
        #expect(error?.corruption == WALCorruption(segment: segment, offset: 0, reason: .chain))
    }

    @Test func aTornTailIsCutOnceAndTheLogGoesOn() throws {
        let disk = SimulatedDisk(seed: 1)
        var log = try disk.folder().create(metadata: metadata, source: LogFolder.inline)
        try log.append(batch([entry(1)], state(1)))
        let place = log.offset
        try log.append(batch([entry(2, [UInt8](repeating: 9, count: 1500))]))
        let end = log.offset
        disk.restart(losing: .nothing)
        let path = "wal/\(try disk.folder().segments()[0])"
        var bytes = try #require(disk.content(of: path))
        for place in 1024..<1536 { bytes[place] = 0 }
        try disk.replace(path, with: bytes)

        let torn = try #require(try disk.folder().read().torn)
        #expect(torn.lostBytes > 0 && torn.lostBytes <= end - torn.offset)
        // The barrier in front of the torn record is whole.
        #expect(torn.offset >= place && torn.offset <= place + 40)
        var opened = try disk.folder().open(source: LogFolder.inline)
        #expect(opened.repair == torn)
        #expect(opened.recovery.entries == [entry(1)])
        disk.restart(losing: .everything)
        opened = try disk.folder().open(source: LogFolder.inline)
        #expect(opened.repair == nil)
        try opened.appender.append(batch([entry(2)]))
        try opened.appender.close()
        #expect(try disk.folder().read().recovery.entries == [entry(1), entry(2)])
    }

    @Test func aFullDiskAndAFailedSyncStopTheLogForGood() throws {
        for (operation, code) in [
            (.write, .noSpace), (.write, .inputOutput), (.sync, .inputOutput), (.rename, .inputOutput),
            (.preallocate, .noSpace), (.syncFolder, .inputOutput), (.truncate, .inputOutput),
        ] as [(SimulatedDisk.Operation, StorageError.Code)] {
            let disk = SimulatedDisk(seed: 1)
            var log = try disk.folder().create(metadata: metadata, source: LogFolder.inline)
            try log.append(batch([entry(1)], state(1)))
            disk.fail(operation, code)
            var failed: StorageError?
            for index in 2...60 as ClosedRange<UInt64> where failed == nil {
                failed = failure { try log.append(batch([entry(index, [UInt8](repeating: 0, count: 300))])) }
            }
            #expect(failed?.code == code, "\(operation)")
            let before = disk.operationCount
            #expect(failure { try log.append(batch([entry(99)])) }?.code == .stopped)
            #expect(failure { try log.release(below: LogIndex(1)) }?.code == .stopped)
            #expect(failure { try log.close() } == nil)
            #expect(disk.operationCount == before)
            disk.restart(losing: .random)
            #expect(try disk.folder().open(source: LogFolder.inline).recovery.entries.first == entry(1))
        }
    }

    @Test func worksOnARealDisk() throws {
        let place = try TemporaryFolder()
        let folder = LogFolder(files: PosixFileSystem(), path: "\(place.path)/wal", configuration: small)
        #expect(failure { _ = try folder.open(source: LogFolder.inline) }?.code == .missing)
        var log = try folder.create(metadata: metadata, source: LogFolder.inline)
        #expect(failure { _ = try folder.open(source: LogFolder.inline) }?.code == .locked)
        for index in 1...60 as ClosedRange<UInt64> {
            try log.append(batch([entry(index, [UInt8](repeating: 5, count: 300))], state(1, commit: index - 1)))
        }
        try log.close()
        var opened = try folder.open(after: LogIndex(3), source: LogFolder.inline)
        #expect(opened.recovery.entries.map(\.index.rawValue) == Array(4...60))
        try opened.appender.release(below: LogIndex(30))
        try opened.appender.append(batch([entry(61)]))
        try opened.appender.close()
        #expect(try folder.segments().count == 4)
        #expect(try folder.read(after: LogIndex(40)).recovery.lastIndex == LogIndex(61))
        #expect(failure { _ = try PosixFileSystem().open("\(place.path)/none") }?.systemError == 2)
        #expect(failure { try PosixFileSystem().createFolder("\(place.path)/none/none") }?.code == .inputOutput)
    }
}
