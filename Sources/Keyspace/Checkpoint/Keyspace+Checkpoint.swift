// SPDX-License-Identifier: Apache-2.0

public import MartletBasics
public import MartletStreams

// As with a stream, the shell does it so:
//
//     let checkpoint = keyspace.beginCheckpoint()    // on the home loop
//     checkpoint.encode(into: &batch)                // anywhere
//     write the batch
//     keyspace.endCheckpoint(checkpoint), or keyspace.failCheckpoint(checkpoint)

/// What brings the tables from one checkpoint of a keyspace to the next. Shares memory with the keyspace, and stays the
/// same whatever becomes of that.
public struct KeyspaceCheckpoint: Sendable {
    let state: KeyspaceState
    let changes: KeyspaceChanges
    /// Where users have changed.
    var access: AccessList?
    var keys: [(number: UInt64, record: KeyRecord)] = []
    /// With the places where the keyspace has them.
    var streams: [(number: UInt64, place: Int, checkpoint: StreamCheckpoint)] = []

    /// Whether blocks have to be copied before `encode`.
    public var hasBlockCopies: Bool { streams.contains { $0.checkpoint.hasBlockCopies } }

    /// Adds what the tables get of copied streams, each block as `read` finds it in them, as the last checkpoint left
    /// them. It may be written before the rest, in pieces: until that is there nobody looks at it.
    ///
    /// - Returns: the first record that isn't there; `nil`: all are.
    public func encodeBlockCopies<Failure: Error>(
        into batch: inout TableBatch, read: (TableKey) throws(Failure) -> [UInt8]?,
        piece: (inout TableBatch) throws(Failure) -> Void
    ) throws(Failure) -> TableKey? {
        var missing: TableKey?
        for (number, _, checkpoint) in streams {
            try checkpoint.forEachBlockCopy(of: number) { (copy) throws(Failure) in
                guard let value = try copy.sources.firstValue(read) else {
                    missing = missing ?? copy.target
                    return
                }
                copy.put(value, into: &batch)
                try piece(&batch)
            }
        }
        return missing
    }

    /// Adds all changes, removals first. Blocks that have to be copied are taken from what `read` finds in the tables.
    ///
    /// - Returns: the first record that isn't there; `nil`: all are.
    @discardableResult
    public func encode(into batch: inout TableBatch, read: (TableKey) -> [UInt8]?) -> TableKey? {
        let missing = encodeBlockCopies(into: &batch, read: read) { (_) throws(Never) in }
        encode(into: &batch, areBlocksCopied: true) { (_) throws(Never) in }
        return missing
    }

    /// Adds all changes, removals first.
    public func encode(into batch: inout TableBatch) {
        encode(into: &batch) { (_) throws(Never) in }
    }

    /// As above; `piece` is called again and again, and may take out what is in the batch: however much has changed,
    /// it needn't be in memory a second time.
    public func encode<Failure: Error>(
        into batch: inout TableBatch, areBlocksCopied: Bool = false,
        piece: (inout TableBatch) throws(Failure) -> Void
    ) throws(Failure) {
        precondition(areBlocksCopied || !hasBlockCopies, "blocks of a copied stream were not copied")
        for number in changes.removedKeys { batch.remove(KeyspaceTable.key(number)) }
        changes.removedStreams.forEach { key, _ in batch.remove(key) }
        batch.put(KeyspaceTable.state) { state.encode(into: &$0) }
        if let access { batch.put(KeyspaceTable.access) { access.encode(into: &$0) } }
        for (number, _, checkpoint) in streams { try checkpoint.encode(of: number, into: &batch, piece: piece) }
        for (number, record) in keys {
            batch.put(KeyspaceTable.key(number)) { record.encode(into: &$0) }
            try piece(&batch)
        }
    }
}

extension Keyspace {
    /// Takes down what has changed since the last checkpoint.
    ///
    /// Complexity: O(changed keys, and of changed streams what changed in them).
    public mutating func beginCheckpoint() -> KeyspaceCheckpoint {
        precondition(streamConfiguration.isCheckpointed, "this keyspace's changes are not noted")
        var taken = KeyspaceChanges()
        swap(&taken, &changes)
        var checkpoint = KeyspaceCheckpoint(state: KeyspaceState(self), changes: taken)
        if taken.isAccessChanged { checkpoint.access = access.list }
        for change in taken.keys {
            let (database, place) = (Int(change.database), Int(change.place))
            // It may have gone since, or stand twice in the list where another came to its place.
            guard place < databases[database].rows.count, let row = databases[database].rows[place], row.isChanged
            else { continue }
            databases[database][place].isChanged = false
            checkpoint.keys.append(
                (row.number, KeyRecord(row, database: database, place: place, streamNumbers: streamNumbers)))
            if case .stream(let stream) = row.value {
                checkpoint.streams.append((streamNumbers[stream], stream, streams[stream].beginCheckpoint()))
            }
        }
        if mayLackBlocks {
            for (number, _, written) in checkpoint.streams where !written.sealed.isEmpty {
                cache.underway[number] = written.sealed.map(\.base).sorted()
            }
        }
        return checkpoint
    }

