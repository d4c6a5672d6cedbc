// SPDX-License-Identifier: Apache-2.0

package import MartletAuth
package import MartletBasics
package import MartletKeyValue

/// What brings the tables from one checkpoint of a member to the next.
///
/// It covers only entries that are applied and durable in the own log: it can be written at once.
package struct ReplicaCheckpoint: Sendable {
    let keyValue: KeyValueCheckpoint
    let cluster: ClusterState
    let auth: [AuthTable.Change]

    package var applied: AppliedPosition { keyValue.applied }

    /// All tables that checkpoints write, in the order in which they are restored.
    package static let tables = CheckpointTable.all + [ClusterState.key.table, AuthTable.id]

    /// Adds all changes; they belong into one transaction. Anywhere but on the home loop.
    package func encode(into batch: inout TableBatch) {
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
package struct RestoredState: Sendable {
    package var store: KeyValueStore
    package var cluster: ClusterState
    package var auth: AuthStore
    package var applied: AppliedPosition
    var authTable = AuthTable()

    /// - Parameter store: empty, and noting what a checkpoint needs.
    package static func empty(_ configuration: ReplicaConfiguration) -> RestoredState {
        var store = configuration.store
        store.isCheckpointed = true
        return RestoredState(
            store: KeyValueStore(configuration: store), cluster: ClusterState(), auth: AuthStore(),
            applied: AppliedPosition(index: LogIndex(0), term: Term(0)))
    }
}

/// Makes a member's state from the records of its checkpoint, which come in key order, each once.
package struct ReplicaRestorer {
    private var keyValue: KeyValueRestorer
    private var cluster: ClusterState?
    private var authTable = AuthTable()
    private var authEntries: [AuthEntry] = []

    package init(_ configuration: ReplicaConfiguration) {
        var store = configuration.store
        store.isCheckpointed = true
        keyValue = KeyValueRestorer(configuration: store)
    }

    package mutating func load(_ key: TableKey, _ value: RawSpan) throws(CheckpointError) {
        switch key.table {
        case AuthTable.id:
            authEntries.append(try authTable.load(key, value))
        case ClusterState.key.table:
            guard key == ClusterState.key else { throw .foreign(key) }
            guard let state = ClusterState(decoding: value) else { throw .unreadable(key) }
            cluster = state
        default:
            try keyValue.load(key, value)
        }
    }

    /// What was loaded goes into the state: this can be called once.
    package mutating func finish(at moment: Moment) throws(CheckpointError) -> RestoredState {
        let (store, applied) = try keyValue.finish(now: moment.monotonic)
        guard let cluster else { throw .noHeader }
        let auth: AuthStore
        do throws(AuthEntryError) {
            auth = try AuthStore(restoring: authEntries)
        } catch {
            throw .unreadable(authTable.key(of: error.key))
        }
        return RestoredState(store: store, cluster: cluster, auth: auth, applied: applied, authTable: authTable)
    }
}
