// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
public import MartletBasics
public import MartletKeyValue
public import MartletKeyspace

/// What brings the tables from one checkpoint of a member to the next.
///
/// It covers only entries that are applied and durable in the own log: it can be written at once.
public struct ReplicaCheckpoint: Sendable {
    let keyValue: KeyValueCheckpoint
    let cluster: ClusterState
    let auth: [AuthTable.Change]
    let keyspace: KeyspaceCheckpoint?

    public var applied: AppliedPosition { keyValue.applied }

    /// All tables that checkpoints write, in the order in which they are restored.
    public static let tables =
        CheckpointTable.all + [ClusterState.key.table, AuthTable.id] + KeyspaceTable.all

    /// Whether blocks of streams have to be copied in the tables before `encode`.
    public var hasBlockCopies: Bool { keyspace?.hasBlockCopies == true }

    /// Adds what the tables get of copied streams, each block as `read` finds it in them; to be written before the
    /// rest, in any number of transactions. `piece` is called after each block, and may take out what is in the batch.
    ///
    /// - Returns: the first record that isn't there; `nil`: all are.
    public func encodeBlockCopies<Failure: Error>(
        into batch: inout TableBatch, read: (TableKey) throws(Failure) -> [UInt8]?,
        piece: (inout TableBatch) throws(Failure) -> Void
    ) throws(Failure) -> TableKey? {
        try keyspace?.encodeBlockCopies(into: &batch, read: read, piece: piece)
    }

    /// Adds all changes; they belong into one transaction. Blocks that have to be copied are taken from what `read`
    /// finds in the tables. Anywhere but on the home loop.
    ///
    /// - Returns: the first record to be copied that isn't there; `nil`: all are.
    @discardableResult
    public func encode(into batch: inout TableBatch, read: (TableKey) -> [UInt8]?) -> TableKey? {
        encodeStore(into: &batch)
        return keyspace?.encode(into: &batch, read: read)
    }

    /// As above, without blocks to be copied; `piece` is called again and again, and may take out what is in the batch.
    ///
    /// - Parameter areBlocksCopied: whether blocks that have to be copied were.
    public func encode<Failure: Error>(
        into batch: inout TableBatch, areBlocksCopied: Bool = false,
        piece: (inout TableBatch) throws(Failure) -> Void
    ) throws(Failure) {
        encodeStore(into: &batch)
        try keyspace?.encode(into: &batch, areBlocksCopied: areBlocksCopied, piece: piece)
    }

    private func encodeStore(into batch: inout TableBatch) {
        keyValue.encode(into: &batch)
        batch.put(ClusterState.key) { cluster.encode(into: &$0) }
        for change in auth {
            if let value = change.value {
                batch.put(change.key) { $0 += value }
            } else {
                batch.remove(change.key)
            }
        }
    }
}

/// A member's state as its last checkpoint had it.
public struct RestoredState: Sendable {
    public var store: KeyValueStore
    public var keyspace: Keyspace
    public var cluster: ClusterState
    public var auth: AuthStore
    public var applied: AppliedPosition
    var authTable = AuthTable()

    /// - Parameter store: empty, and noting what a checkpoint needs.
    public static func empty(_ configuration: ReplicaConfiguration) -> RestoredState {
        var store = configuration.store
        store.isCheckpointed = true
        return RestoredState(
            store: KeyValueStore(configuration: store),
            keyspace: Keyspace(hashSeed: configuration.seed, blockBytes: configuration.streamMemoryBytes),
            cluster: ClusterState(), auth: AuthStore(),
            applied: AppliedPosition(index: LogIndex(0), term: Term(0)))
    }
}

/// Makes a member's state from the records of its checkpoint, which come in key order, each once.
public struct ReplicaRestorer: Sendable {
    private var keyValue: KeyValueRestorer
    private var keyspace: KeyspaceRestorer
    private var cluster: ClusterState?
    private var authTable = AuthTable()
    private var authEntries: [AuthEntry] = []

    public init(_ configuration: ReplicaConfiguration) {
        var store = configuration.store
        store.isCheckpointed = true
        keyValue = KeyValueRestorer(configuration: store)
        keyspace = KeyspaceRestorer(hashSeed: configuration.seed, blockBytes: configuration.streamMemoryBytes)
    }

    /// See `KeyspaceRestorer`.
    public var readsIndex: Bool {
        get { keyspace.readsIndex }
        set { keyspace.readsIndex = newValue }
    }

    public var openBlocks: [TableKey] { keyspace.openBlocks }

    public var wholeStreams: Set<UInt64> { keyspace.wholeStreams }

    public mutating func load(_ key: TableKey, _ value: RawSpan) throws(CheckpointError) {
        switch key.table {
        case AuthTable.id:
            authEntries.append(try authTable.load(key, value))
        case ClusterState.key.table:
            guard key == ClusterState.key else { throw .foreign(key) }
            guard let state = ClusterState(decoding: value) else { throw .unreadable(key) }
            cluster = state
        case _ where KeyspaceRestorer.takes(key.table):
            do throws(KeyspaceRestoreError) { try keyspace.load(key, value) } catch { throw CheckpointError(error) }
        default:
            try keyValue.load(key, value)
        }
    }

    /// What was loaded goes into the state: this can be called once.
    public mutating func finish(at moment: Moment) throws(CheckpointError) -> RestoredState {
        let (store, applied) = try keyValue.finish(now: moment.monotonic)
        guard let cluster else { throw .noHeader }
        let auth: AuthStore
        do throws(AuthEntryError) {
            auth = try AuthStore(restoring: authEntries)
        } catch {
            throw .unreadable(authTable.key(of: error.key))
        }
        let databases: Keyspace
        do throws(KeyspaceRestoreError) { databases = try keyspace.finish() } catch { throw CheckpointError(error) }
        return RestoredState(
            store: store, keyspace: databases, cluster: cluster, auth: auth, applied: applied, authTable: authTable)
    }
}

extension CheckpointError {
    init(_ error: KeyspaceRestoreError) {
        self =
            switch error {
            case .unsupportedFormat(let format): .unsupportedFormat(format)
            case .unreadable(let key): .unreadable(key)
            case .inconsistent(let key): .inconsistent(key)
            case .foreign(let key): .foreign(key)
            }
    }
}
