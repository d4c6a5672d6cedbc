// SPDX-License-Identifier: Apache-2.0

public import Martlet
public import MartletEtcd
public import MartletRedis

extension MicroService {
    /// Makes a service that is registered in a store, and subscribes and publishes there.
    ///
    ///     try await MartletStore.with { store in
    ///         var service = MicroService("go.micro.server", store: store)
    ///         …
    ///     }
    ///
    /// - Parameters:
    ///   - name: The name that callers use.
    ///   - version: The version that is registered.
    ///   - store: Where the service is registered and has its topics; to be closed after it has ended.
    ///   - configure: Changes the configuration.
    public init(
        _ name: String, version: String = "latest", store: MartletStore,
        configure: (inout Configuration) -> Void = { _ in }
    ) {
        self.init(
            name, version: version, registry: .store(store), broker: .store(store), configure: configure)
    }
}

extension MicroClient {
    /// Makes a client that finds services in a store, and publishes there.
    public init(store: MartletStore, configure: (inout Configuration) -> Void = { _ in }) {
        self.init(registry: .store(store)) {
            $0.broker = .store(store)
            configure(&$0)
        }
    }
}

/// Runs `body` with a client of its own, which finds services in a store and publishes there, and closes the client
/// afterwards.
@discardableResult
public func withMicroClient<Result>(
    store: MartletStore, configure: (inout MicroClient.Configuration) -> Void = { _ in },
    _ body: (MicroClient) async throws -> Result
) async throws -> Result {
    try await withMicroClient(
        registry: .store(store),
        configure: {
            $0.broker = .store(store)
            configure(&$0)
        }, body)
}

extension ServiceRegistry where Self == EtcdRegistry {
    /// The registry among a store's keys, laid out as go-micro's in etcd.
    public static func store(_ store: MartletStore) -> EtcdRegistry { EtcdRegistry(client: store.keys) }
}

extension MessageBroker where Self == RedisBroker {
    /// The broker on a store's streams.
    public static func store(
        _ store: MartletStore, configure: (inout RedisBroker.Configuration) -> Void = { _ in }
    ) -> RedisBroker {
        RedisBroker(client: store.streams, configure: configure)
    }
}

extension MicroPlugin {
    /// The registry and the broker of a store, for services and clients that are made by a configuration: where that
    /// says nothing, and where it says `MICRO_REGISTRY=store`, `MICRO_BROKER=store`.
    ///
    ///     let service = try MicroService(config: .micro(), plugins: [.store(store)])
    public static func store(_ store: MartletStore) -> MicroPlugin {
        MicroPlugin(
            "store", isDefault: true, registry: { _ in .store(store) as EtcdRegistry },
            broker: { _, _ in .store(store) as RedisBroker })
    }
}
