// SPDX-License-Identifier: Apache-2.0

public import GRPCCore
public import Logging
import MartletGRPCWire
public import NIOCore
public import NIOPosix
import Synchronization

/// A client transport for grpc-swift-2 on Martlet's wire, to one target.
///
/// ```swift
/// let transport = try MartletClientTransport(target: .hostPort("127.0.0.1", 8080))
/// try await withGRPCClient(transport: transport) { client in
///     let greeter = Greeter.Client(wrapping: client)
///     …
/// }
/// ```
///
/// Calls share one connection, which the first of them makes. A target that cannot be reached fails a call by a status,
/// `unavailable`, as a server would, so that retry policies cover it; calls with `waitForReady` wait.
public final class MartletClientTransport: ClientTransport {
    public typealias Bytes = [UInt8]

    private struct State {
        var isConnecting = false
        /// No new calls.
        var isClosing = false
        var exchanges: [UInt64: ClientExchange] = [:]
        var nextID: UInt64 = 0
    }

    public let retryThrottle: RetryThrottle?

    private let client: WireClient
    private let configuration: Configuration
    private let methods: MethodConfigTable
    private let peer: String
    private let state = Mutex(State())
    /// Finishes when the transport is closing and the last call has ended.
    private let end = AsyncStream.makeStream(of: Void.self)

    /// - Parameters:
    ///   - serviceConfig: Time-outs, retry and hedging policies by method. Load balancing means nothing to one target.
    /// - Throws: when the TLS files cannot be used.
    public init(
        target: MartletGRPCAddress, configuration: Configuration = Configuration(),
        serviceConfig: ServiceConfig = ServiceConfig(),
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger = Logger(label: "martlet.grpc.client")
    ) throws {
        self.client = try WireClient(
            target.wire, configuration: configuration.wire, eventLoopGroup: eventLoopGroup, logger: logger)
        self.configuration = configuration
        self.methods = MethodConfigTable(serviceConfig)
        self.retryThrottle = serviceConfig.retryThrottling.map { RetryThrottle(policy: $0) }
        self.peer = target.peerDescription
    }

    /// Keeps the transport open until ``beginGracefulShutdown()`` has let the last call end, or the calling task is
    /// cancelled, which cancels all calls.
    ///
    /// - Throws: `RPCError` with code `failedPrecondition` when it was called before.
    public func connect() async throws {
        try self.state.withLock { state in
            guard !state.isConnecting else {
                throw RPCError(code: .failedPrecondition, message: "The transport can connect only once.")
            }
            state.isConnecting = true
        }
        for await _ in self.end.stream {}
        let left = self.state.withLock { state in
            state.isClosing = true
            return state.exchanges.values.map { $0 }
        }
        for exchange in left { exchange.cancel() }
        // Not cut short by the cancellation that may have brought us here.
        await Task { await self.client.close() }.value
    }

    /// Opens no more calls; those under way go on to their end.
    public func beginGracefulShutdown() {
        let isIdle = self.state.withLock { state in
            state.isClosing = true
            return state.exchanges.isEmpty
        }
        if isIdle { self.end.continuation.finish() }
    }

    /// Runs `closure` with a stream that opens when its metadata is written. Leaving it ends the call.
    ///
    /// - Throws: `RPCError` with code `failedPrecondition` when the transport is closing; whatever `closure` throws.
    public func withStream<T: Sendable>(
        descriptor: MethodDescriptor, options: CallOptions,
        _ closure: @concurrent (RPCStream<Inbound, Outbound>, ClientContext) async throws -> T
    ) async throws -> T {
        let exchange = ClientExchange(
            client: self.client, path: "/\(descriptor.fullyQualifiedMethod)", options: options,
            compresses: (options.compression ?? self.configuration.compression) == .gzip)
        let id = try self.begin(exchange)
        defer {
            exchange.cancel()
            self.ended(id)
        }
        let stream = RPCStream(
            descriptor: descriptor,
            inbound: Inbound(wrapping: ResponseParts(exchange: exchange)),
            outbound: Outbound(wrapping: RequestWriter(exchange: exchange)))
        // The connection is chosen later, so this end of it is not known.
        let context = ClientContext(descriptor: descriptor, remotePeer: self.peer, localPeer: "unknown")
        return try await withTaskCancellationHandler {
            try await closure(stream, context)
        } onCancel: {
            exchange.cancel()
        }
    }

    /// The config that the service config has for a method.
    public func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? {
        self.methods.config(for: descriptor)
    }

    private func begin(_ exchange: ClientExchange) throws -> UInt64 {
        try self.state.withLock { state in
            guard !state.isClosing else {
                throw RPCError(code: .failedPrecondition, message: "The client transport is closed.")
            }
            state.nextID += 1
            state.exchanges[state.nextID] = exchange
            return state.nextID
        }
    }

    private func ended(_ id: UInt64) {
        let isLast = self.state.withLock { state in
            state.exchanges[id] = nil
            return state.isClosing && state.exchanges.isEmpty
        }
        if isLast { self.end.continuation.finish() }
    }
}
