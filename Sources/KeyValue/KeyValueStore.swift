// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// An etcd v3 key-value store as a value: keys with their history, leases, and who watches what.
///
///     request ──> view      index     key -> newest record, revisions of older ones     (CountedTree of KeyEntry)
///                           history   revision -> record or tombstone                    (History)
///                 leases    lease -> term, attached keys                       (LeaseTable)
///                 watches   key -> watches that want its changes               (WatchTable)
///                                  └─> deliveries, drained by the shell
///
/// Every change of keys appends to history and moves the revision by one, whatever its size. What a request does
/// depends only on the state and the request; time enters as a parameter and concerns leases alone. Reads that take
/// long work on a `KeyValueSnapshot`, elsewhere.
///
/// A method that throws has changed nothing.
/// Source: etcd server/storage/mvcc, server/lease, server/etcdserver/apply.
public struct KeyValueStore: Sendable {
    /// What shapes a store. Two replicas must agree on the first.
    public struct Configuration: Sendable {
        /// A lease asked for with less gets this. 2 is etcd's with its default election timeout of one second.
        public var minimumLeaseTTLSeconds: Int64 = 2
        /// Distinct revisions that watches get from history in one step. etcd's number.
        public var maximumCatchUpRevisions = 1000
        /// A step of catching up also ends with the revision at which its events reach this many bytes of keys and
        /// values, so that what a step hands out fits a stream's queue.
        public var maximumCatchUpBytes = 4 << 20
        /// And with the revision at which it has read this many changes, events that were kept and versions before
        /// them counted with them. Each takes about half a microsecond: a step must leave the loop to others within a
        /// millisecond, and what it hands out has to be encoded in the same time.
        public var maximumCatchUpWork = 500
        /// Watches that one step is for. More would make one revision that all of them want a long step.
        public var maximumCatchUpWatches = 256
        /// Watches that one stream may have. Each takes some hundred bytes, and a change that all of them want is one
        /// step for all of them.
        public var maximumWatchesPerStream = 1 << 16
        /// See `CountedTree`.
        public var indexNodeCapacity = 64
        /// Whether checkpoints of this store are written. If so its changes stay in memory until a checkpoint holds
        /// them: removal of compacted versions waits for that.
        public var isCheckpointed = false

        public init() {}
    }

    /// Operations in a list of a transaction, counted with the lists around it, that any member carries out, whatever
    /// it takes from clients (`--max-txn-ops`): members whose settings differ must answer a record alike. As many as
    /// the largest usual request has room for.
    public static let maximumAppliedOperations = 1 << 16
    /// The main revision of an empty store. The first write gets the next one.
    public static let emptyRevision: Int64 = 1
    /// The compact revision of a store that was never compacted.
    public static let neverCompacted: Int64 = -1
    /// What a checkpoint or a snapshot may begin with: half of what a change has room for, some 70 million million.
    public static let maximumRevision: Int64 = 1 << 46

    public let configuration: Configuration

    /// What reads are answered from.
    var view: KeyValueSnapshot
    /// Where the bytes of the next change go.
    var packer = ChangePacker()
    var oldSlabs = OldSlabs()
    var leases: LeaseTable
    var watches = WatchTable()
    /// Where the removal of compacted versions goes on; `nil` when nothing is left to remove.
    var reclaimCursor: Revision?
    /// See `liveBytes`.
    var heldBytes = 0
    /// For the next key that enters the index.
    var nextKeyNumber = KeyNumber.first
    public internal(set) var counters = KeyValueCounters()
    /// What checkpoints have and lack.
    var checkpoint: CheckpointProgress

    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        view = KeyValueSnapshot(index: CountedTree(nodeCapacity: configuration.indexNodeCapacity))
        leases = LeaseTable(
            minimumTTLSeconds: configuration.minimumLeaseTTLSeconds, recordsChanges: configuration.isCheckpointed)
        checkpoint = CheckpointProgress(isOn: configuration.isCheckpointed)
    }

    /// The main revision of the last change.
    public var revision: Int64 { view.revision }
    /// The oldest main revision that can be read; −1 if the store was never compacted.
    public var compactRevision: Int64 { view.compactRevision }
    /// Keys that exist at the newest revision.
    public var keyCount: Int { view.index.liveCount }
    /// Changes that history still holds.
    public var historyCount: Int { view.history.count }

    /// All that can be read now, whatever becomes of the store. Complexity: O(1).
    public var snapshot: KeyValueSnapshot { view }
}
