// SPDX-License-Identifier: Apache-2.0

/// Where services say that they exist and clients find them.
///
/// A registry holds one record a node. It need not be there all the time: services keep serving and clients keep
/// calling what they knew while it is away.
public protocol ServiceRegistry: Sendable {
    /// The plug-in's name, which go-micro writes into each node's metadata under `registry`.
    var name: String { get }

    /// Registers the one node in `record`, and keeps it registered until ``deregister(_:)``.
    ///
    /// Returns when the registry has the record. Throws when the first attempt failed; further attempts go on every
    /// `options.interval` in the background all the same. Registering the same node again replaces its record.
    func register(_ record: ServiceRecord, options: RegistrationOptions) async throws

    /// Removes the node in `record`; no error when it isn't there.
    func deregister(_ record: ServiceRecord) async throws

    /// The versions of a service with their nodes, one record a version; empty when there is none.
    func services(named name: String) async throws -> [ServiceRecord]

    /// All services, one record per name and version, sorted by name, then version.
    func services() async throws -> [ServiceRecord]

    /// Delivers what is registered and then every change, until the task is cancelled.
    ///
    /// The first change is a ``RegistryChange/snapshot(_:)``; another one comes whenever changes may have been missed.
    /// While the registry is away nothing is delivered and nothing is thrown.
    func watch(_ deliver: @Sendable @escaping (RegistryChange) -> Void) async throws
}

/// One event of ``ServiceRegistry/watch(_:)``.
public enum RegistryChange: Sendable, Hashable {
    /// Everything that is registered, one record a node; what isn't in it is gone.
    case snapshot([ServiceRecord])
    /// A node appeared or changed; the record holds this node only.
    case put(ServiceRecord)
    /// A node went. Both names are as they stand in a registry key, slashes written as dashes.
    case remove(service: String, nodeID: String)
}

/// How a node's registration lives.
public struct RegistrationOptions: Sendable {
    /// How long the record outlives a node that died without a word.
    public var ttl: Duration
    /// How often the record is refreshed, checked, and retried if it could not be written.
    public var interval: Duration

    /// Says whether the node can do its work; asked before it registers and once each ``interval``.
    ///
    /// While it answers `false`, throws or takes longer than an interval, the node is not registered; when it answers
    /// `true` again, so is the node. A service asks it itself, so that it works with every registry.
    public var check: (@Sendable () async throws -> Bool)?

    /// The defaults, 15 and 5 seconds, let two refreshes fail before a record goes.
    public init(
        ttl: Duration = .seconds(15), interval: Duration = .seconds(5),
        check: (@Sendable () async throws -> Bool)? = nil
    ) {
        self.ttl = ttl
        self.interval = interval
        self.check = check
    }
}
