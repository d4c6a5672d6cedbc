// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import MartletWireServices

extension MicroService {
    /// The service's endpoints as a router of the wire.
    ///
    /// Every path goes to the catch-all, since only its end names the endpoint; the wire remembers the answer for each
    /// path, so this runs once a path and connection.
    ///
    /// `grpc.health.v1` stands beside them: it knows the whole server, the service and each handler by name. So does
    /// gRPC's reflection, where the service is described.
    func router(_ service: LocalService, _ health: HealthService) throws -> GRPCRouter {
        var router = GRPCRouter()
        health.addRoutes(to: &router)
        try self.reflection()?.addRoutes(to: &router)
        let runtime = service.runtime
        let endpoints = service.endpoints
        router.unknown = { path in
            switch Route.target(of: path) {
            case .malformed:
                let status = GRPCStatus(.resourceExhausted, "malformed method name: \"\(path)\"")
                return Self.failing(status, path, runtime)
            case .endpoint(let handler, let method):
                let name = "\(handler).\(method)"
                guard let methods = endpoints[handler] else {
                    return Self.failing(GRPCStatus(.unimplemented, "unknown service \(handler)"), name, runtime)
                }
                return methods[method]?.route
                    ?? Self.failing(GRPCStatus(.unimplemented, "unknown service \(name)"), name, runtime)
            }
        }
        return router
    }

    /// The service's endpoints with all that is around them.
    func local(_ runtime: ServiceRuntime) -> LocalService {
        for name in self.limits.keys {
            precondition(self.endpoints[name] != nil, "there are limits for \(name), but no handler")
        }
        var endpoints: [Substring: [Substring: RunningEndpoint]] = [:]
        for endpoint in self.endpoints.values {
            let limits =
                self.limits[endpoint.info.name]
                ?? (endpoint.isInternal ? EndpointLimits() : self.configuration.limits)
            endpoints[endpoint.handler, default: [:]][endpoint.method] = endpoint.run(runtime, limits)
        }
        return LocalService(
            runtime: runtime, endpoints: endpoints, maximumMessageBytes: self.configuration.maximumMessageBytes)
    }

    /// A route that answers every call with the same status, unless the router hook knows better.
    private static func failing(_ status: GRPCStatus, _ name: String, _ runtime: ServiceRuntime) -> GRPCRoute {
        guard runtime.hook != nil else { return .stream(subtypes: .any) { _, _, _ in throw status } }
        let info = EndpointInfo(name: name, kind: .bidirectionalStream)
        return runtime.hooked(nil, info, nil, otherwise: status)
    }

    /// The names under which `grpc.health.v1` knows the service as a whole: its own, and those of its handlers.
    var healthNames: [String] {
        let handlers = Set(self.endpoints.values.filter { !$0.isInternal }.map { String($0.handler) })
        return [self.name] + handlers.sorted()
    }

    /// The service as it is registered.
    func record(node: NodeRecord) -> ServiceRecord {
        let endpoints = self.endpoints.values.filter { !$0.isInternal }
            .sorted { $0.info.name < $1.info.name }.map { $0.record() }
        // go-micro's order: handlers by name, then subscribers by topic, the last topic first.
        let subscribers = self.subscribers.sorted { $0.topic > $1.topic }.map(\.record)
        return ServiceRecord(
            name: self.name, version: self.version, endpoints: endpoints + subscribers, nodes: [node])
    }

    /// The node's metadata: the user's, and what go-micro's clients look for.
    func nodeMetadata() -> [String: String] {
        var own = [
            "broker": self.broker.name, "protocol": "grpc", "registry": self.registry.name, "server": "grpc",
            "transport": "grpc",
        ]
        if self.configuration.tls?.server != nil { own[NodeRecord.secureKey] = "true" }
        return self.configuration.metadata.merging(own, uniquingKeysWith: { user, _ in user })
    }
}
