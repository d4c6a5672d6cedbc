// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import MartletWireServices

extension MicroService {
    /// The service's endpoints as a router of the wire.
    ///
    /// Every path goes to the catch-all, since only its end names the endpoint; the wire remembers the answer for each
    /// path, so this runs once a path and connection.
    ///
    /// `grpc.health.v1` stands beside them: it knows the whole server, the service and each handler by name.
    func router(_ runtime: ServiceRuntime, _ health: HealthService) -> GRPCRouter {
        var handlers: [Substring: [Substring: GRPCRoute]] = [:]
        for endpoint in self.endpoints.values {
            handlers[endpoint.handler, default: [:]][endpoint.method] = endpoint.makeRoute(runtime)
        }
        health.table.set(.serving, for: self.name)
        for handler in handlers.keys where handler != "Debug" { health.table.set(.serving, for: String(handler)) }
        var router = GRPCRouter()
        health.addRoutes(to: &router)
        router.unknown = { [handlers] path in
            switch Route.target(of: path) {
            case .malformed:
                return Self.failing(GRPCStatus(.resourceExhausted, "malformed method name: \"\(path)\""))
            case .endpoint(let handler, let method):
                guard let methods = handlers[handler] else {
                    return Self.failing(GRPCStatus(.unimplemented, "unknown service \(handler)"))
                }
                return methods[method]
                    ?? Self.failing(GRPCStatus(.unimplemented, "unknown service \(handler).\(method)"))
            }
        }
        return router
    }

    /// A route that answers every call with the same status.
    private static func failing(_ status: GRPCStatus) -> GRPCRoute {
        .stream(subtypes: .any) { _, _, _ in throw status }
    }

    /// The service as it is registered.
    func record(node: NodeRecord) -> ServiceRecord {
        let endpoints = self.endpoints.values.filter { !$0.isInternal }
            .sorted { $0.info.name < $1.info.name }.map { $0.record() }
        return ServiceRecord(name: self.name, version: self.version, endpoints: endpoints, nodes: [node])
    }

    /// The node's metadata: the user's, and what go-micro's clients look for.
    func nodeMetadata() -> [String: String] {
        self.configuration.metadata.merging(
            ["protocol": "grpc", "registry": self.registry.name, "server": "grpc", "transport": "grpc"],
            uniquingKeysWith: { user, _ in user })
    }
}
