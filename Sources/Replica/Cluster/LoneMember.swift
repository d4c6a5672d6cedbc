// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
public import MartletWALCodec

/// What a member's log must get behind its last entry so that the member goes on alone, whoever belonged to its cluster
/// before: entries that make it a voter if it is none and remove all others, and a state that says that all of the log
/// is committed.
///
/// It is for the last member that is left of a cluster, and asked for by hand. Entries that this member has but doesn't
/// know to be committed stay: a majority may have had them, and then they were acknowledged. (etcd drops them.)
///
/// Source: etcd bootstrap `NewConfigChangeEntries`, `AppendAndCommitEntries`.
public struct LoneMember: Sendable {
    public private(set) var entries: [WALEntry] = []
    public private(set) var hardState: WALHardState

    /// Nil for a member that is alone already, and for one that has not begun.
    ///
    /// - Parameters:
    ///   - state: as of the last checkpoint.
    ///   - log: read with `after` at the state's index.
    public init?(
        _ configuration: ReplicaConfiguration, _ state: RestoredState, _ log: WALRecovery
    ) throws(ReplicaFailure) {
        var cluster = state.cluster
        var position = EntryID(index: state.applied.index, term: state.applied.term)
        for entry in log.entries {
            position = EntryID(index: entry.index, term: entry.term)
            do throws(RecordError) {
                switch entry.kind {
                case .normal: continue
                case .configurationChange: try cluster.follow(try MemberChange(entry.data))
                case .configurationChangeV2: cluster.follow(try MemberReplacement(entry.data))
                }
            } catch {
                throw .unreadableEntry(entry.index, error)
            }
        }
        let last = log.hardState
        hardState = WALHardState(
            term: max(position.term, last?.term ?? position.term), vote: last?.vote ?? 0, commit: position.index)
        if hardState.term != last?.term { hardState.vote = 0 }
        guard !cluster.members.isEmpty else { return nil }
        // Nothing else counts before.
        if cluster.replacement != nil {
            cluster.endReplacement()
            append(.configurationChangeV2, MemberReplacement.end.encoded(), &position)
        }
        for change in cluster.changes(leaving: configuration) {
            append(.configurationChange, change.encoded(), &position)
        }
        guard !entries.isEmpty else { return nil }
        hardState.commit = position.index
    }

    private mutating func append(_ kind: WALEntry.Kind, _ data: [UInt8], _ position: inout EntryID) {
        position = EntryID(index: position.index + 1, term: hardState.term)
        entries.append(WALEntry(index: position.index, term: position.term, kind: kind, data: data))
    }

    public var batch: LogBatch {
        var batch = LogBatch()
        for entry in entries { batch.append(entry) }
        batch.append(hardState, mustSync: true)
        return batch
    }
}

extension ClusterState {
    /// Makes a change of the log's, unless it can't be made any more.
    fileprivate mutating func follow(_ change: MemberChange) throws(RecordError) {
        let context = try MemberContext(change.context, of: change.member)
        do throws(MembershipError) {
            try check(change, context)
        } catch {
            return
        }
        apply(change, context)
    }

    fileprivate mutating func follow(_ replacement: MemberReplacement) {
        switch replacement {
        case .begin(let old, let new):
            do throws(MembershipError) {
                try checkReplacement(of: old, by: new)
            } catch {
                return
            }
            beginReplacement(of: old, by: new)
        case .end: endReplacement()
        }
    }

    /// What leaves one member, a voter; itself first, for the last voter can't be removed.
    fileprivate func changes(leaving configuration: ReplicaConfiguration) -> [MemberChange] {
        let id = configuration.member
        var changes: [MemberChange] = []
        if let own = member(id) {
            if own.isLearner {
                let context = MemberContext(member: id, isPromotion: true)
                changes.append(MemberChange(.addVoter, id, context: context.encoded()))
            }
        } else {
            let context = MemberContext(member: id, peerURLs: configuration.peerURLs, name: configuration.name)
            changes.append(MemberChange(.addVoter, id, context: context.encoded()))
        }
        return changes + members.filter { $0.id != id }.map { MemberChange(.remove, $0.id) }
    }
}
