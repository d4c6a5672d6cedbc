// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// The changes of one request while it runs: all under one main revision.
struct WriteBatch {
    let main: Int64
    /// The sub revision of the next change; equally the number of changes so far.
    private(set) var changes: Int64 = 0

    init(main: Int64) {
        self.main = main
    }

    /// The main revision that a read between the changes sees.
    var current: Int64 { changes == 0 ? main - 1 : main }

    mutating func nextRevision() -> Revision {
        defer { changes += 1 }
        return Revision(main: main, sub: changes)
    }
}

extension KeyValueStore {
    public mutating func put(_ request: PutRequest) throws(KeyValueError) -> PutResponse {
        try request.validate()
        try checkLease(request)
        try checkKeeps(request)
        return write { store, batch in store.put(request, in: &batch) }
    }

    public mutating func deleteRange(_ request: DeleteRangeRequest) throws(KeyValueError) -> DeleteRangeResponse {
        try request.validate()
        return write { store, batch in store.deleteRange(request, in: &batch) }
    }

    /// Runs `body`, and if it changed anything moves the revision and tells the watches.
    mutating func write<Result>(_ body: (inout KeyValueStore, inout WriteBatch) -> Result) -> Result {
        var batch = WriteBatch(main: revision + 1)
        let begin = view.history.end
        let result = body(&self, &batch)
        if batch.changes > 0 {
            view.revision = batch.main
            publishChanges(from: begin, count: batch.changes)
        }
        return result
    }

    /// - Parameter contentCount: bytes of its key and value.
    private mutating func append(_ change: HistoryRecord, contentCount: Int) {
        view.history.append(change)
        heldBytes += contentCount + Self.recordOverheadBytes
        checkpoint.addChange(contentCount: contentCount)
    }

    /// Refuses a put that names a lease which does not exist.
    func checkLease(_ request: PutRequest) throws(KeyValueError) {
        if request.lease != .none, !leases.contains(request.lease) { throw .leaseNotFound }
    }

    /// Refuses a put that keeps something of a key which does not exist.
    func checkKeeps(_ request: PutRequest) throws(KeyValueError) {
        guard request.ignoreValue || request.ignoreLease else { return }
        if view.index.withValue(of: request.key, { $0.isLive }) != true { throw .keyNotFound }
    }

    /// What a change did to the index, for history, leases and the answer.
    private struct Replaced {
        var change: HistoryRecord
        var lease: LeaseID
        /// Whether the key has entered the index.
        var isFresh = false
        /// Bytes of the value that stayed.
        var keptCount = 0
        var previous: KeyValueRecord?
        var preserved: HistoryRecord?
    }

    mutating func put(_ request: PutRequest, in batch: inout WriteBatch) -> PutResponse {
        // A key that a "from a key on" delete of the same transaction took has neither value nor lease to keep.
        let put = KeyEntry.Put(
            request.key, request.ignoreValue ? nil : request.value, lease: request.lease, at: batch.nextRevision(),
            freshNumber: nextKeyNumber)
        let replaced = Self.replace(put, request, in: &view, with: &packer)
        if let preserved = replaced.preserved { view.history.preserve(preserved) }
        let contentCount = request.key.count + (request.ignoreValue ? replaced.keptCount : request.value.count)
        append(replaced.change, contentCount: contentCount)
        counters.puts &+= 1
        counters.putBytes &+= UInt64(contentCount)
        if replaced.isFresh { nextKeyNumber = nextKeyNumber.next }
        let lease = request.ignoreLease ? replaced.lease : request.lease
        if replaced.lease != lease {
            leases.detach(request.key, from: replaced.lease)
            leases.attach(request.key, to: lease)
        }
        return PutResponse(revision: batch.main, previous: replaced.previous)
    }

    // View and packer are parameters because both change in one access to the index.
    private static func replace(
        _ put: KeyEntry.Put, _ request: PutRequest, in view: inout KeyValueSnapshot, with packer: inout ChangePacker
    ) -> Replaced {
        let floor = view.history.floor
        return view.index.update(request.key, initial: KeyEntry()) { entry in
            let previous = request.wantsPrevious && entry.isLive ? entry.newest.record : nil
            let preserved = entry.versionToPreserve(below: floor)
            let old = entry.newest.head
            var put = put
            if request.ignoreLease { put.lease = old.lease }
            entry.put(put, after: old, &packer)
            return Replaced(
                change: entry.newest, lease: old.lease, isFresh: old.main == 0, keptCount: old.valueCount,
                previous: previous, preserved: preserved)
        }
    }

    mutating func deleteRange(_ request: DeleteRangeRequest, in batch: inout WriteBatch) -> DeleteRangeResponse {
        var keys: [[UInt8]] = []
        var previous: [KeyValueRecord] = []
        view.index.forEach(in: request.interval, liveOnly: true) { entry in
            keys.append(entry.newest.key)
            if request.wantsPrevious { previous.append(entry.newest.record) }
            return true
        }
        for key in keys { delete(key, in: &batch) }
        counters.deletes &+= 1
        return DeleteRangeResponse(revision: batch.current, deleted: Int64(keys.count), previous: previous)
    }

    /// Ends the life of a key that exists.
    mutating func delete(_ key: [UInt8], in batch: inout WriteBatch) {
        let deleted = Self.delete(key, at: batch.nextRevision(), in: &view, with: &packer)
        guard let deleted else { preconditionFailure("\(key) is not in the index") }
        if let preserved = deleted.preserved { view.history.preserve(preserved) }
        append(deleted.change, contentCount: key.count)
        leases.detach(key, from: deleted.lease)
    }

    private static func delete(
        _ key: [UInt8], at revision: Revision, in view: inout KeyValueSnapshot, with packer: inout ChangePacker
    ) -> Replaced? {
        let floor = view.history.floor
        return view.index.updateExisting(key) { entry in
            let preserved = entry.versionToPreserve(below: floor)
            let lease = entry.lease
            entry.delete(at: revision, &packer)
            return Replaced(change: entry.newest, lease: lease, preserved: preserved)
        }
    }
}

extension KeyEntry {
    /// The newest version, where it stands in this entry alone because history no longer reaches back so far: it must
    /// go there before something newer takes its place.
    func versionToPreserve(below floor: Revision) -> HistoryRecord? {
        isLive && newest.isBefore(floor) ? newest : nil
    }
}
