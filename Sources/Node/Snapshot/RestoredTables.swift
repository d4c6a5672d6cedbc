// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdSnapshot
import MartletKeyValue
import MartletKeyspace
import MartletRaft
import MartletReplica
import MartletStorage

/// Writes the tables of a restored member.
///
/// Two passes over the snapshot's changes: the first finds the newest change of each key, and its newest up to the
/// compaction; the second writes what can still be read. So a snapshot taken while a compaction was being carried out
/// comes out as if it had been finished. Memory is that of the keys, and one batch.
struct RestoredTables {
    /// What the first pass says of a key.
    private struct Past {
        var newest: Revision
        /// Of those up to the compaction.
        var newestCompacted: Revision?
        var number: KeyNumber?
    }

    /// The highest version of etcd's storage that is understood.
    private static let knownVersion = (major: 3, minor: 6)
    /// One transaction writes about this much, so that LMDB has few pages to remember.
    private static let batchByteCount = 16 << 20
    private static let batchCount = 1 << 17

    private let tables: Tables
    private let reader: EtcdSnapshotReader<SnapshotFileImage>
    private var batch = TableBatch()
    private var store = StoreImport()
    private var past: [[UInt8]: Past] = [:]
    private var leases: Set<LeaseID> = []

    init(tables: Tables, reader: EtcdSnapshotReader<SnapshotFileImage>) {
        self.tables = tables
        self.reader = reader
    }

    mutating func write(
        revisionBump: UInt64, founders: [MemberContext], applied: EntryID
    ) throws -> RestoredSnapshot {
        let contents = try reader.contents()
        try Self.checkVersion(contents.meta.storageVersion)
        var result = try examine(contents.meta, revisionBump: revisionBump)
        try writeLeases(&result)
        try writeChanges(&result)
        try writeRecords()
        try SnapshotAuth.add(contents.auth, to: &batch)
        store.finish(
            revision: result.revision, compactRevision: result.compactRevision,
            applied: AppliedPosition(index: applied.index, term: applied.term), to: &batch)
        let alarms = contents.alarms.map { alarm in
            Alarm(Alarm.Kind(rawValue: Int32(truncatingIfNeeded: alarm.alarm)), of: MemberID(alarm.memberID))
        }
        ClusterState(founding: founders, alarms: alarms).add(to: &batch)
        try flush()
        return result
    }

    private static func checkVersion(_ text: String?) throws(SnapshotError) {
        guard let text else { return }
        let parts = text.split(separator: ".").map { Int($0) }
        guard parts.count >= 2, let major = parts[0], let minor = parts[1],
            (major, minor) <= (knownVersion.major, knownVersion.minor)
        else {
            throw SnapshotError(.snapshot, "the snapshot's storage version is \(text), later than is understood here")
        }
    }

    // MARK: First pass

    /// Fills `past`. The answer is how far the restored store is, and what it can still read.
    private mutating func examine(_ meta: BackendMeta, revisionBump: UInt64) throws -> RestoredSnapshot {
        let bump = Int64(clamping: revisionBump)
        let finished = meta.finishedCompaction?.main ?? 0
        // The highest that any compaction can reach in the end; with a bump everything is compacted.
        var compacted = bump > 0 ? Int64.max : max(finished, meta.scheduledCompaction?.main ?? 0)
        var last = KeyValueStore.emptyRevision
        var cursor = try reader.revisions()
        while let change = try cursor.next() {
            last = max(last, change.revision.main)
            // Stands for no key: a restore that raised the revision left it.
            if change.record.key.isEmpty { continue }
            let revision = change.revision
            let isCompacted = revision.main <= compacted
            past[change.record.key, default: Past(newest: revision)].newest = revision
            if isCompacted { past[change.record.key]?.newestCompacted = revision }
        }
        last = max(last, finished)
        if bump > 0 {
            guard case (let bumped, false) = last.addingReportingOverflow(bump),
                bumped < KeyValueStore.maximumRevision
            else {
                throw SnapshotError(.refused, "revision \(last) can't be raised by \(revisionBump)")
            }
            last = bumped
        }
        // A compaction that was asked for beyond the last change never began.
        compacted = min(compacted, last)
        return RestoredSnapshot(
            revision: last, compactRevision: compacted > 0 ? compacted : KeyValueStore.neverCompacted)
    }

