// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import Logging
internal import Martlet

/// What a configuration says about a service and its client; `nil` where it says nothing.
///
/// Names and meanings are go-micro's: `micro.server.name` is `MICRO_SERVER_NAME` in the environment and
/// `--server-name`, or `--server_name`, among flags. Source: go-micro, config/cmd.
struct MicroSettings {
    var serverName: String?
    var serverVersion: String?
    var serverID: String?
    var serverAddress: String?
    var serverAdvertise: String?
    var serverMetadata: [String: String] = [:]
    var registry: String?
    var registryAddresses: [String] = []
    var registerTTL: Duration?
    var registerInterval: Duration?
    var broker: String?
    var brokerAddresses: [String] = []
    var clientTimeout: Duration?
    var selector: String?
    var logLevel: Logger.Level?

    /// - Throws: Code 400 for a value that is none of its kind, with its name.
    init(_ config: ConfigReader) throws {
        self.serverName = config.string(forKey: "micro.server.name")
        self.serverVersion = config.string(forKey: "micro.server.version")
        self.serverID = config.string(forKey: "micro.server.id")
        self.serverAddress = config.string(forKey: "micro.server.address")
        self.serverAdvertise = config.string(forKey: "micro.server.advertise")
        for pair in config.stringArray(forKey: "micro.server.metadata") ?? [] where !pair.isEmpty {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else { throw Self.unreadable("server.metadata", pair) }
            self.serverMetadata[String(parts[0])] = String(parts[1])
        }
        self.registry = config.string(forKey: "micro.registry")
        self.registryAddresses = config.stringArray(forKey: "micro.registry.address") ?? []
        self.registerTTL = try Self.duration("register.ttl", config.string(forKey: "micro.register.ttl"))
        self.registerInterval = try Self.duration("register.interval", config.string(forKey: "micro.register.interval"))
        self.broker = config.string(forKey: "micro.broker")
        self.brokerAddresses = config.stringArray(forKey: "micro.broker.address") ?? []
        self.clientTimeout = try Self.duration(
            "client.request.timeout", config.string(forKey: "micro.client.request.timeout"))
        self.selector = config.string(forKey: "micro.selector")
        if let level = config.string(forKey: "micro.log.level") {
            // go-micro says warn where swift-log says warning.
            let name = level.lowercased() == "warn" ? "warning" : level.lowercased()
            guard let known = Logger.Level(rawValue: name) else { throw Self.unreadable("log.level", level) }
            self.logLevel = known
        }
    }

    private static func duration(_ name: String, _ text: String?) throws -> Duration? {
        guard let text else { return nil }
        guard let duration = GoDuration.parse(text), duration >= .zero else { throw self.unreadable(name, text) }
        return duration
    }

    private static func unreadable(_ name: String, _ text: String) -> MicroError {
        let variable = "MICRO_" + name.uppercased().map { $0 == "." ? "_" : String($0) }.joined()
        return MicroError(.badRequest, "\(variable) can't be \"\(text)\"")
    }

    func nodeSelector() throws -> NodeSelector? {
        switch self.selector?.lowercased() {
        case nil: return nil
        case "roundrobin", "round_robin", "round-robin", "registry", "cache": return .roundRobin
        case "random": return .random
        default: throw Self.unreadable("selector", self.selector ?? "")
        }
    }

    func apply(to configuration: inout MicroService.Configuration) throws {
        if let address = self.serverAddress {
            configuration.address = address.hasPrefix(":") ? "0.0.0.0" + address : address
        }
        if let advertise = self.serverAdvertise { configuration.advertisedAddress = advertise }
        if let id = self.serverID { configuration.nodeID = id }
        configuration.metadata.merge(self.serverMetadata) { $1 }
        if let ttl = self.registerTTL { configuration.registration.ttl = ttl }
        if let interval = self.registerInterval { configuration.registration.interval = interval }
        if let level = self.logLevel { configuration.logger.logLevel = level }
        try self.apply(to: &configuration.client)
    }

    func apply(to configuration: inout MicroClient.Configuration) throws {
        if let timeout = self.clientTimeout { configuration.timeout = timeout }
        if let selector = try self.nodeSelector() { configuration.selector = selector }
        if let level = self.logLevel { configuration.logger.logLevel = level }
    }

    func makeRegistry(_ plugins: MicroPlugins, _ logger: Logger) throws -> any ServiceRegistry {
        try plugins.registry(
            self.registry ?? "memory", MicroPlugin.Settings(addresses: self.registryAddresses, logger: logger))
    }

    func makeBroker(
        _ plugins: MicroPlugins, _ registry: any ServiceRegistry, _ logger: Logger
    ) throws -> any MessageBroker {
        try plugins.broker(
            self.broker ?? "memory", MicroPlugin.Settings(addresses: self.brokerAddresses, logger: logger), registry)
    }
}
