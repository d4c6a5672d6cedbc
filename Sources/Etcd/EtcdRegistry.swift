// SPDX-License-Identifier: Apache-2.0

internal import Logging
public import Martlet
public import MartletEtcdClient
internal import Synchronization

/// go-micro's registry in etcd, or in Martlet's own server: one key a node, kept by a lease.
///
/// Keys and values are go-micro's, so that Go and Swift services find each other. Beyond go-micro it mends itself: a
/// key that was deleted by hand comes back, a lease that was lost is granted anew, and a record that changed is
/// written, all within one interval.
public final class EtcdRegistry: ServiceRegistry {
    private let client: Result<EtcdClient, EtcdError>
    let logger: Logger
    private let layout: EtcdRecordLayout
    private let registrations = Mutex<[String: Registration]>([:])

    /// Makes a registry on servers of one cluster, each `host:port`; none means `127.0.0.1:2379`.
    ///
    /// - Parameters:
    ///   - endpoints: The servers.
    ///   - layout: How nodes are written.
    ///   - configure: Changes how the client connects.
    public convenience init(
        endpoints: [String] = [], layout: EtcdRecordLayout = .goMicro,
        configure: (inout EtcdClient.Configuration) -> Void = { _ in }
    ) {
        var configuration = EtcdClient.Configuration()
        if !endpoints.isEmpty { configuration.endpoints = endpoints }
        configuration.logger = Logger(label: "martlet.registry")
        configure(&configuration)
        let client: Result<EtcdClient, EtcdError>
        do throws(EtcdError) {
            client = .success(try EtcdClient(configuration))
        } catch {
            // Told by the first request: a registry must be writable as `.etcd(…)`.
            client = .failure(error)
        }
        self.init(client: client, layout, logger: configuration.logger)
    }

    /// Makes a registry on a client that is there already.
    public convenience init(client: EtcdClient, layout: EtcdRecordLayout = .goMicro) {
        self.init(client: .success(client), layout, logger: Logger(label: "martlet.registry"))
    }

    private init(client: Result<EtcdClient, EtcdError>, _ layout: EtcdRecordLayout, logger: Logger) {
        self.client = client
        self.layout = layout
        self.logger = logger
    }

    public var name: String { "etcd" }

    public func register(_ record: ServiceRecord, options: RegistrationOptions) async throws {
        let client = try self.client.get()
        for node in record.nodes {
            let key = self.layout.key(record, node)
            let registration = Registration(
                key: key, value: self.layout.value(record, node), options: options, client: client, logger: self.logger
            ) { [layout = self.layout] in
                // Who says that it is the same node, and is another.
                let address = layout.record($0)?.nodes.first?.address
                return address == node.address ? nil : address
            }
            let old = self.registrations.withLock { $0.updateValue(registration, forKey: key) }
            // The lease of the old record must not end the new one's key.
            await old?.stop()
            try await registration.start(adopting: await old?.lease)
        }
    }

    public func deregister(_ record: ServiceRecord) async throws {
        let client = try self.client.get()
        for node in record.nodes {
            let key = self.layout.key(record, node)
            let registration = self.registrations.withLock { $0.removeValue(forKey: key) }
            await registration?.stop()
            guard let lease = await registration?.lease else {
                try await client.delete(.key(key))
                continue
            }
            // The key goes with its lease. One that is there under another lease belongs to a node that says it is the
            // same, and stays.
            do {
                try await client.revokeLease(lease)
            } catch let error as EtcdError where error.code == .leaseNotFound {
                // It ended by itself; then so did its key.
            }
        }
    }

    public func services(named name: String) async throws -> [ServiceRecord] {
        try await self.records(.prefix(self.layout.prefix(of: name)))
    }

    public func services() async throws -> [ServiceRecord] {
        try await self.records(.prefix(self.layout.prefix))
    }

    /// What is stored, read from whichever member is asked: a list that is a moment old is as good.
    private func records(_ keys: EtcdKeyRange) async throws -> [ServiceRecord] {
        let found = try await self.client.get().get(keys) { $0.isSerializable = true }
        return RegistryMirror.grouped(found.keyValues.compactMap { self.layout.record($0) })
    }

    public func watch(_ deliver: @Sendable @escaping (RegistryChange) -> Void) async throws {
        let client = try self.client.get()
        while true {
            do {
                let found = try await client.get(.prefix(self.layout.prefix))
                deliver(.snapshot(found.keyValues.compactMap { self.layout.record($0) }))
                for try await batch in client.watch(.prefix(self.layout.prefix), from: found.nextRevision) {
                    for event in batch.events {
                        if let change = self.layout.change(event) { deliver(change) }
                    }
                }
            } catch let error as EtcdError {
                guard error.code != .closed else { throw error }
                // Away, or compacted beyond where the watch stood: what is known stays true until the next list.
                self.logger.info("registry is listed again", metadata: ["reason": "\(error)"])
                try await Task.sleep(for: Self.retryInterval)
            }
        }
    }

    /// The pause before a list is tried again: the client itself has already tried for its time limit, and a store that
    /// compacts faster than it can be watched isn't asked in a busy loop.
    static let retryInterval = Duration.milliseconds(250)
}

extension ServiceRegistry where Self == EtcdRegistry {
    /// The registry in etcd, or in Martlet's own server, at these endpoints; none means `127.0.0.1:2379`.
    public static func etcd(
        _ endpoints: String..., layout: EtcdRecordLayout = .goMicro,
        configure: (inout EtcdClient.Configuration) -> Void = { _ in }
    ) -> EtcdRegistry {
        EtcdRegistry(endpoints: endpoints, layout: layout, configure: configure)
    }
}
