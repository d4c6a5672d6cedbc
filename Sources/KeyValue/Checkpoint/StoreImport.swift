// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// Makes the tables of a store out of changes that come from elsewhere: from etcd's snapshot.
///
/// The calls come in this order: leases, changes in revision order, `finish`. What is given is not checked beyond its
/// form: `KeyValueRestorer` says whether it makes a store. Records of each table rise, so batches fill pages to the
/// brim. Memory is the caller's batch alone.
public struct StoreImport: Sendable {
    private var nextKeyNumber = KeyNumber.first
    private var leaseCount: UInt64 = 0

    public init() {}

    /// - Parameter remainingSeconds: 0 for the whole term.
    /// - Throws: `.unreadable` for terms that no store grants.
    public mutating func add(
        lease id: LeaseID, ttlSeconds: Int64, remainingSeconds: Int64, to batch: inout TableBatch
    ) throws(CheckpointError) {
        guard id != .none, 1...KeyValueStore.maximumLeaseTTLSeconds ~= ttlSeconds,
            0...ttlSeconds ~= remainingSeconds
        else { throw .unreadable(CheckpointTable.lease(id)) }
        var lease = Lease(id: id, ttlSeconds: ttlSeconds, serial: leaseCount, expiry: 0, promotion: 0)
        lease.remainingSeconds = remainingSeconds
        leaseCount += 1
        let record = LeaseRecord(lease)
        batch.put(CheckpointTable.lease(id)) { record.encode(into: &$0) }
    }

    /// The number for a key's next changes, to be asked for with its first.
    public mutating func add(key: [UInt8], to batch: inout TableBatch) -> KeyNumber {
        let number = nextKeyNumber
        nextKeyNumber = number.next
        batch.put(CheckpointTable.key(number)) { $0.append(contentsOf: key) }
        return number
    }

    /// - Throws: `.unreadable` for a version whose numbers contradict each other.
    public mutating func add(
        _ record: KeyValueRecord, at revision: Revision, isTombstone: Bool, key number: KeyNumber,
        to batch: inout TableBatch
    ) throws(CheckpointError) {
        let place = CheckpointTable.revision(revision)
        guard revision.main > 0, isTombstone || record.version > 0 && 1...revision.main ~= record.createRevision else {
            throw .unreadable(place)
        }
        let head = HistoryRecord.Head(
            main: revision.main, sub: revision.sub, keyNumber: number, version: isTombstone ? 0 : record.version,
            createRevision: isTombstone ? 0 : record.createRevision, lease: isTombstone ? .none : record.lease)
        record.withContent { _, _, value in batch.put(place) { head.encode(value, into: &$0) } }
    }

    /// Adds what the store says of itself. From `compactRevision` on every change was given; older ones only as far as
    /// they can still be read at it.
    public consuming func finish(
        revision: Int64, compactRevision: Int64, applied: AppliedPosition, to batch: inout TableBatch
    ) {
        let isCompacted = compactRevision > 0
        let header = StoreHeader(
            revision: max(revision, KeyValueStore.emptyRevision),
            compactRevision: isCompacted ? compactRevision : KeyValueStore.neverCompacted,
            floor: isCompacted ? Revision(main: compactRevision) : .zero, isReclaiming: false,
            nextKeyNumber: nextKeyNumber, nextLeaseSerial: leaseCount, applied: applied)
        batch.put(StoreHeader.key) { header.encode(into: &$0) }
    }
}
