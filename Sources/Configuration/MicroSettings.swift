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
    var serverTLS: MicroTLS?
    var registry: String?
    var registryAddresses: [String] = []
    var registryTLS: MicroTLS?
    var registryCredentials: MicroCredentials?
    var registerTTL: Duration?
    var registerInterval: Duration?
    var broker: String?
    var brokerAddresses: [String] = []
    var brokerTLS: MicroTLS?
    var clientTimeout: Duration?
    var clientRetries: Int?
    var clientPoolSize: Int?
    var clientPoolTTL: Duration?
    var clientInProcess: Bool?
    var clientTLS: MicroTLS?
    var selector: String?
    var logLevel: Logger.Level?

    /// - Throws: Code 400 for a value that is none of its kind, with its name.
    init(_ config: ConfigReader) throws {
        self.serverName = Self.text("server.name", config)
        self.serverVersion = Self.text("server.version", config)
        self.serverID = Self.text("server.id", config)
        self.serverAddress = Self.text("server.address", config)
        self.serverAdvertise = Self.text("server.advertise", config)
        for pair in config.stringArray(forKey: "micro.server.metadata") ?? [] where !pair.isEmpty {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else { throw Self.unreadable("server.metadata", pair) }
            self.serverMetadata[String(parts[0])] = String(parts[1])
        }
        self.serverTLS = try Self.tls("server", config)
        self.registry = Self.text("registry", config)
        self.registryAddresses = config.stringArray(forKey: "micro.registry.address") ?? []
        self.registryTLS = try Self.tls("registry", config)
        self.registryCredentials = try Self.credentials("registry", config)
        self.registerTTL = try Self.duration("register.ttl", config.string(forKey: "micro.register.ttl"))
        self.registerInterval = try Self.duration("register.interval", config.string(forKey: "micro.register.interval"))
        self.broker = Self.text("broker", config)
        self.brokerAddresses = config.stringArray(forKey: "micro.broker.address") ?? []
        self.brokerTLS = try Self.tls("broker", config)
        self.clientTimeout = try Self.duration(
            "client.request.timeout", config.string(forKey: "micro.client.request.timeout"))
        self.clientRetries = try Self.number("client.retries", config, atLeast: 0)
        self.clientPoolSize = try Self.number("client.pool.size", config, atLeast: 1)
        self.clientPoolTTL = try Self.duration("client.pool.ttl", config.string(forKey: "micro.client.pool.ttl"))
        self.clientInProcess = try Self.flag("client.in.process", config)
        self.clientTLS = try Self.tls("client", config)
        self.selector = Self.text("selector", config)
        if let level = config.string(forKey: "micro.log.level") {
            // go-micro says warn where swift-log says warning.
            let name = level.lowercased() == "warn" ? "warning" : level.lowercased()
            guard let known = Logger.Level(rawValue: name) else { throw Self.unreadable("log.level", level) }
            self.logLevel = known
        }
    }

    /// An empty one counts as not given, as in go-micro.
    private static func text(_ name: String, _ config: ConfigReader, isSecret: Bool = false) -> String? {
        config.string(forKey: ConfigKey("micro." + name), isSecret: isSecret).flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func duration(_ name: String, _ text: String?) throws -> Duration? {
        guard let text else { return nil }
        guard let duration = GoDuration.parse(text), duration >= .zero else { throw self.unreadable(name, text) }
        return duration
    }

    private static func number(_ name: String, _ config: ConfigReader, atLeast minimum: Int) throws -> Int? {
        guard let text = config.string(forKey: ConfigKey("micro." + name)) else { return nil }
        guard let number = Int(text), (minimum...Self.maximumNumber).contains(number) else {
            throw self.unreadable(name, text)
        }
        return number
    }

    /// More connections to a node, or attempts of a call, than anybody means.
    private static let maximumNumber = 1_000_000

    private static func flag(_ name: String, _ config: ConfigReader) throws -> Bool? {
        guard let text = config.string(forKey: ConfigKey("micro." + name)) else { return nil }
        switch text.lowercased() {
        case "true", "1", "yes", "on": return true
        case "false", "0", "no", "off": return false
        default: throw self.unreadable(name, text)
        }
    }

    /// - Throws: Code 400 for a certificate without its key, or a key without its certificate.
    private static func tls(_ part: String, _ config: ConfigReader) throws -> MicroTLS? {
        func text(_ name: String) -> String? { self.text("\(part).tls.\(name)", config) }
        var tls = MicroTLS()
        tls.certificateChainFile = text("cert")
        tls.privateKeyFile = text("key")
        tls.trustRootsFile = text("ca")
        tls.serverName = text("server.name")
        tls.skipsVerification = try self.flag("\(part).tls.skip.verify", config) ?? false
        guard (tls.certificateChainFile == nil) == (tls.privateKeyFile == nil) else {
            let variable = "MICRO_\(part.uppercased())_TLS"
            throw MicroError(.badRequest, "\(variable)_CERT and \(variable)_KEY need each other")
        }
        return tls == MicroTLS() ? nil : tls
    }

    /// - Throws: Code 400 for a password without a name.
    private static func credentials(_ part: String, _ config: ConfigReader) throws -> MicroCredentials? {
        let password = self.text("\(part).password", config, isSecret: true)
        guard let user = self.text("\(part).user", config) else {
            guard password == nil else {
                let variable = "MICRO_\(part.uppercased())"
                throw MicroError(.badRequest, "\(variable)_PASSWORD is nobody's without \(variable)_USER")
            }
            return nil
        }
        return MicroCredentials(user: user, password: password ?? "")
    }

    private static func unreadable(_ name: String, _ text: String) -> MicroError {
        let variable = "MICRO_" + name.uppercased().map { $0 == "." ? "_" : String($0) }.joined()
        return MicroError(.badRequest, "\(variable) can't be \"\(text)\"")
    }

    /// The selector by its name; case, hyphens and underscores don't count.
    ///
    /// go-micro's own names say where nodes come from, not which is chosen: they leave the default.
    func nodeSelector() throws -> NodeSelector? {
        guard let name = self.selector else { return nil }
        switch name.lowercased().filter({ $0 != "-" && $0 != "_" }) {
        case "default", "registry", "cache": return .roundRobin
        case "roundrobin": return .roundRobin
        case "random": return .random
        case "weighted", "weightedrandom": return .weighted
        case "leastoutstanding", "leastconn", "leastconnections", "leastrequest": return .leastOutstanding
        case "poweroftwo", "poweroftwochoices", "p2c": return .powerOfTwoChoices
        case "consistenthash", "hash": return .consistentHash
        default:
            throw MicroError(
                .badRequest,
                "MICRO_SELECTOR can't be \"\(name)\": it is round_robin, random, weighted, least_conn, "
                    + "power_of_two or consistent_hash")
        }
    }

    func apply(to configuration: inout MicroService.Configuration) throws {
        if let address = self.serverAddress {
            configuration.address = address.hasPrefix(":") ? "0.0.0.0" + address : address
        }
        if let advertise = self.serverAdvertise { configuration.advertisedAddress = advertise }
        if let id = self.serverID { configuration.nodeID = id }
        configuration.metadata.merge(self.serverMetadata) { $1 }
        if let tls = self.serverTLS { configuration.tls = tls }
        if let ttl = self.registerTTL { configuration.registration.ttl = ttl }
        if let interval = self.registerInterval { configuration.registration.interval = interval }
        if let level = self.logLevel { configuration.logger.logLevel = level }
        try self.apply(to: &configuration.client)
    }

    func apply(to configuration: inout MicroClient.Configuration) throws {
        if let timeout = self.clientTimeout { configuration.timeout = timeout }
        // go-micro counts the attempts after the first.
        if let retries = self.clientRetries { configuration.retries.maximumAttempts = retries + 1 }
        if let size = self.clientPoolSize { configuration.pool.maximumConnections = size }
        if let age = self.clientPoolTTL { configuration.pool.maximumAge = age > .zero ? age : nil }
        if let inProcess = self.clientInProcess { configuration.callsInProcess = inProcess }
        if let tls = self.clientTLS { configuration.tls = tls }
        if let selector = try self.nodeSelector() { configuration.selector = selector }
        if let level = self.logLevel { configuration.logger.logLevel = level }
    }

    func makeRegistry(_ plugins: MicroPlugins, _ logger: Logger) throws -> any ServiceRegistry {
        try plugins.registry(
            self.registry,
            MicroPlugin.Settings(
                addresses: self.registryAddresses, tls: self.registryTLS, credentials: self.registryCredentials,
                logger: logger))
    }

    func makeBroker(
        _ plugins: MicroPlugins, _ registry: any ServiceRegistry, _ logger: Logger
    ) throws -> any MessageBroker {
        try plugins.broker(
            self.broker,
            MicroPlugin.Settings(addresses: self.brokerAddresses, tls: self.brokerTLS, logger: logger), registry)
    }
}
