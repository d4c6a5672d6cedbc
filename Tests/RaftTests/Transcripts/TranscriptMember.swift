// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

/// One member of a transcript: the node while it runs, its state machine, and its disk.
struct TranscriptMember {
    /// What the entries applied so far say, oldest first.
    typealias State = [String]

    struct Write {
        /// `nil`: the commit index only, which becomes durable with the next write.
        var number: WriteNumber?
        var hardState: HardState?
        var snapshot: (mark: SnapshotMark, state: State)?
        var entries: [Entry]
    }

    let id: MemberID
    let settings: RaftSettings
    /// `nil` while it is crashed.
    var node: RaftNode?
    var state: State = []
    /// States that came with snapshots, by the last entry of each.
    var arrived: [EntryID: State] = [:]
    /// Whether writes wait for the act `sync`.
    var isHeld = false
    /// The commit index of which the transcript knows.
    var toldCommit = LogIndex.zero

    // The disk
    var pending: [Write] = []
    var hardState: HardState
    var saved: (mark: SnapshotMark, state: State)
    /// After the saved state.
    var entries: [Entry]

    init(id: MemberID, settings: RaftSettings, hardState: HardState, configuration: Configuration, entries: [Entry]) {
        self.id = id
        self.settings = settings
        self.hardState = hardState
        saved = (SnapshotMark(last: .zero, configuration: configuration), [])
        self.entries = entries
        start()
    }

    /// From what is durable, and from nothing else.
    mutating func start() {
        let node = RaftNode(
            id: id, settings: settings,
            recovered: RecoveredState(
                hardState: hardState, base: saved.mark.last, entries: entries, applied: saved.mark.last.index,
                configuration: saved.mark.configuration),
            random: SeededRandom(seed: id.rawValue))
        toldCommit = node.log.committed
        state = saved.state
        self.node = node
    }

    mutating func crash() {
        node = nil
        pending = []
        arrived = [:]
        isHeld = false
    }

    /// Makes all that is written durable.
    ///
    /// - Returns: the last write that has a number.
    mutating func sync() -> WriteNumber? {
        guard let end = pending.lastIndex(where: { $0.number != nil }) else { return nil }
        let number = pending[end].number
        for write in pending[...end] {
            if let snapshot = write.snapshot {
                saved = snapshot
                state = snapshot.state
                entries = []
            }
            if let first = write.entries.first {
                entries.removeSubrange((first.index - saved.mark.last.index - 1)...)
                entries += write.entries
            }
            if let new = write.hardState { hardState = new }
        }
        pending.removeSubrange(...end)
        return number
    }

    /// Saves the state, and drops the log that made it.
    mutating func compact() {
        guard let log = node?.log, let configuration = node?.configuration else { return }
        let end = min(log.applied, log.synced)
        guard end == log.applied, end > saved.mark.last.index, let term = log.term(at: end) else { return }
        entries.removeSubrange(..<(end - saved.mark.last.index))
        saved = (SnapshotMark(last: EntryID(index: end, term: term), configuration: configuration), state)
        node?.compact(upTo: end)
    }
}
