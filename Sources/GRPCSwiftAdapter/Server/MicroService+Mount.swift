// SPDX-License-Identifier: Apache-2.0

public import GRPCCore
public import Martlet

extension MicroService {
    /// Serves services that grpc-swift-2's protoc plugin generated beside this service's own endpoints, on its port.
    ///
    /// Their methods are registered as endpoints (`Greeter.Hello`), so they are found and called like all others; a
    /// stock gRPC client calls them by their own paths. They read and write protobuf alone. This service's interceptors
    /// do not see them: they bring those of grpc-swift-2.
    ///
    /// - Parameters:
    ///   - services: The implemented services. A method whose handler and name this service already has is a
    ///     programmer's mistake and traps.
    ///   - interceptors: Run around every call, the first outermost.
    public mutating func mount(
        _ services: any RegistrableRPCService...,
        interceptors: [ConditionalInterceptor<any ServerInterceptor>] = []
    ) {
        let routes = GRPCServiceRoutes(services: services, interceptorPipeline: interceptors)
        for method in routes.methods {
            let path = "/\(method.fullyQualifiedMethod)"
            guard let route = routes.route(path) else { continue }
            self.mount(path, isStreaming: method.type != .unary, route)
        }
    }
}
