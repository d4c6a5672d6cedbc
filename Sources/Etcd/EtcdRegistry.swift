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
    private let registrations = Mutex<[String: Registration]>([:])

    /// Makes a registry on servers of one cluster, each `host:port`; none means `127.0.0.1:2379`.
    ///
    /// - Parameter configure: Changes how the client connects.
    public convenience init(
        endpoints: [String] = [], configure: (inout EtcdClient.Configuration) -> Void = { _ in }
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
        self.init(client: client, logger: configuration.logger)
    }

    /// Makes a registry on a client that is there already.
    public convenience init(client: EtcdClient) {
        self.init(client: .success(client), logger: Logger(label: "martlet.registry"))
    }

    private init(client: Result<EtcdClient, EtcdError>, logger: Logger) {
        self.client = client
        self.logger = logger
    }

    public var name: String { "etcd" }

    public func register(_ record: ServiceRecord, options: RegistrationOptions) async throws {
        let client = try self.client.get()
        for node in record.nodes {
            var single = record
            single.nodes = [node]
            let key = RegistryKey.node(service: record.name, id: node.id)
            let registration = Registration(
                key: key, value: single.jsonBytes, options: options, client: client, logger: self.logger)
            let old = self.registrations.withLock { $0.updateValue(registration, forKey: key) }
            // The lease of the old record must not end the new one's key.
            await old?.stop()
            try await registration.start(adopting: await old?.lease)
        }
    }

    public func deregister(_ record: ServiceRecord) async throws {
        let client = try self.client.get()
        for node in record.nodes {
            let key = RegistryKey.node(service: record.name, id: node.id)
            let registration = self.registrations.withLock { $0.removeValue(forKey: key) }
            await registration?.stop()
            if let lease = await registration?.lease {
                do {
                    try await client.revokeLease(lease)
                } catch let error as EtcdError where error.code == .leaseNotFound {
                    // It ended by itself; then so did its key.
                }
            }
            try await client.delete(.key(key))
        }
    }

    public func services(named name: String) async throws -> [ServiceRecord] {
        try await self.records(.prefix(RegistryKey.service(name)))
    }

    public func services() async throws -> [ServiceRecord] {
        try await self.records(.prefix(RegistryKey.prefix))
    }

    /// What is stored, read from whichever member is asked: a list that is a moment old is as good.
    private func records(_ keys: EtcdKeyRange) async throws -> [ServiceRecord] {
        let found = try await self.client.get().get(keys) { $0.isSerializable = true }
        return RegistryMirror.grouped(found.keyValues.compactMap { Self.record($0) })
    }

    public func watch(_ deliver: @Sendable @escaping (RegistryChange) -> Void) async throws {
        let client = try self.client.get()
        while true {
            do {
                let found = try await client.get(.prefix(RegistryKey.prefix))
                deliver(.snapshot(found.keyValues.compactMap { Self.record($0) }))
                for try await batch in client.watch(.prefix(RegistryKey.prefix), from: found.nextRevision) {
                    for event in batch.events {
                        if let change = Self.change(event) { deliver(change) }
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

    /// The record under a key, if it is one and lies where it belongs.
    static func record(_ keyValue: EtcdKeyValue) -> ServiceRecord? {
        guard let parts = RegistryKey.parts(of: keyValue.keyText),
            let record = ServiceRecord(jsonBytes: keyValue.value), record.nodes.count == 1,
            RegistryKey.part(record.name) == parts.service, RegistryKey.part(record.nodes[0].id) == parts.id
        else { return nil }
        return record
    }

    static func change(_ event: EtcdEvent) -> RegistryChange? {
        switch event.kind {
        case .put:
            return self.record(event.keyValue).map { .put($0) }
        case .delete:
            return RegistryKey.parts(of: event.keyValue.keyText).map { .remove(service: $0.service, nodeID: $0.id) }
        }
    }
}

extension ServiceRegistry where Self == EtcdRegistry {
    /// The registry in etcd, or in Martlet's own server, at these endpoints; none means `127.0.0.1:2379`.
    public static func etcd(
        _ endpoints: String..., configure: (inout EtcdClient.Configuration) -> Void = { _ in }
    ) -> EtcdRegistry {
        EtcdRegistry(endpoints: endpoints, configure: configure)
    }
}
