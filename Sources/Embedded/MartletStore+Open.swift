// SPDX-License-Identifier: Apache-2.0

internal import Foundation

extension MartletStore {
    /// The variable that says where the store is where code doesn't.
    public static let variable = "MARTLET_STORE"

    /// Opens a store.
    ///
    ///     let store = try await MartletStore.open()
    ///     let group = ServiceGroup(services: [store, service], gracefulShutdownSignals: [.sigterm], logger: logger)
    ///     try await group.run()
    ///
    /// Servers that aren't there yet are no error, as their clients connect when they are first used, unless something
    /// is required of them that they could lack. Those that are there are asked whose they are: keys in one Martlet
    /// cluster and streams in another are refused, for transactions would change streams that nobody reads.
    ///
    /// - Parameters:
    ///   - address: Where it is; goes over ``Configuration/address``.
    ///   - configure: Changes the configuration.
    /// - Throws: ``MartletStoreError``.
    public static func open(
        _ address: StoreAddress? = nil, configure: (inout Configuration) -> Void = { _ in }
    ) async throws -> MartletStore {
        var configuration = Configuration()
        configuration.address = address
        configure(&configuration)
        let place = try configuration.address ?? StoreAddress(environment: ProcessInfo.processInfo.environment)
        let store = try await open(place, configuration)
        do {
            try await store.refuseSeparateClusters()
            try await store.check(configuration.requires)
            return store
        } catch {
            await store.close()
            throw error
        }
    }

    /// Opens a store, runs `body` with it, and closes it then, whatever becomes of `body`.
    ///
    /// - Throws: ``MartletStoreError``, or what `body` throws. An embedded store whose disk failed is the error, too,
    ///   for what `body` saw are its consequences.
    public static func with<Result>(
        _ address: StoreAddress? = nil, configure: (inout Configuration) -> Void = { _ in },
        _ body: (MartletStore) async throws -> Result
    ) async throws -> Result {
        let store = try await open(address, configure: configure)
        do {
            let result = try await body(store)
            await store.close()
            return result
        } catch {
            let failure = store.failure
            await store.close()
            throw failure ?? error
        }
    }

    /// Runs a store in this process while `body` runs: without a socket, and ready within milliseconds.
    ///
    ///     @Test func stock() async throws {
    ///         try await MartletStore.withEmbedded { store in
    ///             try await store.keys.put("stock/tea", "12")
    ///             …
    ///         }
    ///     }
    ///
    /// - Parameter path: Of the folder that keeps it, made where there is none; `nil` keeps it in memory.
    /// - Throws: As ``with(_:configure:_:)``.
    public static func withEmbedded<Result>(
        path: String? = nil, configure: (inout Configuration) -> Void = { _ in },
        _ body: (MartletStore) async throws -> Result
    ) async throws -> Result {
        try await with(path.map { .embedded(path: $0) } ?? .embedded, configure: configure, body)
    }

    private static func open(
        _ address: StoreAddress, _ configuration: Configuration
    ) async throws(MartletStoreError) -> MartletStore {
        var keys = EtcdClient.Configuration()
        var streams = RedisClient.Configuration()
        keys.logger = configuration.logger
        streams.logger = configuration.logger
        var member: EmbeddedMember?
        switch address.place {
        case .embedded(let path):
            let started = try await EmbeddedMember.start(
                path: path, configuration.embedded, logger: configuration.logger)
            keys.endpoints = [started.keysEndpoint]
            streams.addresses = [started.streamsAddress]
            member = started
        case .servers(let servers):
            // Nobody listens as this: who uses what isn't there is told so. `requires` tells it at the start.
            keys.endpoints = servers.keys.isEmpty ? [nobody("keys")] : servers.keys
            streams.addresses = servers.streams.isEmpty ? [nobody("streams")] : servers.streams
            if let user = servers.keysUser, let password = servers.keysPassword {
                keys.credentials = EtcdCredentials(user: user, password: password)
            }
        }
        configuration.configureKeys(&keys)
        configuration.configureStreams(&streams)
        if member != nil, streams.credentials == nil, let user = keys.credentials {
            // One store, one list of users, who are asked for as soon as authentication is on, and not before.
            streams.credentials = RedisCredentials(user: user.user, password: user.password)
            streams.logsInWhereAsked = true
        }
        do {
            return MartletStore(
                address, keys: try EtcdClient(keys), streams: try RedisClient(streams), member: member,
                logger: configuration.logger)
        } catch {
            await member?.stop()
            throw MartletStoreError(.invalidAddress, "\(address) can't be used: \(error)", cause: error)
        }
    }
}

extension MartletStore {
    private static func nobody(_ part: String) -> String {
        "inprocess:\(part) (the store's address names no server for them)"
    }
}

extension StoreAddress {
    /// What the variable `MARTLET_STORE` says; ``embedded`` where it says nothing.
    ///
    /// - Throws: ``MartletStoreError/Code/invalidAddress``.
    public init(environment: [String: String]) throws(MartletStoreError) {
        do throws(MartletStoreError) {
            try self.init(environment[MartletStore.variable] ?? "")
        } catch {
            throw MartletStoreError(error.code, "\(MartletStore.variable): \(error.message)")
        }
    }
}
