// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire

extension MicroService {
    /// Adds a method that somebody else serves on the wire, a generated gRPC service for example.
    ///
    /// It is called by its own path, and like every endpoint by any path that ends the same. The service's
    /// interceptors don't see it: it brings its own.
    ///
    /// - Parameters:
    ///   - path: `/package.Service/Method`.
    ///   - isStreaming: Whether more than one message goes in either direction.
    package mutating func mount(_ path: String, isStreaming: Bool, _ route: GRPCRoute) {
        guard case .endpoint(let handler, let method) = Route.target(of: path) else {
            preconditionFailure("a method's path is /service/method, not \"\(path)\"")
        }
        let name = "\(handler).\(method)"
        self.add(
            Endpoint(
                name, isStreaming ? .bidirectionalStream : .unary,
                record: { EndpointRecord(name: name, metadata: isStreaming ? ["stream": "true"] : [:]) },
                .mounted(route)))
    }
}
