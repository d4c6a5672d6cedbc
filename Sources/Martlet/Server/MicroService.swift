// SPDX-License-Identifier: Apache-2.0

public import Logging

/// A service: a name, its endpoints, and where it is registered.
///
/// It is a value until it runs: build it up, hand it around, then ``run()`` it, alone or in a `ServiceGroup`.
///
///     var service = MicroService("go.micro.server", version: "1", registry: .etcd("127.0.0.1:2379"))
///     service.handle("Greeter.Hello") { (request: HelloRequest, context) in
///         HelloResponse(greeting: "Hello \(request.name)")
///     }
///     try await service.runService()
public struct MicroService: Sendable {
    /// How a service listens, registers and ends.
    public struct Configuration: Sendable {
        /// Where the service listens: `host:port` or `unix:path`. Port 0 lets the system choose.
        public var address = "0.0.0.0:0"

        /// The `host:port` that is registered, if it isn't where the service listens.
        ///
        /// A service that listens on all interfaces otherwise registers the machine's first private address.
        public var advertisedAddress: String?

        /// How the registration lives.
        public var registration = RegistrationOptions()

        /// What is registered with the node, beside what the framework writes there itself.
        public var metadata: [String: String] = [:]

        /// The node's id; `nil` makes one of the service's name and a UUID.
        public var nodeID: String?

        /// The largest message that is taken or sent.
        public var maximumMessageBytes = 4 << 20

        /// Whether clients in the same process may call without a socket; see
        /// ``MicroClient/Configuration/callsInProcess``.
        public var answersInProcess = true

        /// The certificate to listen with; `nil` listens without encryption.
        ///
        /// The node's record then says `secure`, so that Martlet's clients know. They need the certificate's authority,
        /// and the name in it where that isn't the node's address: ``MicroClient/Configuration/tls``.
        public var tls: MicroTLS?

        /// Codecs beside protobuf and JSON.
        public var codecs: [MessageCodec] = []

        /// How long calls under way may take to finish once the service ends.
        public var drainLimit = Duration.seconds(10)

        /// How long the service goes on after it has left the registry, so that clients learn of it before it stops
        /// to take calls. A watch event needs a few milliseconds; a quarter of a second leaves room for a busy client.
        public var drainDelay = Duration.milliseconds(250)

        /// How long leaving the registry may take; a registry that is away must not hold up the end.
        public var deregisterLimit = Duration.seconds(5)

        /// How long what runs before and after the end may take, each.
        public var hookLimit = Duration.seconds(10)

        /// What calls of each endpoint may take that ``MicroService/limit(_:_:)`` doesn't name.
        public var limits = EndpointLimits()

        /// Where the service says what it does.
        public var logger: Logger

        /// How the service's own client makes calls; see ``HandlerContext/client``.
        public var client = MicroClient.Configuration()

        /// Runs before the service listens; throwing keeps it from starting.
        public var beforeStart: (@Sendable () async throws -> Void)?

        /// Runs when the service listens and has tried to register; gets the node as it is registered.
        public var afterStart: (@Sendable (NodeRecord) async throws -> Void)?

        /// Runs before the service leaves the registry.
        public var beforeStop: (@Sendable () async -> Void)?

        /// Runs after the last call.
        public var afterStop: (@Sendable () async -> Void)?

        /// - Parameter logger: Where the service says what it does.
        init(logger: Logger) { self.logger = logger }
    }

    /// The name that callers use.
    public let name: String

    /// The version that is registered.
    public let version: String

    /// How the service listens, registers and ends.
    public var configuration: Configuration

    var registry: any ServiceRegistry
    let broker: any MessageBroker
    var endpoints: [String: Endpoint] = [:]
    var limits: [String: EndpointLimits] = [:]
    var interceptors: [HandlerInterceptor] = []
    var streamInterceptors: [StreamInterceptor] = []
    var subscriberInterceptors: [SubscriberInterceptor] = []
    var subscribers: [Subscriber] = []
    var hook: RouterHook?
    var hooks = ServiceHooks()
    var healthChecks: [HealthCheck] = []
    /// Serialised google.protobuf.FileDescriptorSets.
    var descriptorSets: [[UInt8]] = []

    /// Makes a service without endpoints.
    ///
    /// - Parameters:
    ///   - name: The name that callers use.
    ///   - version: The version that is registered.
    ///   - registry: Where the service is registered.
    ///   - broker: Where the service subscribes and publishes.
    ///   - configure: Changes the configuration.
    public init(
        _ name: String, version: String = "latest", registry: some ServiceRegistry = .memory,
        broker: some MessageBroker = .memory, configure: (inout Configuration) -> Void = { _ in }
    ) {
        precondition(!name.isEmpty, "a service needs a name")
        self.name = name
        self.version = version
        self.registry = CheckedRegistry(registry)
        self.broker = broker
        self.configuration = Configuration(logger: Logger(label: "martlet.service"))
        configure(&self.configuration)
        self.addDebugEndpoints()
    }

    /// Puts code around every call, inside the interceptors that are there already.
    public mutating func intercept(_ interceptor: @escaping HandlerInterceptor) {
        self.interceptors.append(interceptor)
    }

    /// Lets code see every message of every stream, inside the stream interceptors that are there already.
    public mutating func interceptStreams(_ interceptor: @escaping StreamInterceptor) {
        self.streamInterceptors.append(interceptor)
    }

    /// Lets code see every call before it is decoded; the last one that was set counts.
    public mutating func route(_ hook: @escaping RouterHook) {
        self.hook = hook
    }

    /// Limits what calls of one endpoint may take, in place of the configuration's limits for all.
    ///
    /// - Parameters:
    ///   - endpoint: `Handler.Method`; it may be handled before or after, but must be when the service runs.
    ///   - configure: Changes the limits, which are none at first.
    public mutating func limit(_ endpoint: String, _ configure: (inout EndpointLimits) -> Void) {
        var limits = EndpointLimits()
        configure(&limits)
        self.limits[endpoint] = limits
    }

    mutating func add(_ endpoint: Endpoint) {
        let name = endpoint.info.name
        precondition(self.endpoints.updateValue(endpoint, forKey: name) == nil, "two handlers for \(name)")
    }
}
