// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
package import MartletGRPCWire
import Synchronization

/// Services of grpc-swift-2 as routes of a ``WireServer``, so that they share a port with others.
package struct GRPCServiceRoutes: Sendable {
    private let handler: CapturedHandler
    private let routes: [String: GRPCRoute]

    /// - Parameters:
    ///   - services: What grpc-swift-2's protoc plugin generated, implemented.
    ///   - interceptorPipeline: Runs around every call, the first outermost.
    ///   - pool: Where handlers run.
    package init(
        services: [any RegistrableRPCService],
        interceptorPipeline: [ConditionalInterceptor<any ServerInterceptor>] = [], pool: HandlerPool = .loop
    ) {
        var router = RPCRouter<CapturingTransport>()
        for service in services { service.registerMethods(with: &router) }
        router.registerInterceptors(pipeline: interceptorPipeline)
        let captured = CapturedHandler(router: router)
        // The wire's calls do not say at which of its addresses they came in.
        let handler = CallHandler(localPeer: "unknown", pool: pool)
        var routes: [String: GRPCRoute] = [:]
        for method in router.methods {
            routes["/\(method.fullyQualifiedMethod)"] = handler.route(method) { try await captured.handler() }
        }
        self.handler = captured
        self.routes = routes
    }

    /// The paths of all methods, sorted: `/package.Service/Method`.
    package var paths: [String] { self.routes.keys.sorted() }

    /// All methods, in the order of their paths.
    package var methods: [MethodDescriptor] {
        self.handler.router.methods.sorted { $0.fullyQualifiedMethod < $1.fullyQualifiedMethod }
    }

    /// The route of `path`, or `nil` when no service has it. For a router's catch-all.
    package func route(_ path: String) -> GRPCRoute? { self.routes[path] }

    /// Adds every method to `router`.
    package func addRoutes(to router: inout GRPCRouter) {
        for (path, route) in self.routes { router.add(path, route) }
    }
}

/// Hands out how grpc-swift-2 answers the calls of a router, which only a `GRPCServer` can say: one is made, and served
/// by a transport that keeps the handler it is given and returns at once.
private final class CapturedHandler: Sendable {
    let router: RPCRouter<CapturingTransport>
    private let known = Mutex<StreamHandler?>(nil)

    init(router: RPCRouter<CapturingTransport>) {
        self.router = router
    }

    /// Two first calls at once each make a handler; either will do.
    func handler() async throws -> StreamHandler {
        if let handler = self.known.withLock({ $0 }) { return handler }
        let transport = CapturingTransport()
        try await GRPCServer(transport: transport, router: self.router).serve()
        guard let handler = transport.handler.withLock({ $0 }) else {
            throw GRPCStatus(.internalError, "the server gave its transport no handler")
        }
        self.known.withLock { $0 = handler }
        return handler
    }
}

/// A transport that never carries anything.
private final class CapturingTransport: ServerTransport {
    typealias Bytes = [UInt8]

    let handler = Mutex<StreamHandler?>(nil)

    func listen(
        streamHandler:
            @escaping @Sendable @concurrent (
                _ stream: RPCStream<Inbound, Outbound>, _ context: ServerContext
            ) async -> Void
    ) async throws {
        self.handler.withLock { $0 = streamHandler }
    }

    func beginGracefulShutdown() {}
}
