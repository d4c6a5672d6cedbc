// SPDX-License-Identifier: Apache-2.0

package import Logging
internal import Synchronization

/// Services found in the DNS: by SRV records, or by the addresses of a host where the port is known.
///
/// Nothing is registered in it: whoever runs the services writes the DNS, a Kubernetes cluster for example. The DNS
/// can't be listed either: a service is looked up when it is called first, and again once each
/// ``Configuration/refreshInterval``. While no name server answers, what was found stays true.
public final class DNSRegistry: ServiceRegistry {
    /// How names of services become names of the DNS.
    public struct Configuration: Sendable {
        /// What is put behind a service's name.
        public var domain = "local"

        /// The port of every service; `nil` asks for SRV records of `_<service>._<transport>.<domain>`, as go-micro's
        /// DNS selector does.
        ///
        /// A service that is called as `host:port` is looked up as a host by just that name, whatever is set here.
        public var port: Int?

        /// The transport's label in names of SRV records.
        public var transport = "tcp"

        /// How often services that have been called are looked up again.
        public var refreshInterval = Duration.seconds(10)

        /// How long one name server may take to answer.
        public var timeout = Duration.seconds(2)

        /// Name servers for SRV records, each `address:port`; none takes those of the system.
        public var servers: [String] = []

        public init() {}
    }

    private let configuration: Configuration
    private let resolver: any DNSResolving
    private let logger: Logger
    /// What was found, and who watches it.
    private let found = InMemoryRegistry()
    private let asked = Mutex<Set<String>>([])

    /// So many services are looked up again: a client that is told any name by others must not ask for ever more.
    static let maximumServices = 1024

    public convenience init(configure: (inout Configuration) -> Void = { _ in }) {
        var configuration = Configuration()
        configure(&configuration)
        self.init(
            configuration,
            SystemDNSResolver(servers: configuration.servers, timeout: configuration.timeout))
    }

    package init(
        _ configuration: Configuration, _ resolver: any DNSResolving,
        logger: Logger = Logger(label: "martlet.registry")
    ) {
        self.configuration = configuration
        self.resolver = resolver
        self.logger = logger
    }

    public var name: String { "dns" }

    /// Does nothing: the DNS is written by others.
    public func register(_ record: ServiceRecord, options: RegistrationOptions) async throws {}

    /// Does nothing: the DNS is written by others.
    public func deregister(_ record: ServiceRecord) async throws {}

    public func services(named name: String) async throws -> [ServiceRecord] {
        try await self.refresh(name)
        return try await self.found.services(named: name)
    }

    /// The services that have been looked up by now.
    public func services() async throws -> [ServiceRecord] { try await self.found.services() }

    public func watch(_ deliver: @Sendable @escaping (RegistryChange) -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.found.watch(deliver) }
            group.addTask {
                while true {
                    try await Task.sleep(for: self.configuration.refreshInterval.sleepable)
                    for name in self.asked.withLock({ $0.sorted() }) {
                        do {
                            try await self.refresh(name)
                        } catch let error as CancellationError {
                            throw error
                        } catch {
                            self.logger.info(
                                "not looked up", metadata: ["service": "\(name)", "error": "\(error)"])
                        }
                    }
                }
            }
            defer { group.cancelAll() }
            _ = try await group.next()
        }
    }

    /// Looks a service up and takes over what changed.
    private func refresh(_ service: String) async throws {
        let nodes = try await self.nodes(of: service)
        let known = try await self.found.services(named: service).flatMap(\.nodes)
        for node in nodes where !known.contains(node) {
            try await self.found.register(Self.record(service, node), options: RegistrationOptions())
        }
        for node in known where !nodes.contains(where: { $0.id == node.id }) {
            try await self.found.deregister(Self.record(service, node))
        }
        guard !nodes.isEmpty else { return }
        self.asked.withLock { asked in
            if asked.count < Self.maximumServices { asked.insert(service) }
        }
    }

    private static func record(_ service: String, _ node: NodeRecord) -> ServiceRecord {
        ServiceRecord(name: service, version: "", nodes: [node])
    }

    private func nodes(of service: String) async throws -> [NodeRecord] {
        if let colon = service.lastIndex(of: ":"), let port = UInt16(service[service.index(after: colon)...]) {
            return try await self.nodes(host: String(service[..<colon]), port: Int(port))
        }
        if let port = self.configuration.port {
            return try await self.nodes(host: self.qualified(service), port: port)
        }
        let name = self.qualified("_\(service)._\(self.configuration.transport)")
        let services = try await self.resolver.services(of: name)
        // Those of a higher number are for when these are gone from the DNS. Source: RFC 2782.
        let first = services.map(\.priority).min()
        return services.filter { $0.priority == first }.map { service in
            let address = "\(service.host):\(service.port)"
            return NodeRecord(id: address, address: address, metadata: ["weight": "\(service.weight)"])
        }
    }

    private func nodes(host: String, port: Int) async throws -> [NodeRecord] {
        try await self.resolver.addresses(of: host).map { address in
            let text = address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
            return NodeRecord(id: text, address: text)
        }
    }

    private func qualified(_ name: String) -> String {
        self.configuration.domain.isEmpty ? name : "\(name).\(self.configuration.domain)"
    }
}

extension ServiceRegistry where Self == DNSRegistry {
    /// Services found in the DNS.
    public static func dns(configure: (inout DNSRegistry.Configuration) -> Void = { _ in }) -> DNSRegistry {
        DNSRegistry(configure: configure)
    }

    /// Services found in the DNS by the addresses of a host: `<service>.<domain>`, all at the same port.
    public static func dns(domain: String, port: Int) -> DNSRegistry {
        DNSRegistry {
            $0.domain = domain
            $0.port = port
        }
    }
}
