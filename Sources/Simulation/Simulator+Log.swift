// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletReplica
import MartletSimulatedDisk
import MartletStorage
import MartletWALCodec

extension Simulator {
    var logConfiguration: LogConfiguration {
        var configuration = LogConfiguration()
        configuration.segmentBytes = conditions.segmentBytes
        configuration.writeBytesMax = conditions.writeBytesMax
        configuration.queueBytesMax = conditions.queueBytesMax
        configuration.unsyncedBytesMax = 1_000
        configuration.zeroBytes = 4_096
        return configuration
    }

    func logFolder(_ host: Host) -> LogFolder {
        LogFolder(files: host.disk, path: "wal", configuration: logConfiguration)
    }

    func beginLogWrite(_ life: Life) {
        if life.log.begin() {
            plan(.logWrites, in: timing.number(1...conditions.diskTime * life.host.slowness), of: life)
        }
    }

    /// The disk has had its time: it does what it does.
    func writeLog(_ life: Life) throws(Violation) {
        guard let batch = life.log.writing else { return }
        do throws(StorageError) {
            try life.log.appender.append(batch)
        } catch {
            return try end(life, with: error)
        }
        trace.note(now, "written", batch.recordCount, life.host.disk.operationCount)
        guard try survives(life) else { return }
        plan(.logWritten, in: timing.number(0...100), of: life)
    }

    func endLogWrite(_ life: Life) throws(Violation) {
        if flaw == .answersBeforeSync {
            // Also when the disk has had no time.
            try step(.synced(life.log.lastNumber), life)
        }
        guard life.isAlive, life.log.writing != nil else { return }
        let number = life.log.end()
        beginLogWrite(life)
        if flaw != .answersBeforeSync { try step(.synced(number), life) }
    }

    func releaseLog(_ life: Life) throws(Violation) {
        guard let index = life.log.releaseBelow else { return }
        life.log.releaseBelow = nil
        do throws(StorageError) {
            try life.log.appender.release(below: index)
        } catch {
            try end(life, with: error)
        }
    }

    /// The log can't go on, and so the member can't.
    func end(_ life: Life, with error: StorageError) throws(Violation) {
        if life.host.disk.isDown { return try die(faults.once(in: 3) ? .process : .power, life) }
        guard isExpected(error) else { throw Violation("the log failed without a cause: \(error)") }
        trace.note(now, "log failed", error.code == .noSpace ? 1 : 0, 0, "\(error)")
        try? life.log.appender.close()
        try die(.process, life)
    }

    /// Whether the simulated disk said so itself.
    func isExpected(_ error: StorageError) -> Bool {
        error.code == .noSpace || error.code == .inputOutput && error.message.hasPrefix("the disk refuses")
    }

    // MARK: Checkpoints

    func writeCheckpoint(_ life: Life) throws(Violation) {
        guard let checkpoint = life.checkpoint else { return }
        var batch = TableBatch()
        let missing = checkpoint.encode(into: &batch) { life.host.tables.value(of: $0) }
        if let missing { throw Violation("a block to be copied to \(missing) isn't in the tables") }
        let isTorn = flaw == .tearsCheckpoints && faults.flag()
        let isWritten = life.host.tables.commit(batch, part: isTorn ? batch.count / 2 : .max)
        trace.note(now, "checkpoint", Int(checkpoint.applied.index.rawValue), isWritten ? 1 : 0)
        guard try survives(life) else { return }
        life.checkpoint = nil
        counts.checkpoints += isWritten ? 1 : 0
        plan(.checkpointEnds(isWritten: isWritten), in: timing.number(0...conditions.diskTime), of: life)
    }

    /// A copy of the member takes everything that it has handed over for synced, and that is written down.
    func commitAhead(_ life: Life) {
        var ahead = life.replica
        var effects = Effects()
        var moment = moment(of: life)
        moment.monotonic += .seconds(100)
        ahead.step(.synced(life.log.lastNumber), at: moment, into: &effects)
        guard let checkpoint = effects.checkpoint else { return }
        var batch = TableBatch()
        checkpoint.encode(into: &batch) { life.host.tables.value(of: $0) }
        _ = life.host.tables.commit(batch)
    }
}