    /// Makes the next checkpoint write what this one was to write.
    public mutating func failCheckpoint(_ checkpoint: KeyspaceCheckpoint) {
        cache.underway = [:]
        changes.removedKeys = checkpoint.changes.removedKeys + changes.removedKeys
        var removed = checkpoint.changes.removedStreams
        changes.removedStreams.forEach { key, _ in removed.remove(key) }
        changes.removedStreams = removed
        if checkpoint.changes.isAccessChanged { changes.isAccessChanged = true }
        let failed = Dictionary(uniqueKeysWithValues: checkpoint.streams.map { ($0.number, $0.checkpoint) })
        for place in streams.indices {
            if let stream = failed[streamNumbers[place]] { streams[place].failCheckpoint(stream) }
        }
        for change in checkpoint.changes.keys {
            let (database, place) = (Int(change.database), Int(change.place))
            guard place < databases[database].rows.count, databases[database].rows[place] != nil else { continue }
            databases[database][place].isChanged = true
            changes.keys.append(change)
        }
        // Keys that have moved since are noted at their new places.
    }
}

/// Makes a keyspace from the records of its checkpoint and of its streams', which come in key order, each once.
public struct KeyspaceRestorer: Sendable {
    private var keyspace: Keyspace
    private let configuration: StreamConfiguration
    /// By number; each is taken by one key. Walked where the order doesn't show.
    private var restorers: [UInt64: StreamRestorer] = [:]
    /// Whether the index of blocks is read, or else nothing but the blocks. Said before anything is loaded.
    public var readsIndex = true
    private var state: KeyspaceState?
    private var keys: [(key: TableKey, record: KeyRecord)] = []

    /// - Parameter blockBytes: as in `Keyspace.init`.
    public init(
        hashSeed: UInt64, streamConfiguration: StreamConfiguration = StreamConfiguration(), blockBytes: Int? = nil
    ) {
        keyspace = Keyspace(hashSeed: hashSeed, streamConfiguration: streamConfiguration, blockBytes: blockBytes)
        configuration = keyspace.streamConfiguration
    }

    /// Whether a table is one of those that `load` takes.
    public static func takes(_ table: TableID) -> Bool {
        // They follow each other; asked with each record of every table.
        KeyspaceTable.numbers.contains(table.rawValue)
    }

    public mutating func load(_ key: TableKey, _ value: RawSpan) throws(KeyspaceRestoreError) {
        if StreamTable.all.contains(key.table) {
            // Left by a checkpoint that was cut short when it had copied blocks: the log makes their stream anew.
            let isOfBlock = key.table == StreamTable.blocks || key.table == StreamTable.index
            if isOfBlock, restorers[key.object] == nil { return }
            do throws(StreamRestoreError) {
                let readsIndex = readsIndex
                try restorers[
                    key.object,
                    default: StreamRestorer(key.object, configuration: configuration, readsIndex: readsIndex)
                ].load(key, value)
            } catch {
                throw .inconsistent(key)
            }
        } else if key.table == KeyspaceTable.keyspaces {
            if key == KeyspaceTable.access {
                guard state != nil, let access = AccessList(decoding: value) else { throw .unreadable(key) }
                keyspace.access.list = access
                return
            }
            guard key == KeyspaceTable.state, state == nil else { throw .inconsistent(key) }
            state = try KeyspaceState(key, decoding: value)
        } else if key.table == KeyspaceTable.keys {
            keys.append((key, try KeyRecord(key, decoding: value)))
        } else {
            throw .foreign(key)
        }
    }

    /// The records of streams' open blocks, once the table of streams was loaded: beside them the index will do, but
    /// for `wholeStreams`.
    public var openBlocks: [TableKey] { restorers.values.compactMap(\.openBlock).sorted() }

    /// Numbers of the streams of which all blocks have to be read, and before the index.
    public var wholeStreams: Set<UInt64> { Set(restorers.filter(\.value.needsBlocks).keys) }

    /// The keyspace as it was. Without any record, an empty one.
    public mutating func finish() throws(KeyspaceRestoreError) -> Keyspace {
        guard let state else {
            if let first = keys.first { throw .inconsistent(first.key) }
            return keyspace
        }
        keyspace.restore(state)
        // Places rise inside each database.
        for (key, record) in keys.sorted(by: {
            ($0.record.database, $0.record.place) < ($1.record.database, $1.record.place)
        }) {
            try restore(key, record, state)
        }
        return keyspace
    }

    private mutating func restore(
        _ key: TableKey, _ record: KeyRecord, _ state: KeyspaceState
    ) throws(KeyspaceRestoreError) {
        guard key.object <= state.keyNumber, record.version <= state.changeCount else { throw .inconsistent(key) }
        let value: KeyValue
        switch record.value {
        case .string(let text): value = .string(text)
        case .list(let items): value = .list(ListValue(items))
        case .set(let members):
            var set = SetValue()
            for member in members where !set.insert(member) { throw .inconsistent(key) }
            value = .set(set)
        case .stream(let number):
            guard number > 0, number <= state.streamNumber, var restorer = restorers.removeValue(forKey: number) else {
                throw .inconsistent(key)
            }
            let stream: Stream
            do throws(StreamRestoreError) {
                stream = try restorer.finish()
            } catch {
                throw .inconsistent(key)
            }
            value = .stream(keyspace.add(stream, number: number))
        }
        var row = KeyRow(
            name: record.name,
            hash: NameHash.hash(record.name.span.bytes, seed: keyspace.databases[record.database].seed), value: value,
            expiresAt: record.expiresAt, version: record.version, number: key.object)
        row.isChanged = false
        guard keyspace.databases[record.database].restore(row, at: record.place) else { throw .inconsistent(key) }
        keyspace.settleStream(record.place, in: record.database)
        if record.expiresAt != KeyRow.endless {
            keyspace.expiries.put(
                ExpiryQueue.Item(
                    moment: record.expiresAt, number: key.object, database: Int32(record.database),
                    place: Int32(record.place)))
        }
    }
}
