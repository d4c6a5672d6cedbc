// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletNode
import MartletStorage
import MartletTestPrograms
import MartletWALCodec
import Testing

/// What only a log of many segments can show; the rest is tested with the real program.
@Suite struct DataFolderCheckTests {
    private let temporary: TemporaryFolder
    private let folder: DataFolder

    init() throws {
        temporary = try TemporaryFolder()
        var folder = DataFolder(path: temporary.file("data"))
        folder.logConfiguration.segmentBytes = 4096
        folder.logConfiguration.writeBytesMax = 2048
        folder.logConfiguration.zeroBytes = 1024
        self.folder = folder
    }

    private var log: LogFolder {
        LogFolder(files: PosixFileSystem(), path: folder.logPath, configuration: folder.logConfiguration)
    }

    /// Entries that change nothing, as a new leader's first; configuration changes give them their length.
    private func fill(entries: UInt64, data: [UInt8] = []) throws {
        try FileManager.default.createDirectory(atPath: folder.memberPath, withIntermediateDirectories: true)
        var appender = try log.create(
            metadata: WALMetadata(memberID: 7, clusterID: 9).encoded, source: LogFolder.inline)
        for index in 1...entries {
            var batch = LogBatch()
            let padding = [UInt8](repeating: 5, count: 300)
            let isLast = index == entries
            batch.append(
                WALEntry(
                    index: LogIndex(index), term: Term(1), kind: isLast ? .normal : .configurationChange,
                    data: isLast ? data : padding))
            batch.append(WALHardState(term: Term(1), vote: 7, commit: LogIndex(index - 1)), mustSync: false)
            try appender.append(batch)
        }
        try appender.close()
    }

    private func findings() -> [CheckFinding] {
        var found: [CheckFinding] = []
        var last: CheckNews?
        folder.check { news in
            last = news
            if case .found(let finding) = news { found.append(finding) }
        }
        #expect(last == .ended)
        return found
    }

    @Test func allSegmentsAreRead() throws {
        try fill(entries: 60)
        var log: CheckedLog?
        folder.check { if case .log(let found) = $0 { log = found } }
        let count = try self.log.segments().count
        #expect(count > 4)
        #expect(
            log
                == CheckedLog(
                    memberID: 7, clusterID: 9, segmentCount: count, firstIndex: 1, lastIndex: 60, commitIndex: 59,
                    term: 1))
        #expect(findings() == [])
    }

    @Test func aMissingSegmentIsDamage() throws {
        try fill(entries: 60)
        let segments = try log.segments()
        try FileManager.default.removeItem(atPath: "\(folder.logPath)/\(segments[2])")
        let last = segments[3].firstIndex.rawValue - 1
        #expect(
            findings() == [
                CheckFinding(
                    .damage, folder.logPath, "the entries 1 to \(last) are missing: a segment is gone")
            ])
    }

    @Test func anUnknownEntryIsDamage() throws {
        // Field 1,500 with a number: no request of ours.
        try fill(entries: 3, data: [0xE0, 0x5D, 1])
        let found = findings()
        #expect(found.map(\.kind) == [.damage])
        #expect(found.first?.message.hasPrefix("entry 3 can't be applied") == true)
    }

    @Test func anEmptyFolderIsSound() throws {
        try FileManager.default.createDirectory(atPath: folder.memberPath, withIntermediateDirectories: true)
        #expect(findings() == [CheckFinding(.note, folder.path, "nothing was ever stored here")])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.memberPath).isEmpty)
    }
}
