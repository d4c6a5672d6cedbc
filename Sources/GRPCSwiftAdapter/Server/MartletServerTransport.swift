// SPDX-License-Identifier: Apache-2.0

public import GRPCCore
public import Logging
import MartletGRPCWire
public import NIOCore
public import NIOPosix
import Synchronization

/// A server transport for grpc-swift-2 on Martlet's wire.
///
/// ```swift
/// let transport = MartletServerTransport(address: .hostPort("127.0.0.1", 0))
/// let server = GRPCServer(transport: transport, services: [Greeter()])
/// ```
///
/// Services that its protoc plugin generated run unchanged. Handlers are cancelled through
/// `ServerContext.cancellation`, never by their task: when the client leaves, at the deadline (whose status goes out
/// without waiting for the handler), and when ``Configuration/drainLimit`` has passed.
public final class MartletServerTransport: ServerTransport {
    public typealias Bytes = [UInt8]

    private enum State {
        case idle(waiters: [CheckedContinuation<MartletGRPCAddress, any Error>])
        case starting(waiters: [CheckedContinuation<MartletGRPCAddress, any Error>])
        case listening(MartletGRPCAddress)
        case stopped
    }

    private let address: MartletGRPCAddress
    private let configuration: Configuration
    private let group: any EventLoopGroup
    private let logger: Logger
    private let state = Mutex(State.idle(waiters: []))
    private let methods = Mutex<[String: MethodDescriptor]>([:])
    private let shutdown = AsyncStream.makeStream(of: Void.self)

    /// - Parameters:
    ///   - address: Where to listen. With port 0, ``listeningAddress`` tells the one that was found.
    ///   - eventLoopGroup: Its loops do the I/O, and run handlers unless the configuration says otherwise.
    public init(
        address: MartletGRPCAddress, configuration: Configuration = Configuration(),
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger = Logger(label: "martlet.grpc.server")
    ) {
        self.address = address
        self.configuration = configuration
        self.group = eventLoopGroup
        self.logger = logger
    }

    /// Where the server listens, once it does.
    ///
    /// - Throws: `RPCError` with code `unavailable` when it has stopped, or failed to start.
    public var listeningAddress: MartletGRPCAddress {
        get async throws {
            try await withCheckedThrowingContinuation { continuation in
                let known = self.state.withLock { state -> Result<MartletGRPCAddress, any Error>? in
                    switch state {
                    case .idle(let waiters):
                        state = .idle(waiters: waiters + [continuation])
                        return nil
                    case .starting(let waiters):
                        state = .starting(waiters: waiters + [continuation])
                        return nil
                    case .listening(let address): return .success(address)
                    case .stopped: return .failure(Self.notListening)
                    }
                }
                if let known { continuation.resume(with: known) }
            }
        }
    }

    private static let notListening = RPCError(code: .unavailable, message: "The server is not listening.")

    /// Takes note of what the server's methods are. Called by grpc-swift-2.
    public func configure(context: GRPCServerContext) {
        self.methods.withLock { methods in
            for method in context.methods { methods["/\(method.fullyQualifiedMethod)"] = method }
        }
    }

    /// Listens and answers calls until ``beginGracefulShutdown()`` has let the last call end, or the calling task is
    /// cancelled, which closes everything at once. It returns when the last handler has.
    ///
    /// - Throws: `RPCError` when it was called before; what the socket or the TLS files have to say when they fail.
    public func listen(
        streamHandler:
            @escaping @Sendable @concurrent (
                _ stream: RPCStream<Inbound, Outbound>, _ context: ServerContext
            ) async -> Void
    ) async throws {
        try self.start()
        defer { self.stopped() }
        let calls = OpenCalls()
        var router = self.configuration.router
        let unknown = router.unknown
        router.unknown = { [weak self] path in
            if let route = unknown?(path) { return route }
            guard let self, let descriptor = self.descriptor(path) else { return nil }
            let handler = CallHandler(
                localPeer: self.localPeer, pool: self.configuration.executor.pool, calls: calls)
            return handler.route(descriptor) { streamHandler }
        }
        let server = try WireServer(
            router: router, configuration: self.configuration.wire, eventLoopGroup: self.group, logger: self.logger)
        let bound: MartletGRPCAddress
        do {
            bound = MartletGRPCAddress(try await server.bind(self.address.wire))
        } catch {
            await server.close()
            throw error
        }
        self.listening(bound)

        // Ends by `beginGracefulShutdown()`, or when this task is cancelled.
        for await _ in self.shutdown.stream {}
        if !Task.isCancelled { await server.drain(limit: self.configuration.drainLimit) }
        // Not cut short by the cancellation that may have brought us here.
        await Task { await server.close() }.value
        await calls.drained()
    }

    /// Stops accepting: clients are told to open no more calls here. Those under way may end, for
    /// ``Configuration/drainLimit``.
    public func beginGracefulShutdown() {
        self.shutdown.continuation.finish()
    }

    /// The method that a path names: as it was registered, or as it reads. `nil` when it is no `/service/method`.
    private func descriptor(_ path: String) -> MethodDescriptor? {
        if let known = self.methods.withLock({ $0[path] }) { return known }
        guard path.hasPrefix("/"), let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return nil }
        let service = path[path.index(after: path.startIndex)..<slash]
        let method = path[path.index(after: slash)...]
        guard !service.isEmpty, !method.isEmpty else { return nil }
        return MethodDescriptor(fullyQualifiedService: String(service), method: String(method))
    }

    // MARK: State

    private var localPeer: String {
        self.state.withLock { state in
            if case .listening(let address) = state { address.peerDescription } else { self.address.peerDescription }
        }
    }

    private func start() throws {
        try self.state.withLock { state in
            switch state {
            case .idle(let waiters): state = .starting(waiters: waiters)
            case .starting, .listening, .stopped:
                throw RPCError(code: .failedPrecondition, message: "The transport can listen only once.")
            }
        }
    }

    private func listening(_ address: MartletGRPCAddress) {
        let waiters = self.state.withLock { state -> [CheckedContinuation<MartletGRPCAddress, any Error>] in
            guard case .starting(let waiters) = state else { return [] }
            state = .listening(address)
            return waiters
        }
        for waiter in waiters { waiter.resume(returning: address) }
    }

    private func stopped() {
        let waiters = self.state.withLock { state -> [CheckedContinuation<MartletGRPCAddress, any Error>] in
            defer { state = .stopped }
            switch state {
            case .idle(let waiters), .starting(let waiters): return waiters
            case .listening, .stopped: return []
            }
        }
        for waiter in waiters { waiter.resume(throwing: Self.notListening) }
    }
}