    // MARK: Second pass

    private mutating func writeLeases(_ result: inout RestoredSnapshot) throws {
        var cursor = try reader.leases()
        while let lease = try cursor.next() {
            let remaining = min(max(lease.remainingSeconds, 0), lease.ttlSeconds)
            do throws(CheckpointError) {
                try store.add(
                    lease: lease.id, ttlSeconds: lease.ttlSeconds, remainingSeconds: remaining, to: &batch)
            } catch {
                throw SnapshotError(.snapshot, "bucket lease: lease \(lease.id) has a term of \(lease.ttlSeconds) s")
            }
            leases.insert(lease.id)
            result.leaseCount += 1
            try flushIfFull()
        }
    }

    private mutating func writeChanges(_ result: inout RestoredSnapshot) throws {
        var cursor = try reader.revisions()
        while var change = try cursor.next() {
            guard var known = past[change.record.key], isReadable(change, known, result.compactRevision) else {
                continue
            }
            let number: KeyNumber
            if let given = known.number {
                number = given
            } else {
                number = store.add(key: change.record.key, to: &batch)
                known.number = number
                past[change.record.key] = known
                result.keyCount += 1
            }
            // Of old versions any lease may be gone.
            if change.record.lease != .none, known.newest == change.revision, !leases.contains(change.record.lease) {
                change.record.lease = .none
                result.lostLeaseCount += 1
            }
            do throws(CheckpointError) {
                try store.add(
                    change.record, at: change.revision, isTombstone: change.isTombstone, key: number, to: &batch)
            } catch {
                throw SnapshotError(.snapshot, "bucket key: the entry of revision \(change.revision) can't be true")
            }
            result.changeCount += 1
            try flushIfFull()
        }
    }

    private mutating func writeRecords() throws {
        guard var cursor = try reader.records() else { return }
        while let record = try cursor.next() {
            guard KeyspaceRestorer.takes(record.key.table) else {
                throw SnapshotError(.snapshot, "bucket \(BackendRecord.bucketName): \(record.key) is not understood")
            }
            batch.put(record.key) { $0 += record.value }
            try flushIfFull()
        }
    }

    /// Tombstones below the compaction are nobody's business; one exactly at it can still be watched.
    private func isReadable(_ change: BackendRevision, _ past: Past, _ compacted: Int64) -> Bool {
        change.revision.main >= compacted || past.newestCompacted == change.revision && !change.isTombstone
    }

    private mutating func flushIfFull() throws {
        if batch.byteCount >= Self.batchByteCount || batch.count >= Self.batchCount { try flush() }
    }

    private mutating func flush() throws {
        guard !batch.isEmpty else { return }
        try tables.write(batch)
        batch.removeAll()
    }

    // MARK: Verifying

    /// Reads the tables as a member does when it starts, so that a snapshot that contradicts itself is refused now.
    static func verify(_ tables: Tables, against expected: RestoredSnapshot) throws {
        let configuration = ReplicaConfiguration(
            member: MemberID(1), name: "", clientURLs: [], peerURLs: [], seed: 0)
        let state: RestoredState
        do throws(MemberFailure) {
            state = try DataFolder.restore(
                configuration, from: tables, at: Moment(monotonic: .zero, wallMilliseconds: 0))
        } catch {
            guard case .checkpoint(let reason) = error else { throw SnapshotError(.tables, "\(error)") }
            throw SnapshotError(.snapshot, "the snapshot contradicts itself: \(reason)")
        }
        guard state.store.revision == expected.revision, state.store.compactRevision == expected.compactRevision
        else { throw SnapshotError(.tables, "the tables are not what was written") }
    }
}
