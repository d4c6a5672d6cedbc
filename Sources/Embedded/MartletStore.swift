// SPDX-License-Identifier: Apache-2.0

public import Logging
@_exported public import MartletEtcdClient
@_exported public import MartletRedisClient
internal import Synchronization

/// A store of keys and streams that a program uses by one pair of clients, wherever it is: in this process, at a
/// Martlet cluster, or at etcd and Redis.
///
///     try await MartletStore.withEmbedded { store in
///         try await store.keys.put("greeting", "hello")
///         try await store.streams.xadd("orders", ["article": "tea"])
///     }
///
/// In this process the whole server runs without a socket: transactions, leases, watches, consumer groups, and with a
/// folder the same log and the same durability. ``with(_:configure:_:)`` opens what the variable `MARTLET_STORE` names,
/// so that the same program moves to servers by one setting. A program with a long life holds a store by
/// ``open(_:configure:)`` and puts it first into its `ServiceGroup`; see ``run()``.
public final class MartletStore: Sendable {
    /// How a store is opened.
    public struct Configuration: Sendable {
        /// Where the store is; `nil` where the variable `MARTLET_STORE` says, and in memory where it says nothing.
        public var address: StoreAddress?
        /// What the program can't do without. What the store lacks of it keeps the store from being opened.
        public var requires: Set<StoreCapability> = [.keys, .streams]
        /// Where the store says what it does. Of itself it logs from `notice` on: a store in a test should be quiet.
        public var logger: Logger
        /// How an embedded store runs; of no matter to others.
        public var embedded = Embedded()
        /// Changes the client for keys: its time limits, credentials and TLS. An embedded store's client for streams
        /// has the same credentials, unless it is given others: they are used once authentication is on.
        public var configureKeys: @Sendable (inout EtcdClient.Configuration) -> Void = { _ in }
        /// Changes the client for streams.
        public var configureStreams: @Sendable (inout RedisClient.Configuration) -> Void = { _ in }

        public init() {
            logger = Logger(label: "martlet.store")
            logger.logLevel = .notice
        }
    }

    /// How a store in this process runs.
    public struct Embedded: Sendable {
        /// Which old revisions of keys go by themselves.
        public enum Compaction: Hashable, Sendable {
            /// None: whoever wants them gone compacts.
            case none
            /// Those older than this.
            case age(Duration)
            /// All but so many.
            case revisions(Int64)
        }

        /// An hour is more than any watch is away, and a store that nobody looks after must not grow for ever. etcd
        /// keeps all revisions until it is told.
        public var compaction = Compaction.age(.seconds(3600))
        /// What live keys, and revisions that are not compacted, may take, in bytes. etcd's default.
        public var keysQuotaBytes: Int64 = 2 << 30
        /// What streams may take in memory, in bytes; `nil`: as much as there is room for.
        public var streamsQuotaBytes: Int?
        /// The largest request for keys, in bytes. etcd's default.
        public var maximumRequestBytes = 1_572_864

        public init() {}
    }

    /// Keys, leases, watches, locks and elections.
    public let keys: EtcdClient
    /// Streams, consumer groups and what else Redis's protocol has.
    public let streams: RedisClient
    /// Where the store is.
    public let address: StoreAddress
    let logger: Logger
    let end: MemberEnd
    private let member: EmbeddedMember?
    private let ending = Mutex<Task<Void, Never>?>(nil)
    /// How keys and streams of servers belong together, once that is known.
    let knownUnion = Mutex<StoreUnion?>(nil)

    init(
        _ address: StoreAddress, keys: EtcdClient, streams: RedisClient, member: EmbeddedMember?, logger: Logger
    ) {
        self.address = address
        self.keys = keys
        self.streams = streams
        self.member = member
        self.logger = logger
        end = member?.end ?? MemberEnd()
    }

    deinit {
        // One that was closed has nothing left to end.
        if ending.withLock({ $0 }) == nil { _ = Self.finish(keys, streams, member) }
    }

    /// Why an embedded store can't go on, if it can't: its requests fail from then on.
    public var failure: MartletStoreError? { end.failure }

    /// Ends the store: requests fail from now on, watches and subscriptions end, and the folder of an embedded one is
    /// free when this returns. What was acknowledged stays.
    public func close() async {
        let task = ending.withLock { ending in
            if let ending { return ending }
            let task = Self.finish(keys, streams, member)
            ending = task
            return task
        }
        // Not cut short by the cancellation that may have brought us here.
        await task.value
    }

    private static func finish(
        _ keys: EtcdClient, _ streams: RedisClient, _ member: EmbeddedMember?
    ) -> Task<Void, Never> {
        Task {
            keys.beginClose()
            // A watch ends at once where its server says so.
            await member?.endWatches()
            await keys.close()
            await streams.close()
            await member?.stop()
        }
    }
}
