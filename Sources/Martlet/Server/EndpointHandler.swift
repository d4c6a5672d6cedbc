// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import NIOCore

/// What answers the calls of one endpoint, before anything is decoded and after everything is encoded.
package enum EndpointHandler: Sendable {
    package typealias Unary = @Sendable (HandlerContext, [UInt8]) async throws -> [UInt8]
    package typealias Stream = @Sendable (HandlerContext, RawStream) async throws -> Void

    case unary(HandlerExecutor, Unary)
    case stream(HandlerExecutor, Stream)

    var executor: HandlerExecutor {
        switch self {
        case .unary(let executor, _), .stream(let executor, _): executor
        }
    }

    /// Answers a call whose messages come one by one.
    func answer(_ context: HandlerContext, _ stream: RawStream) async throws {
        switch self {
        case .unary(_, let handler):
            guard let message = try await stream.next() else {
                throw GRPCStatus(.internalError, "grpc: a unary call needs one request message")
            }
            try await stream.write(try await handler(context, message))
        case .stream(_, let handler):
            try await handler(context, stream)
        }
    }

    /// Answers a call of one message each way.
    func answer(_ context: HandlerContext, _ message: [UInt8]) async throws -> [UInt8] {
        switch self {
        case .unary(_, let handler): return try await handler(context, message)
        case .stream: throw MicroError(.badRequest, "\(context.endpoint) is a stream")
        }
    }
}

extension ServiceRuntime {
    /// The endpoint's handler as a route of the wire: limits, then the router hook, then the handler.
    func route(
        _ handler: EndpointHandler, _ info: EndpointInfo, _ gate: EndpointGate?, _ limits: EndpointLimits
    ) -> GRPCRoute {
        var route: GRPCRoute
        if self.hook != nil {
            route = self.hooked(handler, info, gate, otherwise: nil)
        } else {
            route =
                switch handler {
                case .unary(let executor, let handler): self.unary(executor, handler, info, gate)
                case .stream(let executor, let handler): self.stream(executor, handler, info, gate)
                }
        }
        route.timeout = limits.timeout.map { .nanoseconds($0.wholeNanoseconds) }
        return route
    }

    private func unary(
        _ executor: HandlerExecutor, _ handler: @escaping EndpointHandler.Unary, _ info: EndpointInfo,
        _ gate: EndpointGate?
    ) -> GRPCRoute {
        guard let gate else {
            return .unary(subtypes: .any, pool: executor.pool) { call, bytes in
                do {
                    return try await handler(HandlerContext(.wire(call), runtime: self, info: info), bytes)
                } catch {
                    throw self.status(for: error)
                }
            }
        }
        // On the loop first: a call that is one too many mustn't wait for a thread to be told so.
        return .unary(subtypes: .any, pool: .loop) { call, bytes in
            do {
                try gate.enter()
                defer { gate.leave() }
                let context = HandlerContext(.wire(call), runtime: self, info: info)
                return try await executor.pool.run { try await handler(context, bytes) }
            } catch {
                throw self.status(for: error)
            }
        }
    }

    private func stream(
        _ executor: HandlerExecutor, _ handler: @escaping EndpointHandler.Stream, _ info: EndpointInfo,
        _ gate: EndpointGate?
    ) -> GRPCRoute {
        .stream(subtypes: .any, pool: gate == nil ? executor.pool : .loop) { call, reader, writer in
            do {
                try gate?.enter()
                defer { gate?.leave() }
                let context = HandlerContext(.wire(call), runtime: self, info: info)
                let stream = RawStream(reader, writer)
                guard gate != nil else { return try await handler(context, stream) }
                try await executor.pool.run { try await handler(context, stream) }
            } catch {
                throw self.status(for: error)
            }
        }
    }

    /// A route that asks the router hook first.
    ///
    /// - Parameter otherwise: What is answered when the hook goes on where there is no handler.
    func hooked(
        _ handler: EndpointHandler?, _ info: EndpointInfo, _ gate: EndpointGate?, otherwise status: GRPCStatus?
    ) -> GRPCRoute {
        .stream(subtypes: .any, pool: (handler?.executor ?? .eventLoop).pool) { call, reader, writer in
            do {
                try gate?.enter()
                defer { gate?.leave() }
                let context = HandlerContext(.wire(call), runtime: self, info: info)
                let stream = PeekedStream(RawStream(reader, writer))
                if let hook = self.hook {
                    let decision = try await hook(RawCall(context: context, stream: stream))
                    if decision == .answered { return }
                }
                guard let handler else { throw status ?? GRPCStatus(.unimplemented) }
                try await handler.answer(context, stream.rest)
            } catch {
                throw self.status(for: error)
            }
        }
    }
}

extension Duration {
    /// What a task can sleep for: clocks count nanoseconds in 64 bits, and a century is as good as without end.
    package var sleepable: Duration { min(self, .seconds(100 * 365 * 24 * 3600)) }

    /// Clamped: what doesn't fit is as good as without end.
    var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let (nanoseconds, isOverflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if isOverflow { return seconds < 0 ? .min : .max }
        let (sum, isSumOverflow) = nanoseconds.addingReportingOverflow(attoseconds / 1_000_000_000)
        return isSumOverflow ? .max : sum
    }
}
