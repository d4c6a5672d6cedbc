// SPDX-License-Identifier: Apache-2.0

import Configuration
import Logging
import Martlet
import MartletConfiguration
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(30))) struct MicroConfigTests {
    static func reader(_ arguments: [String] = [], _ environment: [String: String] = [:]) -> ConfigReader {
        .micro(arguments: ["program"] + arguments, environment: environment)
    }

    @Test func nothingSaidLeavesWhatTheCodeSays() throws {
        let service = try MicroService(config: Self.reader(), name: "code", version: "7") {
            $0.registration.ttl = .seconds(99)
            $0.metadata = ["zone": "a"]
        }
        #expect(service.name == "code")
        #expect(service.version == "7")
        #expect(service.configuration.registration.ttl == .seconds(99))
        #expect(service.configuration.metadata == ["zone": "a"])
    }

    @Test func emptyVariablesSayNothing() throws {
        let names = ["SERVER_NAME", "SERVER_VERSION", "SERVER_ID", "SERVER_ADDRESS", "REGISTRY", "BROKER", "SELECTOR"]
        let empty = Dictionary(uniqueKeysWithValues: names.map { ("MICRO_" + $0, "") })
        let service = try MicroService(config: Self.reader([], empty), name: "code", version: "7") {
            $0.nodeID = "node"
            $0.address = "127.0.0.1:0"
        }
        #expect(service.name == "code")
        #expect(service.version == "7")
        #expect(service.configuration.nodeID == "node")
        #expect(service.configuration.address == "127.0.0.1:0")
    }

    @Test func flagsGoOverTheEnvironmentAndThatOverTheCode() throws {
        let environment = [
            "MICRO_SERVER_NAME": "from.environment", "MICRO_SERVER_VERSION": "e", "MICRO_REGISTER_TTL": "40",
            "MICRO_SERVER_METADATA": "zone=b,rack=1", "MICRO_CLIENT_REQUEST_TIMEOUT": "1m30s",
            "MICRO_SERVER_ADDRESS": ":8080", "MICRO_LOG_LEVEL": "WARN", "MICRO_SELECTOR": "random",
        ]
        let service = try MicroService(
            config: Self.reader(
                ["--server_name=from.flag", "--register_interval", "10", "--server-advertise=10.0.0.1:80"],
                environment),
            name: "code", version: "c"
        ) {
            $0.registration.ttl = .seconds(99)
            $0.metadata = ["zone": "a", "own": "x"]
        }
        #expect(service.name == "from.flag")
        #expect(service.version == "e")
        #expect(service.configuration.registration.ttl == .seconds(40))
        #expect(service.configuration.registration.interval == .seconds(10))
        #expect(service.configuration.metadata == ["zone": "b", "rack": "1", "own": "x"])
        #expect(service.configuration.client.timeout == .seconds(90))
        #expect(service.configuration.address == "0.0.0.0:8080")
        #expect(service.configuration.advertisedAddress == "10.0.0.1:80")
        #expect(service.configuration.logger.logLevel == .warning)
    }

    @Test func clientSettingsAreGoMicros() throws {
        let environment = [
            "MICRO_CLIENT_RETRIES": "3", "MICRO_CLIENT_POOL_SIZE": "200", "MICRO_CLIENT_POOL_TTL": "2m",
            "MICRO_CLIENT_REQUEST_TIMEOUT": "10s", "MICRO_CLIENT_IN_PROCESS": "false",
        ]
        func client(_ arguments: [String], _ environment: [String: String]) throws -> MicroClient.Configuration {
            try MicroService(config: Self.reader(arguments, environment)) {
                $0.client.timeout = .seconds(1)
                $0.client.retries.maximumAttempts = 9
                $0.client.pool = PoolPolicy(maximumConnections: 5, maximumAge: .seconds(7))
            }.configuration.client
        }
        let said = try client([], environment)
        #expect(said.timeout == .seconds(10))
        #expect(said.retries.maximumAttempts == 4)
        #expect(said.pool.maximumConnections == 200)
        #expect(said.pool.maximumAge == .seconds(120))
        #expect(!said.callsInProcess)
        let flags = try client(
            ["--client_retries=0", "--client-pool-size", "2", "--client_pool_ttl=0", "--client-in-process=true"],
            environment)
        #expect(flags.retries.maximumAttempts == 1)
        #expect(flags.pool.maximumConnections == 2)
        #expect(flags.pool.maximumAge == nil)
        #expect(flags.callsInProcess)
        #expect(flags.timeout == .seconds(10))
        let code = try client([], [:])
        #expect(code.timeout == .seconds(1))
        #expect(code.retries.maximumAttempts == 9)
        #expect(code.pool == PoolPolicy(maximumConnections: 5, maximumAge: .seconds(7)))
        #expect(code.callsInProcess)
    }

    @Test(arguments: [
        ("round_robin", "roundRobin"), ("RoundRobin", "roundRobin"), ("registry", "roundRobin"), ("random", "random"),
        ("weighted", "weighted"), ("least_conn", "leastOutstanding"), ("least-outstanding", "leastOutstanding"),
        ("leastoutstanding", "leastOutstanding"), ("power_of_two", "powerOfTwoChoices"), ("p2c", "powerOfTwoChoices"),
        ("consistent_hash", "consistentHash"), ("consistent-hash", "consistentHash"),
    ])
    func selectorsHaveNames(_ name: String, _ strategy: String) throws {
        let service = try MicroService(config: Self.reader(["--selector=\(name)"])) {
            // What the configuration says goes over this.
            $0.client.selector = NodeSelector { _, _ in 0 }
        }
        let chosen = "\(service.configuration.client.selector.strategy)"
        #expect(chosen.prefix { $0 != "(" } == strategy)
    }

    @Test func certificatesReachTheBroker() throws {
        let seen = Seen()
        let plugin = MicroPlugin(
            "mine",
            broker: { settings, _ in
                let tls = settings.tls
                seen.addresses.append(
                    [tls?.certificateChainFile, tls?.privateKeyFile, tls?.trustRootsFile, tls?.serverName]
                        .map { $0 ?? "-" })
                return InMemoryBroker()
            })
        for environment in [
            ["MICRO_BROKER_TLS_CERT": "c.pem", "MICRO_BROKER_TLS_KEY": "k.pem", "MICRO_BROKER_TLS_CA": "ca.pem"],
            ["MICRO_BROKER_TLS_CA": "ca.pem", "MICRO_BROKER_TLS_SERVER_NAME": "broker.test"], [:],
        ] {
            _ = try MicroService(config: Self.reader(["--broker=mine"], environment), plugins: [plugin])
        }
        #expect(
            seen.addresses.all == [
                ["c.pem", "k.pem", "ca.pem", "-"], ["-", "-", "ca.pem", "broker.test"], ["-", "-", "-", "-"],
            ])
        #expect(throws: MicroError(.badRequest, "MICRO_BROKER_TLS_CERT and MICRO_BROKER_TLS_KEY need each other")) {
            _ = try MicroService(config: Self.reader([], ["MICRO_BROKER_TLS_CERT": "c.pem"]))
        }
    }

    @Test func theRegistryGetsItsCertificatesAndWhoAsks() throws {
        let seen = Seen()
        let plugin = MicroPlugin(
            "mine",
            registry: { settings in
                let tls = settings.tls
                seen.addresses.append(
                    [
                        settings.credentials?.user, settings.credentials?.password, tls?.trustRootsFile,
                        tls?.certificateChainFile, tls?.privateKeyFile, tls?.serverName,
                        tls.map { "\($0.skipsVerification)" },
                    ].map { $0 ?? "-" })
                return InMemoryRegistry()
            })
        for environment in [
            [
                "MICRO_REGISTRY_USER": "app", "MICRO_REGISTRY_PASSWORD": "pw", "MICRO_REGISTRY_TLS_CA": "ca.pem",
                "MICRO_REGISTRY_TLS_CERT": "c.pem", "MICRO_REGISTRY_TLS_KEY": "k.pem",
                "MICRO_REGISTRY_TLS_SERVER_NAME": "store.test", "MICRO_REGISTRY_TLS_SKIP_VERIFY": "true",
            ],
            ["MICRO_REGISTRY_USER": "app", "MICRO_REGISTRY_TLS_CA": ""], [:],
        ] {
            _ = try MicroService(config: Self.reader(["--registry=mine"], environment), plugins: [plugin])
        }
        #expect(
            seen.addresses.all == [
                ["app", "pw", "ca.pem", "c.pem", "k.pem", "store.test", "true"],
                ["app", "", "-", "-", "-", "-", "-"], ["-", "-", "-", "-", "-", "-", "-"],
            ])
        let nobodys = MicroError(.badRequest, "MICRO_REGISTRY_PASSWORD is nobody's without MICRO_REGISTRY_USER")
        #expect(throws: nobodys) {
            _ = try MicroService(config: Self.reader([], ["MICRO_REGISTRY_PASSWORD": "pw"]))
        }
        #expect("\(MicroCredentials(user: "app", password: "secret"))" == "MicroCredentials(user: app)")
    }

    @Test func certificatesReachServiceAndClient() throws {
        let environment = [
            "MICRO_SERVER_TLS_CERT": "s.pem", "MICRO_SERVER_TLS_KEY": "s.key", "MICRO_CLIENT_TLS_CA": "ca.pem",
        ]
        let service = try MicroService(config: Self.reader([], environment))
        #expect(service.configuration.tls == MicroTLS(certificateChainFile: "s.pem", privateKeyFile: "s.key"))
        #expect(service.configuration.client.tls?.trustRootsFile == "ca.pem")
        let plain = try MicroService(config: Self.reader())
        #expect(plain.configuration.tls == nil && plain.configuration.client.tls == nil)
    }

    @Test func retriesOfTheConfigurationLimitAttempts() async throws {
        let registry = InMemoryRegistry()
        // Nobody listens at any of them.
        let nodes = (1...5).map { NodeRecord(id: "dead-\($0)", address: "127.0.0.1:\($0)") }
        try await registry.register(
            ServiceRecord(name: "test.dead", version: "1", nodes: nodes), options: RegistrationOptions())
        let plugin = MicroPlugin("mine", registry: { _ in registry })
        let client = try MicroClient(
            config: Self.reader(["--registry=mine"], ["MICRO_CLIENT_RETRIES": "2"]), plugins: [plugin])
        func detail(_ configure: (inout RequestOptions) -> Void = { _ in }) async -> String {
            do {
                return try await client.call("test.dead", "Some.Call", json: "{}", configure: configure)
            } catch {
                return "\(error)"
            }
        }
        #expect(await detail().contains("3 attempts to call"))
        #expect(await detail { $0.maximumAttempts = 2 }.contains("2 attempts to call"))
        await client.close()
    }

    @Test func pluginsAreMadeByNameWithTheirAddresses() async throws {
        let mine = InMemoryRegistry()
        let seen = Seen()
        let plugin = MicroPlugin(
            "mine",
            registry: { settings in
                seen.addresses.append(settings.addresses)
                return mine
            })
        let environment = [
            "MICRO_REGISTRY": "mine", "MICRO_REGISTRY_ADDRESS": "a:1,b:2", "MICRO_BROKER": "http",
            "MICRO_SERVER_ADDRESS": "127.0.0.1:0",
        ]
        var service = try MicroService(config: Self.reader([], environment), plugins: [plugin], name: "test.config")
        service.configuration.drainDelay = .milliseconds(1)
        let (nodes, node) = AsyncStream.makeStream(of: NodeRecord.self)
        service.afterStart { node.yield($0) }
        let running = service
        let task = Task { try await running.run() }
        for await node in nodes {
            #expect(node.metadata?["broker"] == "http")
            #expect(node.metadata?["registry"] == "memory")
            break
        }
        #expect(try await mine.services(named: "test.config").count == 1)
        #expect(seen.addresses.all == [["a:1", "b:2"]])
        task.cancel()
        try await task.value
    }

    @Test func unknownPluginsAreNamedWithThoseThatThereAre() {
        do {
            _ = try MicroService(
                config: Self.reader(["--registry", "consul"]),
                plugins: [MicroPlugin("mine", registry: { _ in InMemoryRegistry() })])
            Issue.record("an unknown registry was made")
        } catch {
            #expect(
                "\(error)".contains(
                    #"MICRO_REGISTRY says \"consul\", but this program knows the registry plug-ins memory, mine"#),
                "\(error)")
        }
        do {
            _ = try MicroClient(config: Self.reader([], ["MICRO_BROKER": "redis"]))
            Issue.record("an unknown broker was made")
        } catch {
            #expect("\(error)".contains("the broker plug-ins http, memory"), "\(error)")
        }
    }

    @Test(arguments: [
        ("MICRO_REGISTER_TTL", "soon"), ("MICRO_SERVER_METADATA", "zone"), ("MICRO_SELECTOR", "best"),
        ("MICRO_LOG_LEVEL", "loud"), ("MICRO_REGISTER_INTERVAL", "-5s"), ("MICRO_CLIENT_RETRIES", "-1"),
        ("MICRO_CLIENT_RETRIES", "some"), ("MICRO_CLIENT_POOL_SIZE", "0"), ("MICRO_CLIENT_POOL_TTL", "old"),
        ("MICRO_CLIENT_IN_PROCESS", "perhaps"),
    ])
    func unreadableValuesAreNamed(_ name: String, _ value: String) {
        do {
            _ = try MicroService(config: Self.reader([], [name: value]))
            Issue.record("\(name)=\(value) was taken")
        } catch {
            #expect("\(error)".contains("\(name) can't be"), "\(error)")
        }
    }

    @Test func durationsAreThoseOfGo() {
        #expect(GoDuration.parse("10") == .seconds(10))
        #expect(GoDuration.parse("500ms") == .milliseconds(500))
        #expect(GoDuration.parse("1h2m3.5s") == .milliseconds(3_723_500))
        #expect(GoDuration.parse("250us") == .microseconds(250))
        #expect(GoDuration.parse("-1s") == .seconds(-1))
        for text in ["", "s", "5x", "1.2.3s", "five", "1s x", "nan", "inf", "1e300h"] {
            #expect(GoDuration.parse(text) == nil, "\(text)")
        }
    }
}

private final class Seen: Sendable {
    let addresses = Box()

    final class Box: Sendable {
        private let values = Mutex<[[String]]>([])
        func append(_ value: [String]) { self.values.withLock { $0.append(value) } }
        var all: [[String]] { self.values.withLock { $0 } }
    }
}
