// SPDX-License-Identifier: Apache-2.0

public import Configuration
public import MartletEtcdClient
public import ServiceLifecycle

/// Configuration values that live in etcd, below a prefix, and change while a process runs.
///
/// The value of `http.port` is that of the key `prefix/http/port`. Values are texts: numbers in decimal, `true` and
/// `false` and the other usual words, lists with a comma between their elements. A value that is asked for as bytes is
/// the key's value as it is; in lists of bytes each element is in base64.
///
/// A provider reads everything below its prefix once, when it is made. It follows changes while ``run()`` runs, most
/// often in a `ServiceGroup`:
///
/// ```swift
/// let provider = try await EtcdConfigProvider(client: client, prefix: "config/shop")
/// let config = ConfigReader(providers: [EnvironmentVariablesProvider(), provider])
/// try await ServiceGroup(services: [provider, shop], logger: logger).run()
/// ```
///
/// Lookups read what was read last and ask nobody. Fetches ask the server. Watchers are told what they watch, and then
/// each change of it; who is slow is told the newest.
public final class EtcdConfigProvider: ConfigProvider, Service {
    /// How keys and values are read.
    public struct Options: Sendable {
        /// Which values must not show in logs, told by the etcd key, prefix included, and the value.
        public var secrets = SecretsSpecifier<String, [UInt8]>.none
        /// What stands between the elements of a list.
        public var listSeparator: Character = ","

        public init() {}
    }

    public let providerName = "EtcdConfigProvider"

    private let client: EtcdClient
    private let layout: ConfigLayout
    private let store: ConfigStore

    /// Reads all values below a prefix.
    ///
    /// - Parameters:
    ///   - client: The client to use; whoever made it closes it.
    ///   - prefix: What the keys begin with; a slash behind it is added.
    ///   - configure: Changes how keys and values are read.
    /// - Throws: `EtcdError` when they can't be read.
    public init(
        client: EtcdClient, prefix: String, configure: (inout Options) -> Void = { _ in }
    ) async throws {
        var options = Options()
        configure(&options)
        self.client = client
        self.layout = ConfigLayout(prefix: prefix, options: options)
        self.store = ConfigStore(try await Self.read(client, self.layout, self.providerName))
    }

    private static func read(
        _ client: EtcdClient, _ layout: ConfigLayout, _ name: String
    ) async throws -> EtcdConfigSnapshot {
        let result = try await client.get(layout.keys)
        var values: [String: [UInt8]] = [:]
        for found in result.keyValues { values[found.keyText] = found.value }
        return EtcdConfigSnapshot(providerName: name, layout: layout, values: values, revision: result.revision)
    }

    /// Follows changes until the task is cancelled or a graceful shutdown begins.
    ///
    /// Lost connections are replaced, and what has changed meanwhile is made up for.
    ///
    /// - Throws: `EtcdError` when the server refuses it; values stay as they are then.
    public func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await self.follow() }
        } catch is CancellationError {
            // The end that was asked for.
        }
    }

    private func follow() async throws {
        while true {
            do {
                let next = self.store.snapshot.revision + 1
                for try await batch in self.client.watch(self.layout.keys, from: next) {
                    self.store.change(by: batch)
                }
            } catch let error as EtcdError where error.code == .compacted {
                self.store.replace(by: try await Self.read(self.client, self.layout, self.providerName))
            }
        }
    }

    // MARK: ConfigProvider

    public func value(forKey key: AbsoluteConfigKey, type: ConfigType) throws -> LookupResult {
        try self.store.snapshot.value(forKey: key, type: type)
    }

    public func fetchValue(forKey key: AbsoluteConfigKey, type: ConfigType) async throws -> LookupResult {
        let name = self.layout.name(of: key)
        let found = try await self.client.get(.key(name)).keyValues.first
        return try self.layout.result(name, found?.value, type)
    }

    public func watchValue<Return: ~Copyable>(
        forKey key: AbsoluteConfigKey, type: ConfigType,
        updatesHandler: (ConfigUpdatesAsyncSequence<Result<LookupResult, any Error>, Never>) async throws -> Return
    ) async throws -> Return {
        let (updates, id) = self.store.watch(name: self.layout.name(of: key), type: type)
        defer { self.store.forget(id) }
        return try await updatesHandler(ConfigUpdatesAsyncSequence(updates))
    }

    public func snapshot() -> any ConfigSnapshot { self.store.snapshot }

    public func watchSnapshot<Return: ~Copyable>(
        updatesHandler: (ConfigUpdatesAsyncSequence<any ConfigSnapshot, Never>) async throws -> Return
    ) async throws -> Return {
        let (updates, id) = self.store.watchSnapshots()
        defer { self.store.forget(id) }
        return try await updatesHandler(ConfigUpdatesAsyncSequence(updates))
    }
}

extension EtcdConfigProvider: CustomStringConvertible {
    public var description: String { "EtcdConfigProvider[\(self.store.snapshot.values.count) values]" }
}
