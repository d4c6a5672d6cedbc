// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

/// A message under way. A snapshot's state travels with it.
struct Packet {
    var message: Message
    var state: SimulatedDisk.State?
}

/// One member: the node under test, while it runs, and a driver for it.
struct SimulatedMember {
    let id: MemberID
    let initial: Configuration
    var node: RaftNode?
    var disk: SimulatedDisk
    /// All that is applied, from index 1 on.
    var state: SimulatedDisk.State = []
    /// Handed out but not applied.
    var unapplied: [Entry] = []
    /// Arrived with snapshots, by the last entry of each.
    var arrived: [EntryID: SimulatedDisk.State] = [:]
    /// Being installed, and the write that does it.
    var installing: (write: WriteNumber, state: SimulatedDisk.State)?
    var orders = Orders()
    /// How far its commits are compared with the truth.
    var checkedCommit = LogIndex.zero

    init(id: MemberID, initial: Configuration) {
        self.id = id
        self.initial = initial
        let mark = SnapshotMark(last: .zero, configuration: initial)
        disk = SimulatedDisk(
            durable: .init(hardState: HardState(), mark: mark, state: [], base: .zero, entries: []))
    }

    mutating func start(settings: RaftSettings, seed: UInt64) {
        let image = disk.durable
        node = RaftNode(
            id: id, settings: settings,
            recovered: RecoveredState(
                hardState: image.hardState, base: image.base, entries: image.entries, applied: image.mark.last.index,
                configuration: image.mark.configuration),
            random: SeededRandom(seed: seed))
        state = image.state
        unapplied = []
        arrived = [:]
        installing = nil
        checkedCommit = image.mark.last.index
    }

    mutating func crash(random: inout SeededRandom, sabotage: Sabotage?) {
        node = nil
        disk.crash(random: &random, sabotage: sabotage)
    }

    /// Takes orders, and queues what they want of disk and state machine.
    mutating func takeOrders() {
        node!.takeOrders(into: &orders)
        if orders.hardState != nil || orders.write != nil {
            let snapshot = orders.snapshot.map { ($0, arrived[$0.last]!) }
            disk.pending.append(
                .init(number: orders.write, hardState: orders.hardState, snapshot: snapshot, entries: orders.entries))
            if let snapshot { installing = (orders.write!, snapshot.1) }
        }
        unapplied += orders.committed
    }

    mutating func sync(_ count: Int, sabotage: Sabotage?) {
        guard let number = disk.sync(count, sabotage: sabotage) else { return }
        if let installing, installing.write <= number {
            state = installing.state
            unapplied = []
            self.installing = nil
        }
        node!.persisted(upTo: number)
    }

    mutating func apply(_ count: Int) {
        for entry in unapplied[..<count] {
            state.append(entry)
            node!.follow(entry)
        }
        unapplied.removeSubrange(..<count)
        node!.applied(upTo: LogIndex(UInt64(state.count)))
    }

    /// Saves what is applied and durable, then forgets some of the log.
    mutating func checkpoint(random: inout SeededRandom) {
        guard installing == nil, node!.log.synced <= disk.durable.last else { return }
        let last = min(LogIndex(UInt64(state.count)), node!.log.synced)
        guard last > disk.durable.mark.last.index else { return }
        let kept = Array(state.prefix(Int(last.rawValue)))
        let mark = SnapshotMark(last: state[kept.count - 1].id, configuration: configuration(of: kept))
        let base = max(disk.durable.base.index, LogIndex(last.rawValue - UInt64(random.below(8)).clamped(to: last)))
        guard let baseTerm = node!.log.term(at: base) else { return }
        disk.checkpoint(mark, state: kept, base: EntryID(index: base, term: baseTerm))
        node!.compact(upTo: base)
    }

    /// Who belongs to the cluster after these entries.
    func configuration(of state: SimulatedDisk.State) -> Configuration {
        var result = initial
        for entry in state { result.follow(entry) }
        return result
    }
}

extension UInt64 {
    fileprivate func clamped(to index: LogIndex) -> UInt64 { Swift.min(self, index.rawValue) }
}
