// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRaft
package import MartletWALCodec

extension Replica {
    /// A member as its disk has it; nothing is applied before `Event.start`.
    ///
    /// - Parameters:
    ///   - state: as of the last checkpoint, or empty.
    ///   - log: read with `after` at the state's index. Without entries and hard state, and with an empty state, the
    ///     member begins a new cluster. Its whole tail goes to Raft: entries known to be committed are applied again
    ///     first, the others when Raft commits them.
    package init(
        _ configuration: ReplicaConfiguration, restoring state: RestoredState, log: WALRecovery, at moment: Moment
    ) throws(ReplicaFailure) {
        var settings = configuration.raft
        // Nothing is handed out for applying that a few steps can't do.
        settings.limits.applyingBytesMax = max(configuration.limits.bytesPerStep * 4, 1)
        var recovered = try Self.recovered(configuration, state, log)
        let isNew = log.entries.isEmpty && log.hardState == nil && state.applied.index == .zero
        if isNew {
            let change = MemberChange(
                .addVoter, configuration.member,
                context: MemberContext(
                    member: configuration.member, peerURLs: configuration.peerURLs, name: configuration.name
                ).encoded())
            recovered = .bootstrap(recovered.configuration, changes: [change.encoded()])
        }
        self.configuration = configuration
        self.isNew = isNew
        var stamp = state.cluster.stamp
        for entry in recovered.entries where entry.kind == .normal {
            do throws(RecordError) {
                stamp = max(stamp, try LogRecord.stamp(of: entry.data))
            } catch {
                throw .unreadableEntry(entry.index, error)
            }
        }
        node = RaftNode(
            id: configuration.member, settings: settings, recovered: recovered,
            random: SeededRandom(seed: configuration.seed))
        store = state.store
        keyspace = state.keyspace
        commands = CommandQueue(seed: configuration.seed ^ Self.commandSeed)
        cluster = state.cluster
        auth = state.auth
        authTable = state.authTable
        applied = state.applied
        keyspaceProgress.measuredBytes = configuration.keyspaceQuotaBytes == nil ? 0 : keyspace.memoryBytes()
        lastStamp = stamp
        nextRecordID = Self.firstRecordID(configuration.member, at: moment)
        nextContext = nextRecordID
        checkpoint.last = state.applied.index
        checkpoint.next = moment.monotonic + configuration.checkpointInterval
    }

    /// So that records don't draw the numbers that elections do.
    private static let commandSeed: UInt64 = 0x6B65_7973_7061_6365

    private static func recovered(
        _ configuration: ReplicaConfiguration, _ state: RestoredState, _ log: WALRecovery
    ) throws(ReplicaFailure) -> RecoveredState {
        guard log.after == state.applied.index else {
            throw .gap(checkpoint: state.applied.index, log: log.after)
        }
        var entries: [Entry] = []
        entries.reserveCapacity(log.entries.count)
        for entry in log.entries {
            let kind: Entry.Kind
            switch entry.kind {
            case .normal: kind = .normal
            case .configurationChange: kind = .configurationChange
            case .configurationChangeV2: throw .unsupportedEntry(entry.index)
            }
            entries.append(Entry(term: entry.term, index: entry.index, kind: kind, data: entry.data))
        }
        let members = state.cluster.configuration
        return RecoveredState(
            hardState: HardState(log.hardState), base: EntryID(index: state.applied.index, term: state.applied.term),
            entries: entries,
            // Before its first entry is applied a new cluster already counts by it.
            configuration: members.voters.isEmpty ? Configuration(voters: [configuration.member]) : members)
    }

    /// Unique also over restarts as long as less than 256 a millisecond are used: 16 bits of the member's id, then a
    /// number that starts at the wall clock's milliseconds times 256. Source: etcd's id generator.
    private static func firstRecordID(_ member: MemberID, at moment: Moment) -> UInt64 {
        member.rawValue << 48 | (moment.wallMilliseconds << 8 & 0xFFFF_FFFF_FFFF) | 1
    }
}

extension HardState {
    init(_ written: WALHardState?) {
        guard let written else {
            self.init()
            return
        }
        self.init(
            term: written.term, vote: written.vote == 0 ? nil : MemberID(written.vote), commit: written.commit)
    }

    var written: WALHardState { WALHardState(term: term, vote: vote?.rawValue ?? 0, commit: commit) }
}
