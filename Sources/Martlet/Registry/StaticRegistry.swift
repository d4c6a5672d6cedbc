// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import Synchronization

/// A registry that is a list: the nodes of services whose addresses are known beforehand.
///
/// Nothing is ever registered in it; a service that is told to register there simply isn't listed by it.
public final class StaticRegistry: ServiceRegistry {
    /// So many names that somebody asked for are remembered, for those who watch; of more the oldest is forgotten, and
    /// found again when somebody asks again. Names may come from users' input.
    package static let maximumNames = 1000

    private let records: [ServiceRecord]
    private let everywhere: [NodeRecord]
    private let asked = InMemoryRegistry()
    /// The names in ``asked``, the oldest first.
    private let names = Mutex(Names())

    private struct Names {
        var known: Set<String> = []
        var order: Deque<String> = []

        /// - Returns: Whether the name is new, and which one to forget in its place.
        mutating func add(_ name: String) -> (isNew: Bool, forgotten: String?) {
            guard self.known.insert(name).inserted else { return (false, nil) }
            self.order.append(name)
            guard self.order.count > StaticRegistry.maximumNames, let oldest = self.order.popFirst() else {
                return (true, nil)
            }
            self.known.remove(oldest)
            return (true, oldest)
        }
    }

    /// - Parameters:
    ///   - records: Services with their nodes.
    ///   - everywhere: Addresses that serve every service which `records` don't name.
    public init(_ records: [ServiceRecord], everywhere: [String] = []) {
        self.records = RegistryMirror.grouped(records)
        self.everywhere = everywhere.map { NodeRecord(id: $0, address: $0) }
    }

    public var name: String { "static" }

    /// Does nothing: the list is what it is.
    public func register(_ record: ServiceRecord, options: RegistrationOptions) async throws {}

    /// Does nothing: the list is what it is.
    public func deregister(_ record: ServiceRecord) async throws {}

    public func services(named name: String) async throws -> [ServiceRecord] {
        let named = self.records.filter { $0.name == name }
        guard named.isEmpty, !self.everywhere.isEmpty else { return named }
        let record = self.record(name)
        let (isNew, forgotten) = self.names.withLock { $0.add(name) }
        if let forgotten { try await self.asked.deregister(self.record(forgotten)) }
        guard isNew else { return [record] }
        // Whoever watches learns of the name now.
        for node in record.nodes {
            var single = record
            single.nodes = [node]
            try await self.asked.register(single, options: RegistrationOptions())
        }
        return [record]
    }

    private func record(_ name: String) -> ServiceRecord {
        ServiceRecord(name: name, version: "", nodes: self.everywhere)
    }

    public func services() async throws -> [ServiceRecord] { self.records }

    public func watch(_ deliver: @Sendable @escaping (RegistryChange) -> Void) async throws {
        let records = self.records
        try await self.asked.watch { change in
            if case .snapshot(let asked) = change { deliver(.snapshot(records + asked)) } else { deliver(change) }
        }
    }
}

extension ServiceRegistry where Self == StaticRegistry {
    /// Every service is served at these addresses, each `host:port`.
    public static func `static`(_ addresses: String...) -> StaticRegistry {
        StaticRegistry([], everywhere: addresses)
    }

    /// The addresses, each `host:port`, of the services by name.
    public static func `static`(_ services: [String: [String]]) -> StaticRegistry {
        StaticRegistry(
            services.sorted { $0.key < $1.key }.map { name, addresses in
                ServiceRecord(
                    name: name, version: "", nodes: addresses.map { NodeRecord(id: $0, address: $0) })
            })
    }
}
