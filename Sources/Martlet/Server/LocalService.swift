// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
package import MartletHTTP2Session
package import NIOCore

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

/// A running service for callers in its own process: the same limits, hooks, interceptors, codecs and errors as on the
/// wire, without framing and the kernel.
package struct LocalService: Sendable {
    let runtime: ServiceRuntime
    let endpoints: [Substring: [Substring: RunningEndpoint]]

    /// What a call inside the process is answered.
    package struct Answer: Sendable {
        package var message: [UInt8]
        package var metadata: HeaderBlock
        package var trailers: HeaderBlock
    }

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

    /// Answers a call that ``canAnswer(_:)``. The caller cancels the task at its deadline.
    ///
    /// - Throws: ``GRPCStatus``, as it would go over the wire.
    package func answer(
        _ path: String, _ message: [UInt8], metadata: HeaderBlock, contentSubtype: String, deadline: NIODeadline?
    ) async throws -> Answer {
        guard let endpoint = self.endpoint(path), case .unary(_, let handler) = endpoint.handler else {
            throw GRPCStatus(.unimplemented, "\(path) isn't answered inside the process")
        }
        let call = LocalCall(path: path, metadata: metadata, contentSubtype: contentSubtype, deadline: deadline)
        let context = HandlerContext(.local(call), runtime: self.runtime, info: endpoint.info)
        do {
            try endpoint.gate?.enter()
            defer { endpoint.gate?.leave() }
            let response = try await self.limited(endpoint.limits.timeout) { try await handler(context, message) }
            return Answer(message: response, metadata: call.responseMetadata, trailers: call.trailers)
        } catch is TimeLimitPassed {
            throw GRPCStatus.deadlineExceeded
        } catch {
            var status = self.runtime.status(for: error)
            status.trailers.append(contentsOf: call.trailers)
            throw status
        }
    }

    private func limited(
        _ limit: Duration?, _ body: @escaping @Sendable () async throws -> [UInt8]
    ) async throws -> [UInt8] {
        guard let limit else { return try await body() }
        return try await withTimeLimit(limit, body)
    }
}
