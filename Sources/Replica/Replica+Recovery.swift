// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletKeyspace
public import MartletRaft
public import MartletWALCodec

extension Replica {
    /// A member as its disk has it; nothing is applied before `Event.start`.
    ///
    /// - Parameters:
    ///   - state: as of the last checkpoint, or empty.
    ///   - log: read with `after` at the state's index. Without entries and hard state, and with an empty state, the
    ///     member begins a new cluster. Its whole tail goes to Raft: entries known to be committed are applied again
    ///     first, the others when Raft commits them.
    public init(
        _ configuration: ReplicaConfiguration, restoring state: RestoredState, log: WALRecovery, at moment: Moment
    ) throws(ReplicaFailure) {
        var settings = configuration.raft
        // Nothing is handed out for applying that a few steps can't do.
        settings.limits.applyingBytesMax = max(configuration.limits.bytesPerStep * 4, 1)
        var recovered = try Self.recovered(configuration, state, log)
        let founders = configuration.founders
        // Without a hard state the first write of several founders was torn: nothing was said to anybody.
        let isNew =
            log.hardState == nil && state.applied.index == .zero && !founders.isEmpty
            && (log.entries.isEmpty || founders.count > 1)
        if isNew {
            let changes = founders.map { MemberChange(.addVoter, $0.member, context: $0.encoded()).encoded() }
            recovered = .bootstrap(Configuration(voters: founders.map(\.member)), changes: changes)
        } else {
            recovered.hasPromisedNobody = Self.wasAlwaysAlone(configuration.member, state.cluster, recovered)
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
        node.catchUpBytes = 0
        store = state.store
        keyspace = state.keyspace
        commands = CommandQueue(seed: configuration.seed ^ Self.commandSeed)
        cluster = state.cluster
        auth = state.auth
        keyspace.access.service = state.auth
        authTable = state.authTable
        applied = state.applied
        keyspaceProgress.measuredBytes = configuration.keyspaceQuotaBytes == nil ? 0 : keyspace.memoryBytes()
        lastStamp = stamp
        nextRecordID = Self.firstRecordID(configuration.member, at: moment)
        nextContext = nextRecordID
        clocks = MemberClocks(round: nextRecordID)
        checkpoint.last = state.applied.index
        checkpoint.next = moment.monotonic + configuration.checkpointInterval
        judgeClocks()
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
            entries.append(
                Entry(term: entry.term, index: entry.index, kind: Entry.Kind(entry.kind), data: entry.data))
        }
        let members = state.cluster.configuration
        // Before its first entries are applied a new cluster already counts by them.
        let founders = try foundingVoters(entries)
        let isBegun = log.hardState != nil || !entries.isEmpty
        let beginning = isBegun ? founders : configuration.founders.map(\.member)
        return RecoveredState(
            hardState: HardState(log.hardState), base: EntryID(index: state.applied.index, term: state.applied.term),
            entries: entries,
            configuration: members.voters.isEmpty ? Configuration(voters: beginning) : members)
    }

    /// Those whom the log's first entries name: all members of a new cluster have the same there, of the first term.
    private static func foundingVoters(_ entries: [Entry]) throws(ReplicaFailure) -> [MemberID] {
        var founders: [MemberID] = []
        var index = LogIndex(1)
        for entry in entries {
            guard entry.index == index, entry.term == Term(1), entry.kind == .configurationChange else { break }
            do throws(RecordError) {
                let change = try MemberChange(entry.data)
                guard change.kind == .addVoter else { break }
                founders.append(change.member)
            } catch {
                throw .unreadableEntry(entry.index, error)
            }
            index = index + 1
        }
        return founders
    }

    /// Whether nobody else has ever been a member: then none can have led.
    private static func wasAlwaysAlone(
        _ member: MemberID, _ cluster: ClusterState, _ recovered: RecoveredState
    ) -> Bool {
        let isAlone = recovered.configuration.isOnlyVoter(member) && recovered.configuration.learners.isEmpty
        guard isAlone, cluster.removed.isEmpty else { return false }
        return recovered.entries.allSatisfy { entry in
            switch entry.kind {
            case .normal: true
            case .configurationChange: (try? MemberChange(entry.data))?.member == member
            case .jointChange: false
            }
        }
    }

    /// Unique also over restarts as long as less than 256 a millisecond are used: 16 bits of the member's id, then a
    /// number that starts at the wall clock's milliseconds times 256. Source: etcd's id generator.
    private static func firstRecordID(_ member: MemberID, at moment: Moment) -> UInt64 {
        member.rawValue << 48 | (moment.wallMilliseconds << 8 & 0xFFFF_FFFF_FFFF) | 1
    }
}

extension ReplicaConfiguration {
    /// Who begins a new cluster, in the order in which all of them name each other; nobody where there is one.
    var founders: [MemberContext] {
        switch beginning {
        case .alone: [MemberContext(member: member, peerURLs: peerURLs, name: name)]
        case .together(let members): members.sorted { $0.member < $1.member }
        case .joining: []
        }
    }
}

extension Entry.Kind {
    public init(_ written: WALEntry.Kind) {
        switch written {
        case .normal: self = .normal
        case .configurationChange: self = .configurationChange
        case .configurationChangeV2: self = .jointChange
        }
    }

    public var written: WALEntry.Kind {
        switch self {
        case .normal: .normal
        case .configurationChange: .configurationChange
        case .jointChange: .configurationChangeV2
        }
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
