// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdSnapshot
import MartletKeyValue
import MartletKeyspace
import MartletRaft
import MartletReplica
import MartletStorage

/// One state of a member's tables in the words of etcd's snapshot: what stands in each bucket, in the buckets' order.
///
/// A key's bytes stand in its own record and are looked up for each of its changes, so that memory stays that of one
/// change however many keys there are. Complexity: O(changes · log keys).
enum TablesWalk {
    /// - Throws: `CheckpointError.noHeader` for tables without a checkpoint.
    static func state(_ reader: borrowing TableReader) throws -> StoredState {
        guard let value = try reader.value(of: StoredState.key) else { throw CheckpointError.noHeader }
        return try StoredState(decoding: value.span.bytes)
    }

    /// The small buckets, laid out as by the release whose version the server reports.
    static func contents(_ reader: borrowing TableReader, _ state: StoredState) throws -> EtcdSnapshotContents {
        guard let value = try reader.value(of: ClusterState.record) else { throw CheckpointError.noHeader }
        guard let cluster = ClusterState(record: value.span.bytes) else {
            throw CheckpointError.unreadable(ClusterState.record)
        }
        var contents = EtcdSnapshotContents()
        let configuration = cluster.configuration
        var confState = BackendConfState(voters: configuration.voters.map(\.rawValue))
        confState.learners = configuration.learners.map(\.rawValue)
        confState.outgoingVoters = configuration.outgoing.map(\.rawValue)
        confState.isAutoLeave = configuration.isJoint
        contents.meta.consistentIndex = state.applied.index
        contents.meta.term = state.applied.term
        contents.meta.confState = confState
        if state.compactRevision > 0 {
            // Whoever loads the file ends a removal that was scheduled and not finished.
            contents.meta.scheduledCompaction = Revision(main: state.compactRevision)
            if !state.isReclaiming { contents.meta.finishedCompaction = Revision(main: state.compactRevision) }
        }
        contents.members = cluster.members.map(Self.member)
        contents.alarms = cluster.alarms.all.map { alarm in
            BackendAlarm(memberID: alarm.member.rawValue, alarm: UInt64(UInt32(bitPattern: alarm.kind.rawValue)))
        }
        if cluster.downgrade.isEnabled {
            contents.downgrade = BackendDowngrade(targetVersion: cluster.downgrade.targetVersion, isEnabled: true)
        }
        contents.auth = try SnapshotAuth.read(reader)
        return contents.laidOut(for: .v3_6)
    }

    private static func member(_ member: ClusterState.Member) -> BackendMember {
        BackendMember(
            id: member.id.rawValue, name: member.attributes?.name ?? "", peerURLs: member.peerURLs,
            clientURLs: member.attributes?.clientURLs ?? [], isLearner: member.isLearner)
    }

    /// - Parameters:
    ///   - wantsValues: false leaves every record's value empty.
    ///   - body: gets each change with its value's length.
    static func forEachRevision(
        _ reader: borrowing TableReader, _ state: StoredState, wantsValues: Bool,
        _ body: (BackendRevision, _ valueLength: Int) throws -> Void
    ) throws {
        try reader.forEach(in: CheckpointTable.revisions) { place, bytes in
            let stored = try StoredRevision(place, decoding: bytes)
            guard let key = try reader.value(of: stored.keyRecord) else {
                // Removal of compacted changes takes a key with its first change, and the others later.
                if state.isReclaiming, stored.revision.main < state.compactRevision { return true }
                throw CheckpointError.inconsistent(place)
            }
            let main = stored.revision.main
            let length = bytes.byteCount - stored.valueOffset
            let record =
                stored.isTombstone
                ? KeyValueRecord.tombstone(key: key, modRevision: main)
                : KeyValueRecord(
                    key: key, createRevision: stored.createRevision, modRevision: main, version: stored.version,
                    value: wantsValues ? [UInt8](copying: bytes, from: stored.valueOffset) : [], lease: stored.lease)
            try body(
                BackendRevision(revision: stored.revision, record: record, isTombstone: stored.isTombstone), length)
            return true
        }
    }

    /// Streams, and the other keys of Redis's clients, with their users; nothing where nobody has ever used them.
    static func forEachRecord(
        _ reader: borrowing TableReader, _ body: (TableKey, RawSpan) throws -> Void
    ) throws {
        guard try reader.withValue(of: KeyspaceTable.state, { KeyspaceTable.isUnused($0) }) == false else { return }
        for table in KeyspaceTable.all.sorted() {
            try reader.forEach(in: table) { key, value in
                try body(key, value)
                return true
            }
        }
    }

    static func forEachLease(_ reader: borrowing TableReader, _ body: (BackendLease) throws -> Void) throws {
        try reader.forEach(in: CheckpointTable.leases) { place, bytes in
            let lease = try StoredLease(place, decoding: bytes)
            try body(
                BackendLease(id: lease.id, ttlSeconds: lease.ttlSeconds, remainingSeconds: lease.remainingSeconds))
            return true
        }
    }
}
