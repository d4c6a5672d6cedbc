// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica
import MartletSimulatedDisk
import MartletStorage
import MartletWALCodec

extension Simulator {
    var configuration: ReplicaConfiguration {
        var configuration = ReplicaConfiguration(
            member: MemberID(7), name: "simulated", clientURLs: ["http://127.0.0.1:2379"],
            peerURLs: ["http://127.0.0.1:2380"], seed: 1)
        configuration.store.indexNodeCapacity = 4
        configuration.store.maximumCatchUpRevisions = 5
        configuration.store.maximumCatchUpWatches = 3
        configuration.store.maximumCatchUpWork = 9
        configuration.limits.entriesPerStep = conditions.entriesPerStep
        configuration.limits.reclaimedPerStep = conditions.reclaimedPerStep
        configuration.limits.pendingWritesMax = conditions.pendingWritesMax
        configuration.limits.uncheckpointedBytesMax = conditions.uncheckpointedBytesMax
        configuration.limits.checkpointBytes = conditions.checkpointBytes
        configuration.limits.leasesPerScan = 2
        configuration.leaseNoteInterval = .seconds(2)
        configuration.checkpointInterval = .microseconds(conditions.checkpointTime)
        return configuration
    }

    /// A new process: tables, then log, then the member.
    func restart() throws(Violation) {
        precondition(life == nil, "a member lives twice")
        let clock = timing.number(0...1_000_000_000)
        let moment = Moment(
            monotonic: .microseconds(clock), wallMilliseconds: UInt64(wallOffset + now / 1_000))
        let state = try restoredState(at: moment)
        let opened: OpenedMemberLog
        do throws(StorageError) {
            opened = try openLog(after: state.applied.index)
        } catch {
            return try retry(error)
        }
        let recovery = opened.recovery
        try compare(recovery)
        let replica: Replica
        do throws(ReplicaFailure) {
            replica = try Replica(configuration, restoring: state, log: recovery, at: moment)
        } catch {
            throw Violation("the member can't start: \(error)")
        }
        lives += 1
        let life = Life(
            number: lives, replica: replica, log: LogQueue(opened.intoAppender(), logConfiguration), start: now,
            clock: clock)
        self.life = life
        trace.note(now, "restarted", lives, Int(recovery.lastIndex.rawValue))
        plan(.tick, in: timing.number(1...100_000), ofLife: true)
        try step(.start)
    }

    private func restoredState(at moment: Moment) throws(Violation) -> RestoredState {
        if tables.isEmpty { return .empty(configuration) }
        var restorer = ReplicaRestorer(configuration)
        do throws(CheckpointError) {
            try tables.forEach { (key, value) throws(CheckpointError) in
                try restorer.load(key, value.span.bytes)
            }
            return try restorer.finish(at: moment)
        } catch {
            throw Violation("the checkpoint can't be restored: \(error)")
        }
    }

    private func openLog(after index: LogIndex) throws(StorageError) -> OpenedMemberLog {
        let isThere = try logFolder.exists
        guard isThere || wasMade else {
            let metadata = WALMetadata(memberID: 7, clusterID: 9).encoded
            let appender = try logFolder.create(metadata: metadata, source: LogFolder.inline)
            wasMade = true
            return OpenedMemberLog(recovery: WALRecovery(), appender: appender)
        }
        wasMade = true
        let opened = try logFolder.open(after: index, source: LogFolder.inline)
        if opened.repair != nil { counts.tornTails += 1 }
        return OpenedMemberLog(recovery: opened.recovery, appender: opened.intoAppender())
    }

    /// The power may go while a log is opened, and a full disk may stay full.
    private func retry(_ error: StorageError) throws(Violation) {
        if disk.isDown {
            loseMemory(.power)
        } else if !isExpected(error) {
            throw Violation("the log can't be opened: \(error)")
        }
        plan(.restart, in: timing.number(1_000...500_000))
    }

    /// What was applied once is there, as it was.
    private func compare(_ recovery: WALRecovery) throws(Violation) {
        let known = oracle.entries.count
        if recovery.lastIndex.rawValue < UInt64(known) {
            throw Violation("of \(known) entries that were applied, \(recovery.lastIndex) are left")
        }
        for entry in recovery.entries where entry.index.rawValue <= UInt64(known) {
            let kind: Entry.Kind = entry.kind == .normal ? .normal : .configurationChange
            try oracle.compare(Entry(term: entry.term, index: entry.index, kind: kind, data: entry.data))
        }
    }

    // MARK: Recovered

    /// The member has applied all that it had acknowledged, and serves.
    func becomeReady(_ life: Life) throws(Violation) {
        guard !life.isReady else { throw Violation("the member is ready twice") }
        life.isReady = true
        let replayed = try replayedMember()
        let digest = life.replica.stateDigest()
        trace.note(now, "ready", Int(life.replica.applied.index.rawValue), Int(truncatingIfNeeded: digest))
        guard digest == replayed.stateDigest() else {
            throw Violation("the state differs from what the log alone gives, at \(life.replica.applied)")
        }
        try checkStreams(life)
        guard case .last = part else { return try oracle.check(life.replica.store, revisions: 5) }
        try oracle.check(life.replica.store)
        part = .done
    }

    /// A member made from nothing but the entries that were ever applied.
    private func replayedMember() throws(Violation) -> Replica {
        var batch = LogBatch()
        for entry in oracle.entries {
            batch.append(
                entry: entry.index, term: entry.term, kind: entry.kind == .normal ? .normal : .configurationChange,
                data: entry.data.span.bytes)
        }
        if let last = oracle.entries.last {
            batch.append(WALHardState(term: last.term, vote: 7, commit: last.index), mustSync: true)
        }
        var encoder = WALEncoder()
        encoder.appendChain()
        encoder.append(.metadata, WALMetadata(memberID: 7, clusterID: 9).encoded.span.bytes)
        var (cursor, head) = (LogBatch.Cursor(), LogHead())
        encoder.append(batch, from: &cursor, until: .max, head: &head)
        let name = WALSegmentName(sequence: 0, firstIndex: LogIndex(0))
        var decoder = WALDecoder(name, bytes: encoder.bytes.array, chain: 0, isLast: true)
        var recovery = WALRecovery()
        let moment = Moment(monotonic: .zero, wallMilliseconds: 0)
        guard (try? recovery.read(&decoder)) != nil,
            var member = try? Replica(configuration, restoring: .empty(configuration), log: recovery, at: moment)
        else { throw Violation("the log can't be replayed") }
        var effects = Effects()
        member.step(.start, at: moment, into: &effects)
        while member.applied.index < recovery.lastIndex {
            effects.removeAll()
            let before = member.applied.index
            member.step(.work, at: moment, into: &effects)
            if member.applied.index == before { throw Violation("the replay stops after \(before)") }
        }
        return member
    }
}

private struct OpenedMemberLog: ~Copyable {
    var recovery: WALRecovery
    var appender: LogAppender

    consuming func intoAppender() -> LogAppender { appender }
}
