// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

/// A member's disk: what is durable, and what was written but not synced, in order.
struct SimulatedDisk {
    /// A state machine's state is the list of all entries that made it.
    typealias State = [Entry]

    struct Image {
        var hardState: HardState
        /// The saved state and what it contains.
        var mark: SnapshotMark
        var state: State
        /// The log after `base`, which is at or below the mark.
        var base: EntryID
        var entries: [Entry]

        var last: LogIndex { base.index + entries.count }

        mutating func put(_ new: ArraySlice<Entry>) {
            guard let first = new.first else { return }
            entries.removeSubrange((first.index - base.index - 1)...)
            entries += new
        }

        mutating func install(_ snapshot: (mark: SnapshotMark, state: State)) {
            mark = snapshot.mark
            state = snapshot.state
            base = mark.last
            entries = []
        }
    }

    struct Write {
        /// `nil`: the commit index only, which nobody waits for.
        var number: WriteNumber?
        var hardState: HardState?
        var snapshot: (mark: SnapshotMark, state: State)?
        var entries: [Entry]
    }

    var durable: Image
    var pending: [Write] = []

    /// The last entry written before the newest write.
    var writtenBefore: LogIndex {
        for write in pending.dropLast().reversed() {
            if let last = write.entries.last?.index ?? write.snapshot?.mark.last.index { return last }
        }
        return durable.last
    }

    /// Makes the oldest `count` writes durable.
    ///
    /// - Returns: the number of the last of them that has one.
    mutating func sync(_ count: Int, sabotage: Sabotage?) -> WriteNumber? {
        var number: WriteNumber?
        for write in pending[..<count] {
            number = write.number ?? number
            if sabotage == .reportsUnsynced { continue }
            if let hardState = write.hardState { durable.hardState = hardState }
            if sabotage == .forgetsVotes { durable.hardState.vote = nil }
            if let snapshot = write.snapshot { durable.install(snapshot) }
            durable.put(write.entries[...])
        }
        pending.removeSubrange(..<count)
        return number
    }

    /// Of what was not synced some beginning survives, torn anywhere between two records.
    mutating func crash(random: inout SeededRandom, sabotage: Sabotage?) {
        _ = sync(random.below(pending.count + 1), sabotage: sabotage)
        if let torn = pending.first, sabotage == nil, torn.snapshot == nil || random.chance(1, in: 2) {
            if let snapshot = torn.snapshot { durable.install(snapshot) }
            durable.put(torn.entries.prefix(random.below(torn.entries.count + 1)))
        }
        pending = []
    }

    /// Saves the state up to `mark`, and drops the log up to `base`.
    mutating func checkpoint(_ mark: SnapshotMark, state: State, base: EntryID) {
        durable.mark = mark
        durable.state = state
        durable.entries.removeSubrange(..<(base.index - durable.base.index))
        durable.base = base
    }
}

/// Ways to break the contract on purpose: the checks must notice.
enum Sabotage: CaseIterable {
    /// Writes are reported durable that are not.
    case reportsUnsynced
    /// The disk never keeps whom a member voted for.
    case forgetsVotes
    /// Every candidate looks as if its log missed nothing.
    case flattersCandidates
    /// An answer to one round counts for rounds that were started since.
    case answersLaterRounds
}

extension SeededRandom {
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    mutating func chance(_ count: Int, in total: Int) -> Bool { below(total) < count }
}
