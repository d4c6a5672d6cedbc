// SPDX-License-Identifier: Apache-2.0

public import Configuration
internal import Logging
public import Martlet

extension MicroService {
    /// Makes a service by what a configuration says of it.
    ///
    /// What the code gives here and in `configure` comes first; what the configuration says goes over it, and only
    /// where it says something. Among the configuration's own sources the order is the reader's: with `.micro()` flags
    /// go over the environment.
    ///
    ///     let service = try MicroService(config: .micro(), plugins: [.etcd]) { $0.maximumMessageBytes = 2 << 20 }
    ///
    /// | variable, and flag alike | |
    /// |---|---|
    /// | `MICRO_SERVER_NAME`, `_VERSION`, `_ID` | who the service is |
    /// | `MICRO_SERVER_ADDRESS`, `_ADVERTISE` | where it listens, and what it registers instead |
    /// | `MICRO_SERVER_METADATA` | `key=value` pairs, separated by commas |
    /// | `MICRO_REGISTRY`, `MICRO_REGISTRY_ADDRESS` | a plug-in's name, and its addresses, separated by commas |
    /// | `MICRO_REGISTRY_USER`, `MICRO_REGISTRY_PASSWORD` | who asks the registry |
    /// | `MICRO_BROKER`, `MICRO_BROKER_ADDRESS` | the same as of the registry |
    /// | `MICRO_REGISTRY_TLS_CERT`, `_KEY`, `_CA`, `_SERVER_NAME` | PEM files, and the name in certificates of others |
    /// | `MICRO_REGISTRY_TLS_SKIP_VERIFY` | `true` accepts any certificate; for tests only |
    /// | `MICRO_BROKER_TLS_…`, `MICRO_SERVER_TLS_…`, `MICRO_CLIENT_TLS_…` | the same for broker, service and calls |
    /// | `MICRO_REGISTER_TTL`, `MICRO_REGISTER_INTERVAL` | durations: `30`, `30s`, `1m30s` |
    /// | `MICRO_SELECTOR` | `round_robin`, `random`, `weighted`, `least_conn`, `power_of_two`, `consistent_hash` |
    /// | `MICRO_CLIENT_REQUEST_TIMEOUT` | how long a call may take |
    /// | `MICRO_CLIENT_RETRIES` | attempts after the first; 0 makes none |
    /// | `MICRO_CLIENT_POOL_SIZE` | the most connections to one node, each of which carries many calls |
    /// | `MICRO_CLIENT_POOL_TTL` | the age at which a connection is replaced; 0 for no limit |
    /// | `MICRO_CLIENT_IN_PROCESS` | `false` takes sockets to nodes of this process, too |
    /// | `MICRO_LOG_LEVEL` | `trace`, `debug`, `info`, `warn`, `error` |
    ///
    /// What one call says by its ``Martlet/RequestOptions`` goes over all of it.
    ///
    /// - Parameters:
    ///   - config: Where to look; keys begin with `micro.`, as in `micro.server.name`.
    ///   - plugins: The registries and brokers that may be named. A store's are used where none is.
    ///   - name: The service's name where the configuration has none.
    ///   - version: Its version where the configuration has none.
    ///   - configure: What the code says.
    /// - Throws: ``MicroError`` with code 400 for an unknown plug-in or a value that can't be read.
    public init(
        config: ConfigReader, plugins: [MicroPlugin] = [], name: String = "go.micro.server", version: String = "latest",
        configure: (inout Configuration) -> Void = { _ in }
    ) throws {
        let settings = try MicroSettings(config)
        var configuration = MicroService(name).configuration
        configure(&configuration)
        try settings.apply(to: &configuration)
        let known = MicroPlugins(plugins)
        let registry = try settings.makeRegistry(known, configuration.logger)
        let broker = try settings.makeBroker(known, registry, configuration.logger)
        self.init(
            settings.serverName ?? name, version: settings.serverVersion ?? version, registry: registry, broker: broker
        ) { $0 = configuration }
    }
}

extension MicroClient {
    /// Makes a client by what a configuration says of it, as services are made.
    public init(
        config: ConfigReader, plugins: [MicroPlugin] = [], configure: (inout Configuration) -> Void = { _ in }
    ) throws {
        let settings = try MicroSettings(config)
        var configuration = Configuration()
        configure(&configuration)
        try settings.apply(to: &configuration)
        let known = MicroPlugins(plugins)
        let registry = try settings.makeRegistry(known, configuration.logger)
        configuration.broker = try settings.makeBroker(known, registry, configuration.logger)
        self.init(registry: registry) { $0 = configuration }
    }
}

extension ConfigReader {
    /// Reads go-micro's settings: flags first, then the environment.
    ///
    /// `MICRO_REGISTRY_ADDRESS` and `--registry-address`, or `--registry_address`, are both the key
    /// `micro.registry.address`. Flags without a value, and those that nobody asks for, do no harm.
    ///
    /// - Parameters:
    ///   - arguments: The command line, the program's name first.
    ///   - environment: The environment; `nil` is the process's own.
    public static func micro(
        arguments: [String] = CommandLine.arguments, environment: [String: String]? = nil
    ) -> ConfigReader {
        let flags = CommandLineArgumentsProvider(arguments: arguments.map(Self.hyphenated))
        let named = KeyMappingProvider(upstream: flags) { key in
            guard key.components.first == "micro" else { return key }
            return AbsoluteConfigKey(Array(key.components.dropFirst()), context: key.context)
        }
        let variables =
            environment.map { EnvironmentVariablesProvider(environmentVariables: $0) }
            ?? EnvironmentVariablesProvider()
        return ConfigReader(providers: [named, variables])
    }

    /// `--registry_address=a_b` as `--registry-address=a_b`.
    private static func hyphenated(_ argument: String) -> String {
        guard argument.hasPrefix("--") else { return argument }
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0].map { $0 == "_" ? "-" : $0 })
        return parts.count == 2 ? "\(name)=\(parts[1])" : name
    }
}
