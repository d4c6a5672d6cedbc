// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica
import MartletSimulatedDisk
import MartletStorage
import MartletWALCodec

extension Simulator {
    func configuration(_ host: Host) -> ReplicaConfiguration {
        var configuration = ReplicaConfiguration(
            member: host.id, name: "member \(host.place)", clientURLs: ["http://10.0.0.\(host.place + 1):2379"],
            peerURLs: [Self.peerURL(host.place)], seed: host.id.rawValue &* 0x9E37_79B9 &+ UInt64(lives))
        configuration.beginning = host.beginning
        configuration.healthTicks = 5
        configuration.limits.keptEntries = conditions.keptEntries
        configuration.limits.keptBytes = conditions.keptBytes
        configuration.limits.catchUpBytesPerStep = 100
        configuration.limits.trimmedPerStep = 3
        configuration.raft.limits.appendBytesMax = conditions.appendBytesMax
        configuration.raft.lease = lease(host)
        configuration.store.indexNodeCapacity = 4
        configuration.store.maximumCatchUpRevisions = 5
        configuration.store.maximumCatchUpWatches = 3
        configuration.store.maximumCatchUpWork = 9
        configuration.limits.entriesPerStep = conditions.entriesPerStep
        configuration.limits.reclaimedPerStep = conditions.reclaimedPerStep
        configuration.limits.pendingWritesMax = conditions.pendingWritesMax
        configuration.limits.uncheckpointedBytesMax = conditions.uncheckpointedBytesMax
        configuration.limits.checkpointBytes = conditions.checkpointBytes
        configuration.streamMemoryBytes = conditions.streamMemoryBytes
        configuration.limits.loadingBytesMax = 300
        configuration.limits.leasesPerScan = 2
        configuration.leaseNoteInterval = .seconds(2)
        // A flawed member finds no clock wrong.
        if flaw == .trustsItsClock { configuration.clockErrorMax = .seconds(1 << 40) }
        configuration.checkpointInterval = .microseconds(conditions.checkpointTime)
        return configuration
    }

    /// A new process: tables, then log, then the member.
    func restart(_ host: Host) throws(Violation) {
        precondition(host.life == nil, "a member lives twice")
        if host.isGone || host.isLost { return }
        let damage = damage(host)
        if damage != nil, flaw != .believesDamagedRecords, let damaged = host.tables.firstDamaged {
            return lose(host, "\(damaged) of the tables is damaged")
        }
        let clock = timing.number(0...1_000_000_000)
        let moment = Moment(
            monotonic: .microseconds(clock), wallMilliseconds: UInt64(host.wallOffset + now / 1_000))
        var state = try restoredState(of: host.tables, host, at: moment)
        let opened: OpenedMemberLog
        do throws(StorageError) {
            if try adoptsState(host, state) { state = stateOrTrap(host, at: moment) }
            opened = try openLog(host, after: state.applied.index)
        } catch {
            guard damage != nil, flaw != .believesDamagedRecords else { return try retry(error, host) }
            guard error.code == .corrupt else { throw Violation("damage shows as something else: \(error)") }
            return lose(host, "\(error)")
        }
        if let damage, flaw != .believesDamagedRecords { throw Violation("nobody noticed the damage: \(damage)") }
        let recovery = believed(opened.recovery, host)
        try compare(recovery)
        let replica: Replica
        do throws(ReplicaFailure) {
            replica = try Replica(configuration(host), restoring: state, log: recovery, at: moment)
        } catch {
            throw Violation("the member can't start: \(error)")
        }
        lives += 1
        let life = Life(
            number: lives, host: host, replica: replica, log: LogQueue(opened.intoAppender(), logConfiguration),
            start: now, clock: clock)
        host.life = life
        trace.note(now, "restarted", lives, Int(recovery.lastIndex.rawValue))
        plan(.tick, in: timing.number(1...100_000), of: life)
        try step(.start, life)
    }

    /// A state that had arrived, and of which the log says that it is there, takes the place of the tables now; any
    /// other is of no use any more.
    ///
    /// - Returns: whether it did.
    private func adoptsState(_ host: Host, _ state: RestoredState) throws(StorageError) -> Bool {
        guard let staged = host.staged else { return false }
        let opened = try openLog(host, after: state.applied.index)
        let isSaid = opened.recovery.after > state.applied.index
        var appender = opened.intoAppender()
        try appender.close()
        host.staged = nil
        guard isSaid else { return false }
        host.tables = staged
        return true
    }

