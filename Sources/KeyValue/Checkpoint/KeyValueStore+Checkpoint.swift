// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

// A store whose configuration says `isCheckpointed` tells what a checkpoint must write. The shell does it so:
//
//     let checkpoint = store.beginCheckpoint(applied: position)    // on the home loop, O(1)
//     checkpoint.encode(into: &batch)                              // anywhere
//     wait until the log is synced up to position; write the batch // blocks, on a thread of its own
//     store.endCheckpoint(isWritten: true)                         // on the home loop
//
// The tables then hold the store as it was at `beginCheckpoint`, whatever it did since.
extension KeyValueStore {
    /// Takes down what has changed since the last checkpoint.
    ///
    /// One checkpoint is under way at a time: `endCheckpoint` comes before the next. Complexity: O(slabs of changes).
    ///
    /// - Parameter applied: the last log entry that this state holds.
    public mutating func beginCheckpoint(applied: AppliedPosition) -> KeyValueCheckpoint {
        precondition(configuration.isCheckpointed, "this store's changes are not noted")
        precondition(checkpoint.underway == nil, "a checkpoint is under way")
        var removals = checkpoint.removals
        removals.leases = leases.changes
        leases.changes = []
        checkpoint.removals = CheckpointProgress.Removals()
        checkpoint.underway = CheckpointProgress.Underway(
            revision: revision, nextKeyNumber: nextKeyNumber, removals: removals, byteCount: checkpoint.byteCount)
        checkpoint.byteCount = 0
        let tail = view.history.tail(from: view.history.position(of: Revision(main: checkpoint.revision + 1)))
        return KeyValueCheckpoint(
            header: StoreHeader(
                revision: revision, compactRevision: compactRevision, floor: view.history.floor,
                isReclaiming: reclaimCursor != nil, nextKeyNumber: nextKeyNumber,
                nextLeaseSerial: leases.nextSerial, applied: applied),
            segments: tail.segments, skipped: tail.skipped, firstNewKey: checkpoint.nextKeyNumber,
            removals: removals)
    }

    /// - Parameter isWritten: whether the tables hold the checkpoint that is under way. If not, the next one takes over
    ///   what it was to bring.
    public mutating func endCheckpoint(isWritten: Bool) {
        guard var ended = checkpoint.underway else { preconditionFailure("no checkpoint is under way") }
        checkpoint.underway = nil
        if isWritten {
            checkpoint.revision = ended.revision
            checkpoint.nextKeyNumber = ended.nextKeyNumber
            return
        }
        let leaseChanges = ended.removals.leases
        ended.removals.leases = []
        ended.removals.append(checkpoint.removals)
        checkpoint.removals = ended.removals
        checkpoint.byteCount += ended.byteCount
        leases.changes = leaseChanges + leases.changes
    }

    /// Bytes that changes and removals of keys and leases take while no written checkpoint holds them. Complexity:
    /// O(1).
    public var uncheckpointedBytes: Int {
        checkpoint.uncheckpointedBytes + leases.changes.count * MemoryLayout<LeaseChange>.stride
    }

    /// Whether versions or keys that have left the store are in the last written checkpoint. Complexity: O(1).
    public var hasUncheckpointedRemovals: Bool { checkpoint.hasRemovals }

    /// The main revision up to which the last written checkpoint holds everything.
    public var checkpointRevision: Int64 { checkpoint.revision }
}

/// What brings the tables from one checkpoint of a store to the next. Shares memory with the store, and stays the same
/// whatever becomes of that.
public struct KeyValueCheckpoint: Sendable {
    let header: StoreHeader
    let segments: [History.Segment]
    /// Records of the first segment that the last checkpoint holds.
    let skipped: Int
    let firstNewKey: KeyNumber
    let removals: CheckpointProgress.Removals

    public var applied: AppliedPosition { header.applied }

    /// Adds all changes. The same checkpoint yields the same bytes. Complexity: O(changes + removals · log removals).
    public func encode(into batch: inout TableBatch) {
        batch.put(StoreHeader.key) { header.encode(into: &$0) }
        for change in removals.leases {
            switch change {
            case .put(let record): batch.put(CheckpointTable.lease(record.id)) { record.encode(into: &$0) }
            case .remove(let id): batch.remove(CheckpointTable.lease(id))
            }
        }
        // A key's first change is a put, and numbers are given in the order of history.
        var newKey = firstNewKey
        var skipped = skipped
        for segment in segments {
            for offset in skipped..<segment.count {
                let change = segment.record(at: offset)
                if change.keyNumber == newKey {
                    batch.put(CheckpointTable.key(newKey)) { $0.append(contentsOf: change.key) }
                    newKey = newKey.next
                }
                batch.put(CheckpointTable.revision(change.revision)) { change.encode(into: &$0) }
            }
            skipped = 0
        }
        precondition(newKey == header.nextKeyNumber, "history lacks the first change of key number \(newKey.rawValue)")
        for revision in removals.revisions.sorted() { batch.remove(CheckpointTable.revision(revision)) }
        for number in removals.keys.sorted() { batch.remove(CheckpointTable.key(number)) }
    }
}

extension KeyValueStore {
    /// What is wrong with the index's shape; `nil` if nothing is. For tests.
    public func brokenIndexInvariant() -> String? { view.index.brokenInvariant() }
}
