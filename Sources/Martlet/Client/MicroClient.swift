// SPDX-License-Identifier: Apache-2.0

public import Logging
internal import MartletHTTP2Session
internal import NIOCore
public import ServiceLifecycle

/// Calls services by name.
///
/// A client mirrors the registry and keeps one multiplexed connection to each node that it calls. It starts with the
/// first call and ends with ``close()``. Copies share everything; one client serves a whole process.
///
///     let reply: HelloResponse = try await client.call("go.micro.server", "Greeter.Hello", HelloRequest(name: "John"))
public struct MicroClient: Sendable {
    /// What all calls of a client have in common.
    public struct Configuration: Sendable {
        /// How long a call may take that says nothing else.
        public var timeout = Duration.seconds(5)
        /// How long one connect may take, so short that a call which meets a dead node has time left for another.
        public var connectTimeout = Duration.seconds(1)
        /// Which node takes a call that says nothing else.
        public var selector = NodeSelector.roundRobin
        /// Which nodes take calls that say nothing else: those of this zone, for example.
        public var filters: [NodeFilter] = []
        /// How often calls are tried again.
        public var retries = CallRetryPolicy()
        /// When a node gets no calls because they fail.
        public var breaker = BreakerPolicy()
        /// When a node gets no calls because it does worse than the others; `nil` never minds.
        public var ejection: EjectionPolicy? = EjectionPolicy()
        /// When idempotent calls that say nothing else ask another node too; `nil` never.
        public var hedging: CallHedgingPolicy?
        /// Which connections are kept.
        public var pool = PoolPolicy()
        /// Whether calls to a node that runs in this process leave out the socket, if the service allows it.
        ///
        /// They are the same calls: interceptors, codecs, limits, metadata, deadlines, errors and cancellation don't
        /// change, but ``HandlerContext/peer`` is `nil`. A call that names its node's address always takes the socket.
        public var callsInProcess = true
        /// How calls to nodes are encrypted; `nil` encrypts only those to nodes whose record says `secure`, and takes
        /// the system's authorities for them.
        ///
        /// Records of go-micro don't say whether a node wants encryption: with certificates here all nodes are called
        /// by them.
        public var tls: MicroTLS?
        /// Code around every call; the first is the outermost.
        public var interceptors: [CallInterceptor] = []
        /// Code around every message that is published; the first is the outermost.
        public var publishInterceptors: [PublishInterceptor] = []
        /// The largest message that is taken from a server.
        public var maximumMessageBytes = 4 << 20
        /// The name under which calls go out, in `micro-from-service`; a service's client has the service's name.
        public var serviceName: String?
        /// Where the service that the client belongs to keeps its last spans.
        package var debugSpans: DebugSpans?
        /// Where messages are published; a service's client has the service's broker.
        public var broker: any MessageBroker = .memory
        /// How long a call waits for a registry that has never answered; more would only hide that it is away.
        package var registryPatience = Duration.seconds(5)
        /// How long a call waits for a node that the registry names but the mirror hasn't seen yet.
        package var mirrorPatience = Duration.seconds(1)
        /// Where the client says what went wrong beside calls.
        public var logger = Logger(label: "martlet.client")

        public init() {}

        /// Puts code around every call, inside the interceptors that are there already.
        public mutating func intercept(_ interceptor: @escaping CallInterceptor) {
            self.interceptors.append(interceptor)
        }

        /// Puts code around every message that is published, inside the interceptors that are there already.
        public mutating func interceptPublishing(_ interceptor: @escaping PublishInterceptor) {
            self.publishInterceptors.append(interceptor)
        }
    }

    let core: ClientCore
    let inherited: InheritedCall?

    /// Makes a client; nothing is connected yet.
    public init(
        registry: some ServiceRegistry = .memory, configure: (inout Configuration) -> Void = { _ in }
    ) {
        var configuration = Configuration()
        configure(&configuration)
        self.init(registry, configuration)
    }

    init(_ registry: any ServiceRegistry, _ configuration: Configuration) {
        self.core = ClientCore(registry: registry, configuration: configuration)
        self.inherited = nil
    }

    private init(core: ClientCore, inherited: InheritedCall) {
        self.core = core
        self.inherited = inherited
    }

    /// Ends the mirror of the registry and closes all connections. Calls fail from now on.
    public func close() async { await self.core.close() }

    /// The same client for calls that are made to answer another call.
    ///
    /// - Parameter trace: Headers that carry the trace; `nil` takes the other call's.
    func onBehalf(
        of headers: HeaderBlock, deadline: NIODeadline?, trace: [(String, String)]? = nil
    ) -> MicroClient {
        let trace = trace ?? InheritedCall.traceHeaders.compactMap { name in headers.first(name).map { (name, $0) } }
        return MicroClient(core: self.core, inherited: InheritedCall(deadline: deadline, trace: trace))
    }
}

extension MicroClient: Service {
    /// Keeps the client open until the task is cancelled or its service group shuts down.
    public func run() async throws {
        try? await gracefulShutdown()
        await self.close()
    }
}

/// Runs `body` with a client of its own and closes the client afterwards.
@discardableResult
public func withMicroClient<Result>(
    registry: some ServiceRegistry = .memory, configure: (inout MicroClient.Configuration) -> Void = { _ in },
    _ body: (MicroClient) async throws -> Result
) async throws -> Result {
    let client = MicroClient(registry: registry, configure: configure)
    do {
        let result = try await body(client)
        await client.close()
        return result
    } catch {
        await client.close()
        throw error
    }
}