    private func stateOrTrap(_ host: Host, at moment: Moment) -> RestoredState {
        do throws(Violation) {
            return try restoredState(of: host.tables, host, at: moment)
        } catch {
            preconditionFailure("a state that was read once can't be read again: \(error)")
        }
    }

    func restoredState(
        of tables: SimulatedTables, _ host: Host, at moment: Moment
    ) throws(Violation) -> RestoredState {
        if tables.isEmpty { return .empty(configuration(host)) }
        var restorer = ReplicaRestorer(configuration(host))
        do throws(CheckpointError) {
            try tables.forEach { (key, value) throws(CheckpointError) in
                try restorer.load(key, value.span.bytes)
            }
            return try restorer.finish(at: moment)
        } catch {
            throw Violation("the checkpoint can't be restored: \(error)")
        }
    }

    private func metadata(_ host: Host) -> [UInt8] {
        WALMetadata(memberID: host.id.rawValue, clusterID: 9).encoded
    }

    private func openLog(_ host: Host, after index: LogIndex) throws(StorageError) -> OpenedMemberLog {
        let folder = logFolder(host)
        let isThere = try folder.exists
        guard isThere || host.wasMade else {
            let appender = try folder.create(metadata: metadata(host), source: LogFolder.inline)
            host.wasMade = true
            return OpenedMemberLog(recovery: WALRecovery(), appender: appender)
        }
        host.wasMade = true
        let opened = try folder.open(after: index, source: LogFolder.inline)
        if opened.repair != nil { counts.tornTails += 1 }
        return OpenedMemberLog(recovery: opened.recovery, appender: opened.intoAppender())
    }

    /// The power may go while a log is opened, and a full disk may stay full.
    private func retry(_ error: StorageError, _ host: Host) throws(Violation) {
        if host.disk.isDown {
            loseMemory(.power, host)
        } else if !isExpected(error) {
            throw Violation("the log can't be opened: \(error)")
        }
        plan(.restart(host.place), in: timing.number(1_000...500_000))
    }

    /// What was applied once is there, as it was. One member among others may lack what the others have, and may have
    /// what nobody committed.
    private func compare(_ recovery: WALRecovery) throws(Violation) {
        guard hosts.count == 1 else { return }
        let known = oracle.entries.count
        if recovery.lastIndex.rawValue < UInt64(known) {
            throw Violation("of \(known) entries that were applied, \(recovery.lastIndex) are left")
        }
        for entry in recovery.entries where entry.index.rawValue <= UInt64(known) {
            let kind = Entry.Kind(entry.kind)
            try oracle.compare(Entry(term: entry.term, index: entry.index, kind: kind, data: entry.data))
        }
    }

    // MARK: Recovered

    /// The member has applied all that it had acknowledged, and serves.
    func becomeReady(_ life: Life) throws(Violation) {
        guard !life.isReady else { throw Violation("the member is ready twice") }
        // Half of an entry is no state that anybody else has.
        if life.replica.isApplyHalted { return plan(.becomesReady, in: 500, of: life) }
        life.isReady = true
        let replayed = try replayedMember(life)
        let digest = life.replica.stateDigest()
        trace.note(now, "ready", Int(life.replica.applied.index.rawValue), Int(truncatingIfNeeded: digest))
        guard digest == replayed.stateDigest() else {
            throw Violation("the state differs from what the log alone gives, at \(life.replica.applied)")
        }
        guard hosts.count == 1 else { return }
        try checkStreams(life)
        guard case .last = part else { return try oracle.check(life.replica.store, revisions: 5) }
        try oracle.check(life.replica.store)
        part = .done
    }

    /// A member made from nothing but the entries that were ever applied, as far as this one has them.
    private func replayedMember(_ life: Life) throws(Violation) -> Replica {
        let host = life.host
        let entries = oracle.entries.prefix(Int(life.replica.applied.index.rawValue))
        var batch = LogBatch()
        for entry in entries {
            batch.append(
                entry: entry.index, term: entry.term, kind: entry.kind.written, data: entry.data.span.bytes)
        }
        if let last = entries.last {
            batch.append(WALHardState(term: last.term, vote: host.id.rawValue, commit: last.index), mustSync: true)
        }
        let moment = Moment(monotonic: .zero, wallMilliseconds: 0)
        guard let recovery = Self.recovery(of: batch, after: .zero, metadata: metadata(host)),
            var member = try? Replica(
                configuration(host), restoring: .empty(configuration(host)), log: recovery, at: moment)
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
