// SPDX-License-Identifier: Apache-2.0

// Where a program has swift-configuration: the trait's name is a condition of the compiler.
#if Configuration
@_exported public import MartletEtcdConfiguration

extension EtcdConfigProvider {
    /// Reads all configuration values below a prefix of a store's keys.
    ///
    ///     let provider = try await EtcdConfigProvider(store: store, prefix: "config/shop")
    ///     let config = ConfigReader(provider: provider)
    ///
    /// They follow changes while ``MartletEtcdConfiguration/EtcdConfigProvider/run()`` runs.
    ///
    /// - Parameters:
    ///   - store: Where the values are; to be closed after the provider has ended.
    ///   - prefix: What the keys begin with; a slash behind it is added.
    ///   - configure: Changes how keys and values are read.
    /// - Throws: `EtcdError` when they can't be read.
    public convenience init(
        store: MartletStore, prefix: String, configure: (inout Options) -> Void = { _ in }
    ) async throws {
        try await self.init(client: store.keys, prefix: prefix, configure: configure)
    }
}
#endif
