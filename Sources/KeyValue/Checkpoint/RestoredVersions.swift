// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// The versions and tombstones of a checkpoint on their way into history and entries.
///
/// They arrive in revision order and are wanted key by key: a counting sort by the key's place brings them there.
///
///     belowFloor  [0 1]              numbered in the order of arrival
///     segments    [2 3 4 5] [6 7]    all full but the last
///     slots       3 1 1 0 3 0 1 2    place of the key of each
///     bySlot      3 5│1 2 6│7│0 4    numbers by place; ends says where each place's end
struct RestoredVersions {
    private var belowFloor: [HistoryRecord] = []
    private(set) var segments: [[HistoryRecord]] = []
    private(set) var survivors = SurvivorTable()
    private var slots: [Int32] = []
    private var bySlot: [Int32] = []
    private var ends: [Int32] = []

    var count: Int { slots.count }
    var isEmpty: Bool { slots.isEmpty }

    /// - Parameter record: later than all before it; its key is filled in later.
    mutating func append(_ record: HistoryRecord, slot: Int, floor: Revision) {
        slots.append(Int32(slot))
        if record.revision < floor {
            belowFloor.append(record)
            return
        }
        if segments.last.map({ $0.count == History.segmentCapacity }) != false {
            segments.append([])
            segments[segments.count - 1].reserveCapacity(History.segmentCapacity)
        }
        segments[segments.count - 1].append(record)
    }

    mutating func sortBySlot(slotCount: Int) {
        ends = [Int32](repeating: 0, count: slotCount)
        for slot in slots { ends[Int(slot)] += 1 }
        var begin: Int32 = 0
        for slot in ends.indices {
            let count = ends[slot]
            ends[slot] = begin
            begin += count
        }
        bySlot = [Int32](repeating: 0, count: slots.count)
        for (number, slot) in slots.enumerated() {
            bySlot[Int(ends[Int(slot)])] = Int32(number)
            ends[Int(slot)] += 1
        }
        slots = []
    }

    /// Makes the entry of a key, and gives its versions their key. Versions from below the floor that the entry does
    /// not hold become survivors.
    mutating func entry(
        slot: Int, key: [UInt8], number: KeyNumber, floor: Revision
    ) throws(CheckpointError) -> KeyEntry {
        var entry = KeyEntry(number: number)
        let begin = slot == 0 ? 0 : Int(ends[slot - 1])
        let end = Int(ends[slot])
        if end - begin > 1 { entry.olderRevisions.reserveCapacity(end - begin - 1) }
        for place in begin..<end {
            let number = Int(bySlot[place])
            setKey(of: number, to: key)
            let facts = facts(of: number)
            if entry.isLive, entry.modified < floor { survivors[entry.modified] = belowFloor[Int(bySlot[place - 1])] }
            guard facts.version == 0 ? entry.restoreTombstone(at: facts.revision) : entry.restorePut(facts) else {
                throw .inconsistent(CheckpointTable.revision(facts.revision))
            }
        }
        if entry.isEmpty { throw .inconsistent(CheckpointTable.key(number)) }
        if entry.isLive { entry.value = value(of: Int(bySlot[end - 1])) }
        return entry
    }

    /// A version without key and value: to look at these would touch memory that is needed no more.
    struct Facts {
        var revision: Revision
        var createRevision: Int64
        var version: Int64
        var lease: LeaseID

        init(_ record: borrowing HistoryRecord) {
            revision = record.revision
            createRevision = record.createRevision
            version = record.version
            lease = record.lease
        }
    }

    private mutating func setKey(of number: Int, to key: [UInt8]) {
        guard let place = place(of: number) else {
            belowFloor[number].key = key
            return
        }
        segments[place.segment][place.offset].key = key
    }

    /// Through spans records are borrowed; by subscript they would be copied, with a retain for each of their arrays.
    private func facts(of number: Int) -> Facts {
        guard let place = place(of: number) else { return Facts(belowFloor.span[number]) }
        let segment = segments.span[place.segment]
        return Facts(segment.span[place.offset])
    }

    private func value(of number: Int) -> [UInt8] {
        guard let place = place(of: number) else { return belowFloor[number].value }
        return segments[place.segment][place.offset].value
    }

    /// `nil`: it is below the floor.
    @inline(__always)
    private func place(of number: Int) -> (segment: Int, offset: Int)? {
        if number < belowFloor.count { return nil }
        let offset = number - belowFloor.count
        return (offset / History.segmentCapacity, offset % History.segmentCapacity)
    }
}

extension KeyEntry {
    /// Adds a version but its value to what was restored of the key; false if it contradicts that.
    fileprivate mutating func restorePut(_ record: RestoredVersions.Facts) -> Bool {
        if isLive {
            guard record.createRevision == created.main, record.version > version else { return false }
            olderRevisions.append(modified)
        } else {
            // Where the first version is gone, its place in its transaction is too, and nobody asks for it.
            let isCreation = record.createRevision == record.revision.main
            created = isCreation ? record.revision : Revision(main: record.createRevision)
        }
        modified = record.revision
        version = record.version
        lease = record.lease
        return true
    }

    /// Ends the life that was restored of the key. Its versions may be gone; then so is the count of its changes, for
    /// which nobody asks either. False if the key has been dead before.
    fileprivate mutating func restoreTombstone(at revision: Revision) -> Bool {
        if isLive {
            delete(at: revision)
            return true
        }
        guard modified == .zero else { return false }
        closed.append(Generation(created: revision, changeCount: 1, revisions: [revision]))
        modified = revision
        return true
    }
}
