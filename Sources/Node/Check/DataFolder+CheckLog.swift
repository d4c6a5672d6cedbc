// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletReplica
import MartletStorage
import MartletWALCodec

extension DataFolder {
    enum LogFound {
        case absent
        /// It was told what is wrong with it.
        case unreadable
        case read(LogReading)
    }

    /// Reads the log from the last gap in its segments on.
    func checkLog(_ files: PosixFileSystem, _ tell: (CheckNews) -> Void) throws(StorageError) -> LogFound {
        tell(.began(.log, path: logPath))
        guard try files.exists(logPath) else { return .absent }
        let folder = LogFolder(files: files, path: logPath, configuration: logConfiguration)
        let segments = try folder.segments()
        guard var first = segments.last else {
            tell(.found(CheckFinding(.damage, logPath, "there is no segment")))
            return .unreadable
        }
        for segment in segments.reversed().dropFirst() where segment.sequence == first.sequence &- 1 {
            first = segment
        }
        do throws(StorageError) {
            let reading = try folder.read(after: LogIndex(max(first.firstIndex.rawValue, 1) - 1))
            guard let metadata = reading.recovery.metadata.flatMap(WALMetadata.init) else {
                tell(.found(CheckFinding(.damage, "\(logPath)/\(first)", "it does not say which member's it is")))
                return .unreadable
            }
            report(reading, metadata, tell)
            return .read(reading)
        } catch {
            guard let damage = error.corruption else { throw error }
            let file = "\(logPath)/\(damage.segment)"
            tell(.found(CheckFinding(.damage, file, offset: damage.offset, damage.reason.rawValue)))
            return .unreadable
        }
    }

    private func report(_ reading: LogReading, _ metadata: WALMetadata, _ tell: (CheckNews) -> Void) {
        let recovery = reading.recovery
        tell(
            .log(
                CheckedLog(
                    memberID: metadata.memberID, clusterID: metadata.clusterID, segmentCount: reading.segments.count,
                    firstIndex: recovery.after.rawValue + 1, lastIndex: recovery.lastIndex.rawValue,
                    commitIndex: recovery.hardState?.commit.rawValue ?? 0,
                    term: recovery.hardState?.term.rawValue ?? 0)))
        guard let torn = reading.torn else { return }
        tell(
            .found(
                CheckFinding(
                    .note, "\(logPath)/\(torn.segment)", offset: torn.offset,
                    "the last write was cut short and never acknowledged; the server drops its \(torn.lostBytes) bytes")
            ))
    }

    /// Whether the log holds all that follows the checkpoint, in a form that can be applied.
    func check(_ reading: LogReading, after applied: LogIndex, _ tell: (CheckNews) -> Void) {
        let recovery = reading.recovery
        let (first, last) = (recovery.after.rawValue + 1, recovery.lastIndex.rawValue)
        func damage(_ message: String) { tell(.found(CheckFinding(.damage, logPath, message))) }
        guard first - 1 <= applied.rawValue else {
            // Not the last that there can be: one more follows it.
            return damage("the entries \(applied.rawValue + 1) to \(first - 1) are missing: a segment is gone")
        }
        guard last >= applied.rawValue else {
            return damage("it ends at entry \(last), before entry \(applied) that the checkpoint holds")
        }
        var unreadable = 0
        for entry in recovery.entries where entry.index > applied && entry.kind == .normal && !entry.data.isEmpty {
            do throws(RecordError) {
                _ = try LogRecord(entry.data)
            } catch {
                unreadable += 1
                if unreadable <= Self.listedFindings { damage("entry \(entry.index) can't be applied: \(error)") }
            }
        }
        if unreadable > Self.listedFindings { damage("\(unreadable) entries in all can't be applied") }
    }

    /// More of a kind are only counted.
    static let listedFindings = 10
}

extension DataFolder.LogFound: Equatable {
    /// Whether both are of a kind.
    static func == (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.absent, .absent), (.unreadable, .unreadable), (.read, .read): true
        default: false
        }
    }
}
