// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire
internal import MartletHTTP2Session
internal import NIOCore

/// An endpoint of a running service.
struct RunningEndpoint: Sendable {
    let info: EndpointInfo
    /// `nil` where somebody else serves it on the wire.
    let handler: EndpointHandler?
    let gate: EndpointGate?
    let limits: EndpointLimits
    let route: GRPCRoute
}

extension MicroService {
    /// The service for callers in its own process, without any part of it that runs.
    package func localService(client: MicroClient) -> LocalService {
        self.local(ServiceRuntime(self, client: client))
    }
}

/// A running service for callers in its own process: the same limits, interceptors, codecs and errors as on the wire,
/// without framing and the kernel.
package struct LocalService: Sendable {
    let runtime: ServiceRuntime
    let endpoints: [Substring: [Substring: RunningEndpoint]]
    let maximumMessageBytes: Int

    /// Whether a call of one message each way can be answered without the wire: generated gRPC services and streams
    /// can't, nor handlers that want threads of their own, nor anything that a router hook looks at.
    package func canAnswer(_ path: String) -> Bool {
        guard self.runtime.hook == nil, case .unary(let executor, _) = self.endpoint(path)?.handler else {
            return false
        }
        return executor.isEventLoop
    }

    private func endpoint(_ path: String) -> RunningEndpoint? {
        guard case .endpoint(let handler, let method) = Route.target(of: path) else { return nil }
        return self.endpoints[handler]?[method]
    }

    /// Answers a call that ``canAnswer(_:)``. The caller cancels the task at the request's deadline.
    ///
    /// - Throws: ``GRPCStatus``, as it would go over the wire.
    package func answer(_ request: LocalRequest) async throws -> WireReply {
        guard let endpoint = self.endpoint(request.path), case .unary(_, let handler) = endpoint.handler else {
            throw GRPCStatus(.unimplemented, "\(request.path) isn't answered inside the process")
        }
        guard request.message.count <= self.maximumMessageBytes else {
            throw Self.tooLargeToReceive(request.message.count, self.maximumMessageBytes)
        }
        let ownLimit = endpoint.limits.timeout.map { NIODeadline.after(.nanoseconds($0.wholeNanoseconds)) }
        let call = LocalCall(
            path: request.path, metadata: request.metadata, contentSubtype: request.contentSubtype,
            deadline: [request.deadline, ownLimit].compactMap { $0 }.min())
        let context = HandlerContext(.local(call), runtime: self.runtime, info: endpoint.info)
        do {
            let response = try await self.limited(endpoint.limits.timeout) {
                // As long as the handler runs, whether or not anybody still waits for it.
                try endpoint.gate?.enter()
                defer { endpoint.gate?.leave() }
                return try await handler(context, request.message)
            }
            guard response.count <= self.maximumMessageBytes else {
                throw Self.tooLargeToSend(response.count, self.maximumMessageBytes)
            }
            if let refusal = call.refusal { throw refusal }
            return WireReply(message: response, metadata: call.responseMetadata, trailers: call.trailers)
        } catch is TimeLimitPassed {
            throw GRPCStatus.deadlineExceeded
        } catch {
            var status = self.runtime.status(for: error)
            status.trailers.append(contentsOf: call.trailers)
            // A status of another call that the handler let through: it is that call's that didn't run.
            status.wasNotProcessed = false
            status.isConnectFailure = false
            throw status
        }
    }

    private func limited(
        _ limit: Duration?, _ body: @escaping @Sendable () async throws -> [UInt8]
    ) async throws -> [UInt8] {
        guard let limit else { return try await body() }
        return try await withTimeLimit(limit, body)
    }

    /// What the wire says of a message above its reader's limit.
    static func tooLargeToReceive(_ count: Int, _ maximum: Int) -> GRPCStatus {
        GRPCStatus(.resourceExhausted, "grpc: received message larger than max (\(count) vs. \(maximum))")
    }

    /// What the wire says of a message above its writer's limit.
    static func tooLargeToSend(_ count: Int, _ maximum: Int) -> GRPCStatus {
        GRPCStatus(.resourceExhausted, "trying to send message larger than max (\(count) vs. \(maximum))")
    }
}
