// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// Makes a store from the records of its checkpoint.
///
/// The records come in key order, each once. The index comes back without a search, and what a version costs is mostly
/// one look at memory that isn't in a cache:
///
///     state       revision, floor …
///     leases      leases
///     keys        place 0, 1, 2 … with key
///     revisions   oldest first, in history, with the place of their key beside them
///     finish      sort places by key; for each, in this order: gather its versions, make its entry, append it to the
///                 tree; attach leases
public struct KeyValueRestorer: Sendable {
    private let configuration: KeyValueStore.Configuration
    private var header: StoreHeader?
    private var leases: [LeaseRecord] = []
    private var numbers: [UInt64] = []
    private var keys: [[UInt8]] = []
    private var slots = KeySlots()
    private var versions = RestoredVersions()
    /// What the versions count so far; see `KeyValueStore.liveBytes`.
    private var heldBytes = 0
    /// Versions that lost their key to a removal that had not come to the end of its walk.
    private var orphans: [Revision] = []

    /// - Parameter configuration: of the store to be made.
    public init(configuration: KeyValueStore.Configuration) {
        self.configuration = configuration
    }

    /// Takes the next record.
    public mutating func load(_ key: TableKey, _ value: RawSpan) throws(CheckpointError) {
        switch key.table {
        case CheckpointTable.revisions: try loadRevision(key, value)
        case CheckpointTable.keys: try loadKey(key, value)
        case CheckpointTable.leases: leases.append(try LeaseRecord(key, decoding: value))
        case CheckpointTable.state: try loadHeader(key, value)
        default: throw .foreign(key)
        }
    }

    private mutating func loadHeader(_ key: TableKey, _ value: RawSpan) throws(CheckpointError) {
        guard key == StoreHeader.key else { throw .foreign(key) }
        header = try StoreHeader.decode(value)
    }

    private mutating func loadKey(_ key: TableKey, _ value: RawSpan) throws(CheckpointError) {
        guard let header else { throw .noHeader }
        guard versions.isEmpty, key.object < header.nextKeyNumber.rawValue,
            numbers.last.map({ $0 < key.object }) != false, numbers.count < Int32.max
        else {
            throw .inconsistent(key)
        }
        if value.byteCount == 0 { throw .unreadable(key) }
        numbers.append(key.object)
        keys.append([UInt8](copying: value))
    }

    private mutating func loadRevision(_ key: TableKey, _ value: RawSpan) throws(CheckpointError) {
        guard let header else { throw .noHeader }
        if versions.isEmpty { slots = KeySlots(numbers) }
        guard let main = Int64(exactly: key.object), let sub = Int64(exactly: key.id), main <= header.revision else {
            throw .inconsistent(key)
        }
        let revision = Revision(main: main, sub: sub)
        guard let head = RevisionHead(main: main, decoding: value) else { throw .unreadable(key) }
        guard let slot = slots.slot(of: head.keyNumber) else {
            // Removal forgets a key with its first unreadable change and then walks on to the others.
            guard header.isReclaiming, main < header.compactRevision else { throw .inconsistent(key) }
            orphans.append(revision)
            return
        }
        // Tombstones below the floor are nobody's business any more, and gone.
        if head.version == 0, revision < header.floor { throw .inconsistent(key) }
        guard versions.count < Int32.max else { throw .inconsistent(key) }
        let numbers = HistoryRecord.Head(
            main: main, sub: sub, keyNumber: head.keyNumber, version: head.version,
            createRevision: head.createRevision, lease: head.lease)
        let name = keys[slot]
        heldBytes += versions.append(
            numbers, key: name.span.bytes,
            value: value.extracting(droppingFirst: head.version == 0 ? value.byteCount : head.valueOffset), slot: slot,
            isAboveFloor: revision >= header.floor)
    }

    /// The store, equal in all it answers to the one that was written, without watches.
    ///
    /// What was loaded goes into it: this can be called once.
    ///
    /// - Parameter now: leases run out as if their terms began now.
    public mutating func finish(
        now: Duration
    ) throws(CheckpointError) -> (store: KeyValueStore, applied: AppliedPosition) {
        guard let header else { throw .noHeader }
        // Taken out, so that nobody shares them while they change.
        var versions = RestoredVersions()
        swap(&versions, &self.versions)
        let (keys, numbers) = (keys, numbers)
        var store = KeyValueStore(configuration: configuration)
        store.leases.restore(leases, nextSerial: header.nextLeaseSerial, now: now)
        let order = KeySorting.order(of: keys)
        for place in order.indices.dropFirst() where keys[Int(order[place])] == keys[Int(order[place - 1])] {
            throw .inconsistent(CheckpointTable.key(KeyNumber(numbers[Int(order[place])])))
        }
        versions.sort(by: order)
        store.view.index = try CountedTree(nodeCapacity: configuration.indexNodeCapacity, count: order.count) {
            (place) throws(CheckpointError) in
            let slot = Int(order[place])
            let entry = try versions.entry(
                rank: place, number: KeyNumber(numbers[slot]), floor: header.floor)
            if entry.lease != .none {
                guard store.leases.contains(entry.lease) else {
                    throw .inconsistent(CheckpointTable.revision(entry.modified))
                }
                store.leases.attach(keys[slot], to: entry.lease)
            }
            return entry
        }
        store.view.history = History(
            floor: header.floor, changes: versions.aboveFloor, survivors: versions.survivors)
        store.oldSlabs = versions.oldSlabs
        store.view.revision = header.revision
        store.view.compactRevision = header.compactRevision
        store.reclaimCursor = header.isReclaiming ? header.floor : nil
        store.nextKeyNumber = header.nextKeyNumber
        store.heldBytes = heldBytes
        store.checkpoint.revision = header.revision
        store.checkpoint.nextKeyNumber = header.nextKeyNumber
        for orphan in orphans { store.checkpoint.remove(orphan) }
        return (store, header.applied)
    }
}
