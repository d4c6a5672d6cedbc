// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// What answers the calls of one path.
package struct GRPCRoute: Sendable {
    package typealias UnaryHandler = @Sendable (ServerCall, [UInt8]) async throws -> [UInt8]
    package typealias StreamHandler = @Sendable (ServerCall, MessageReader, MessageWriter) async throws -> Void
    package typealias UnaryEventHandler = @Sendable (ServerCall, [UInt8]) -> Void
    package typealias StreamEventFactory = @Sendable (ServerCall) -> any ServerCallEvents

    enum Handler: Sendable {
        case unary(UnaryHandler, HandlerPool)
        case stream(StreamHandler, HandlerPool)
        case unaryEvent(UnaryEventHandler)
        case streamEvent(StreamEventFactory)
    }

    let handler: Handler
    let subtypes: ContentSubtypes
    /// Whether the end of a call cancels its handler's task, or calls ``ServerCall/setCancellationHandler(_:)``'s.
    var cancelsTask = true
    /// How long a call may take, whatever its client allows.
    package var timeout: TimeAmount?

    /// One message in, one out, by an async handler in a task of its own; it starts when the message is there.
    package static func unary(
        subtypes: ContentSubtypes = .protobuf, pool: HandlerPool = .loop, _ handler: @escaping UnaryHandler
    ) -> GRPCRoute {
        GRPCRoute(handler: .unary(handler, pool), subtypes: subtypes)
    }

    /// Any number of messages each way, by an async handler; it starts with the request's headers, so that clients
    /// which never half-close (go-micro's, on server streams) are served.
    package static func stream(
        subtypes: ContentSubtypes = .protobuf, pool: HandlerPool = .loop, _ handler: @escaping StreamHandler
    ) -> GRPCRoute {
        GRPCRoute(handler: .stream(handler, pool), subtypes: subtypes)
    }

    /// As ``stream(subtypes:pool:_:)``, for handlers with a notion of cancellation of their own: their task is never
    /// cancelled; they are told by ``ServerCall/setCancellationHandler(_:)``.
    package static func uncancelledStream(
        subtypes: ContentSubtypes = .protobuf, pool: HandlerPool = .loop, _ handler: @escaping StreamHandler
    ) -> GRPCRoute {
        GRPCRoute(handler: .stream(handler, pool), subtypes: subtypes, cancelsTask: false)
    }

    /// One message in; the handler runs on the connection's event loop, without a task, and answers by
    /// ``ServerCall/respond(_:)`` or ``ServerCall/finish(_:)``, then or later, on that loop.
    package static func unaryEvent(
        subtypes: ContentSubtypes = .protobuf, _ handler: @escaping UnaryEventHandler
    ) -> GRPCRoute {
        GRPCRoute(handler: .unaryEvent(handler), subtypes: subtypes)
    }

    /// A stream whose events are handled on the connection's event loop, without a task.
    package static func streamEvent(
        subtypes: ContentSubtypes = .protobuf, _ make: @escaping StreamEventFactory
    ) -> GRPCRoute {
        GRPCRoute(handler: .streamEvent(make), subtypes: subtypes)
    }
}

/// What happens on one call of a `streamEvent` route. All on the connection's event loop.
package protocol ServerCallEvents: AnyObject {
    func received(_ message: [UInt8])
    /// The client will send no more.
    func receivedEnd()
    /// The outbound queue, once above ``ServerCall/outboundHighWater``, fell below ``ServerCall/outboundLowWater``.
    func becameWritable()
    /// The call is over: finished, reset, timed out, or its connection is gone. Exactly once, last.
    func closed()
}

/// The routes of a server.
package struct GRPCRouter: Sendable {
    /// Finds a route for a path that none was added for; its result is remembered by each connection.
    package typealias Unknown = @Sendable (_ path: String) -> GRPCRoute?

    private var routes: [String: GRPCRoute] = [:]
    private var services: Set<String> = []
    package var unknown: Unknown?

    package init() {}

    /// Routes calls of `path`, such as `/etcdserverpb.KV/Range`, to `route`. A later one replaces an earlier one.
    package mutating func add(_ path: String, _ route: GRPCRoute) {
        self.routes[path] = route
        if let service = Self.split(path)?.service { self.services.insert(service) }
    }

    /// The paths that were added, sorted.
    package var paths: [String] { self.routes.keys.sorted() }

    func route(_ path: String) -> Result<GRPCRoute, GRPCStatus> {
        if let route = self.routes[path] ?? self.unknown?(path) { return .success(route) }
        guard let (service, method) = Self.split(path) else {
            return .failure(GRPCStatus(.unimplemented, "malformed method name: \"\(path)\""))
        }
        return .failure(
            self.services.contains(service)
                ? GRPCStatus(.unimplemented, "unknown method \(method) for service \(service)")
                : GRPCStatus(.unimplemented, "unknown service \(service)"))
    }

    private static func split(_ path: String) -> (service: String, method: String)? {
        guard path.hasPrefix("/"), let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return nil }
        return (
            String(path[path.index(after: path.startIndex)..<slash]), String(path[path.index(after: slash)...])
        )
    }
}
