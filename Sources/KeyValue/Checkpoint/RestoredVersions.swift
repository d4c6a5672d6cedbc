// SPDX-License-Identifier: Apache-2.0

import CMartletPosix
import MartletBasics

/// The versions and tombstones of a checkpoint on their way into history and entries.
///
/// They arrive in revision order and are wanted key by key: a counting sort by the key's place brings them there.
///
///     changes     0 1│2 3 4 5 6 7    in the order of arrival; from firstAbove on not below the floor
///     slots       3 1 1 0 3 0 1 2    place of the key of each
///     byKey       7│3 5│0 4│1 2 6    numbers in the order of keys; ends says where each key's end
struct RestoredVersions {
    private var changes: [HistoryRecord] = []
    private var firstAbove = 0
    private var packer = ChangePacker()
    private(set) var oldSlabs = OldSlabs()
    private(set) var survivors = SurvivorTable()
    private var slots: [Int32] = []
    private var byKey: [Int32] = []
    private var ends: [Int32] = []

    var count: Int { slots.count }
    var isEmpty: Bool { slots.isEmpty }

    /// Those from the floor on.
    var aboveFloor: ArraySlice<HistoryRecord> { changes[firstAbove...] }

    /// - Parameter head: of a change that is later than all before it.
    /// - Returns: what it counts; see `KeyValueStore.liveBytes`.
    mutating func append(
        _ head: HistoryRecord.Head, key: RawSpan, value: RawSpan, slot: Int, isAboveFloor: Bool
    ) -> Int {
        let change: HistoryRecord
        if isAboveFloor {
            change = packer.pack(head, key: key, value: value)
        } else {
            change = oldSlabs.pack(head, key: key, value: value)
            firstAbove += 1
        }
        slots.append(Int32(slot))
        changes.append(change)
        return change.liveBytes
    }

    /// - Parameter order: the keys' places in the order in which their entries will be made.
    mutating func sort(by order: [Int32]) {
        var ranks = [Int32](repeating: 0, count: order.count)
        for (rank, slot) in order.enumerated() { ranks[Int(slot)] = Int32(rank) }
        ends = [Int32](repeating: 0, count: order.count)
        for slot in slots { ends[Int(ranks[Int(slot)])] += 1 }
        var begin: Int32 = 0
        for rank in ends.indices {
            let count = ends[rank]
            ends[rank] = begin
            begin += count
        }
        byKey = [Int32](repeating: 0, count: slots.count)
        for (number, slot) in slots.enumerated() {
            let rank = Int(ranks[Int(slot)])
            byKey[Int(ends[rank])] = Int32(number)
            ends[rank] += 1
        }
        slots = []
    }

    /// Asks for memory that is needed some changes on: neither their records nor their bytes are in any cache, and to
    /// wait for one after the other was a third of a restart.
    private func fetch(behind place: Int) {
        let (near, far) = (place + Self.headDistance, place + 2 * Self.headDistance)
        guard far < byKey.count else { return }
        changes.withUnsafeBufferPointer { changes in
            if let base = changes.baseAddress { martlet_prefetch(base + Int(byKey[far])) }
            changes[Int(byKey[near])].fetch()
        }
    }

    private static let headDistance = 12

    /// Makes the entry of the key at `rank` in the order. Versions from below the floor that the entry does not hold
    /// become survivors.
    mutating func entry(
        rank: Int, number: KeyNumber, floor: Revision
    ) throws(CheckpointError) -> KeyEntry {
        var entry = KeyEntry()
        let begin = rank == 0 ? 0 : Int(ends[rank - 1])
        let end = Int(ends[rank])
        if end - begin > 1 { entry.older.reserveCapacity(end - begin - 1) }
        for place in begin..<end {
            fetch(behind: place)
            let change = changes[Int(byKey[place])]
            if entry.isLive, entry.newest.isBefore(floor) { survivors[entry.modified] = entry.newest }
            guard change.isTombstone ? entry.restoreTombstone(change) : entry.restorePut(change) else {
                throw .inconsistent(CheckpointTable.revision(change.revision))
            }
        }
        if entry.newest.main == 0 { throw .inconsistent(CheckpointTable.key(number)) }
        return entry
    }
}

extension KeyEntry {
    /// Adds a version to what was restored of the key; false if it contradicts that.
    fileprivate mutating func restorePut(_ change: HistoryRecord) -> Bool {
        let old = newest.head
        if isLive {
            let new = change.head
            guard new.createRevision == old.createRevision, new.version > old.version else { return false }
        }
        if old.main != 0 { older.append(OlderChange(old)) }
        newest = change
        return true
    }

    /// Ends the life that was restored of the key. Its versions may be gone. False if the key has been dead before.
    fileprivate mutating func restoreTombstone(_ change: HistoryRecord) -> Bool {
        if isLive {
            older.append(OlderChange(newest.head))
        } else {
            guard newest.main == 0 else { return false }
        }
        newest = change
        return true
    }
}
