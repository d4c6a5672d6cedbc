// SPDX-License-Identifier: Apache-2.0

public import Logging

/// Something that a service can be configured to use by its name: a registry, a broker, or both.
///
/// Only plug-ins that a program imports and hands over exist in it: `MICRO_REGISTRY=etcd` needs `.etcd` among its
/// plug-ins. `memory` is always there, and the broker `http`.
public struct MicroPlugin: Sendable {
    /// What the configuration says about a plug-in.
    public struct Settings: Sendable {
        /// Where the server behind it is, `host:port` each; empty takes the plug-in's own default.
        public var addresses: [String]
        /// Certificates, where some are configured.
        public var tls: MicroTLS?
        /// Who the plug-in says it is, where something is configured.
        public var credentials: MicroCredentials?
        /// Where the plug-in says what it does.
        public var logger: Logger

        public init(
            addresses: [String], tls: MicroTLS? = nil, credentials: MicroCredentials? = nil, logger: Logger
        ) {
            self.addresses = addresses
            self.tls = tls
            self.credentials = credentials
            self.logger = logger
        }
    }

    /// Makes a registry.
    public typealias RegistryMaker = @Sendable (_ settings: Settings) throws -> any ServiceRegistry
    /// Makes a broker; some need the registry.
    public typealias BrokerMaker =
        @Sendable (_ settings: Settings, _ registry: any ServiceRegistry) throws -> any MessageBroker

    /// What `MICRO_REGISTRY` or `MICRO_BROKER` says to mean this plug-in.
    public let name: String
    /// Whether it is meant where `MICRO_REGISTRY` or `MICRO_BROKER` says nothing.
    public let isDefault: Bool
    let makeRegistry: RegistryMaker?
    let makeBroker: BrokerMaker?

    /// - Parameters:
    ///   - name: What the configuration says to mean this plug-in.
    ///   - isDefault: Whether it is meant, too, where the configuration says nothing; else `memory` is.
    ///   - registry: Makes its registry, if it has one.
    ///   - broker: Makes its broker, if it has one.
    public init(
        _ name: String, isDefault: Bool = false, registry: RegistryMaker? = nil, broker: BrokerMaker? = nil
    ) {
        self.name = name
        self.isDefault = isDefault
        self.makeRegistry = registry
        self.makeBroker = broker
    }

    /// The registry and the broker that everything in this process shares.
    public static var memory: MicroPlugin {
        MicroPlugin(
            "memory", registry: { _ in InMemoryRegistry.memory }, broker: { _, _ in InMemoryBroker.memory })
    }

    /// go-micro's HTTP broker, over whichever registry is configured.
    public static var http: MicroPlugin {
        MicroPlugin(
            "http",
            broker: { settings, registry in
                HTTPBroker(registry: registry) {
                    if let address = settings.addresses.first { $0.address = address }
                    $0.tls = settings.tls
                    $0.logger = settings.logger
                }
            })
    }
}

/// The plug-ins of one program. One that is given twice counts as it was given last.
package struct MicroPlugins: Sendable {
    private let plugins: [MicroPlugin]

    package init(_ plugins: [MicroPlugin]) { self.plugins = plugins.reversed() + [.memory, .http] }

    /// - Parameter name: `nil` where the configuration says none.
    /// - Throws: Code 400, with the names that there are.
    package func registry(_ name: String?, _ settings: MicroPlugin.Settings) throws -> any ServiceRegistry {
        let known = self.plugins.filter { $0.makeRegistry != nil }
        let name = name ?? Self.defaultName(known)
        guard let make = known.first(where: { $0.name == name })?.makeRegistry else {
            throw self.unknown("registry", name, "MICRO_REGISTRY", known)
        }
        return try make(settings)
    }

    /// - Parameter name: `nil` where the configuration says none.
    /// - Throws: Code 400, with the names that there are.
    package func broker(
        _ name: String?, _ settings: MicroPlugin.Settings, _ registry: any ServiceRegistry
    ) throws -> any MessageBroker {
        let known = self.plugins.filter { $0.makeBroker != nil }
        let name = name ?? Self.defaultName(known)
        guard let make = known.first(where: { $0.name == name })?.makeBroker else {
            throw self.unknown("broker", name, "MICRO_BROKER", known)
        }
        return try make(settings, registry)
    }

    private static func defaultName(_ known: [MicroPlugin]) -> String {
        known.first(where: \.isDefault)?.name ?? MicroPlugin.memory.name
    }

    private func unknown(
        _ kind: String, _ name: String, _ variable: String, _ known: [MicroPlugin]
    ) -> MicroError {
        let names = Set(known.map(\.name)).sorted().joined(separator: ", ")
        return MicroError(
            .badRequest,
            "\(variable) says \"\(name)\", but this program knows the \(kind) plug-ins \(names): "
                + "import the one that has it and hand it over in `plugins:`")
    }
}
