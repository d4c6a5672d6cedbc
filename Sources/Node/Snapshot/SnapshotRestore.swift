// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdSnapshot
import MartletRaft
import MartletReplica
import MartletStorage
import MartletWALCodec

/// Makes a member's data folder out of a snapshot of etcd 3.4 to 3.6, or of Martlet.
///
/// As etcd's own tool does: the member belongs to a new cluster, whose founders are the first entries of a new log, all
/// of them committed and applied in term 1. The tables hold what the snapshot holds, and these entries:
///
///     log       1 add member   2 add member …│ the member goes on here, in term 2
///     tables    applied {index of the last founder, term 1}, keys, leases, users, roles, alarms
///
/// All members of a new cluster restore the same snapshot, each with its own name. The folder gets its content by one
/// rename when all of it is on disk: what a crash broke off leaves nothing but `member.tmp`, which the next attempt
/// removes.
package struct SnapshotRestore: Sendable {
    /// A founder of the new cluster.
    package struct Member: Hashable, Sendable {
        package var id: UInt64
        package var name: String
        package var peerURLs: [String]

        package init(id: UInt64, name: String, peerURLs: [String]) {
            self.id = id
            self.name = name
            self.peerURLs = peerURLs
        }
    }

    /// One of `members`, whose folder this becomes.
    package var memberID: UInt64
    package var clusterID: UInt64
    package var members: [Member]
    /// Missing or empty.
    package var dataPath: String
    /// Where the log goes, if not into the folder; must not exist.
    package var logPath: String?
    /// For a file out of an etcd's data folder, which has no SHA-256 behind it.
    package var skipsHashCheck = false
    /// What is added to the revision, so that no client's revision of the time after the snapshot comes again. All
    /// older revisions then count as compacted.
    package var revisionBump: UInt64 = 0
    var logConfiguration = LogConfiguration()

    package init(memberID: UInt64, clusterID: UInt64, members: [Member], dataPath: String) {
        self.memberID = memberID
        self.clusterID = clusterID
        self.members = members.sorted { $0.id < $1.id }
        self.dataPath = dataPath
    }

    /// Blocks. Memory is that of the keys, and at the end, when the tables are read as a member will read them, that of
    /// the store.
    package func run(from path: String) throws(SnapshotError) -> RestoredSnapshot {
        guard members.contains(where: { $0.id == memberID }) else {
            throw SnapshotError(.refused, "the restored member is none of the cluster's")
        }
        do {
            let reader = try EtcdSnapshotReader(SnapshotFileImage(path: path))
            try check(reader)
            let folder = RestoredFolder(path: dataPath, logPath: logPath)
            try folder.begin()
            do {
                let restored = try write(reader, to: folder.tablesFile)
                try makeLog(folder.temporaryLogPath)
                try folder.finish()
                return restored
            } catch {
                folder.abandon()
                throw error
            }
        } catch {
            throw SnapshotError(error)
        }
    }

    private func check(_ reader: EtcdSnapshotReader<SnapshotFileImage>) throws(SnapshotError) {
        guard !skipsHashCheck else { return }
        guard reader.hasTrailer else {
            throw SnapshotError(.snapshot, "snapshot missing hash but --skip-hash-check=false")
        }
        do throws(EtcdSnapshotError) {
            try reader.verifyTrailer()
        } catch {
            throw SnapshotError(error)
        }
    }

    // MARK: Tables

    private var applied: EntryID { EntryID(index: LogIndex(UInt64(members.count)), term: Term(1)) }

    private var founders: [MemberContext] {
        members.map { MemberContext(member: MemberID($0.id), peerURLs: $0.peerURLs, name: $0.name) }
    }

    private func write(
        _ reader: EtcdSnapshotReader<SnapshotFileImage>, to path: String
    ) throws -> RestoredSnapshot {
        let tables = try Tables(path: path, tables: ReplicaCheckpoint.tables)
        defer { tables.close() }
        var restored = RestoredTables(tables: tables, reader: reader)
        let result = try restored.write(
            revisionBump: revisionBump, founders: founders, applied: applied)
        try RestoredTables.verify(tables, against: result)
        return result
    }

    // MARK: Log

    private func makeLog(_ path: String) throws(StorageError) {
        let folder = LogFolder(files: PosixFileSystem(), path: path, configuration: logConfiguration)
        let metadata = WALMetadata(memberID: memberID, clusterID: clusterID)
        var log = try folder.create(metadata: metadata.encoded, source: LogFolder.inline)
        var batch = LogBatch()
        for (place, founder) in founders.enumerated() {
            let change = MemberChange(.addVoter, founder.member, context: founder.encoded())
            batch.append(
                WALEntry(
                    index: LogIndex(UInt64(place) + 1), term: applied.term, kind: .configurationChange,
                    data: change.encoded()))
        }
        // All founders have voted for the first one, as in etcd.
        let vote = members.first?.id ?? 0
        batch.append(WALHardState(term: applied.term, vote: vote, commit: applied.index), mustSync: true)
        var membership = WALSnapshot.Membership()
        membership.voters = members.map(\.id)
        batch.append(WALSnapshot(index: applied.index, term: applied.term, membership: membership))
        try log.append(batch)
        try log.close()
    }
}

/// What a restored member begins with.
package struct RestoredSnapshot: Hashable, Sendable {
    package var revision: Int64
    /// The oldest revision that can be read; −1: all.
    package var compactRevision: Int64
    /// Keys of which at least one change is there.
    package var keyCount = 0
    package var changeCount = 0
    package var leaseCount = 0
    /// Versions whose lease the snapshot doesn't have: their keys stay, without one.
    package var lostLeaseCount = 0
}
