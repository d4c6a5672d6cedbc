// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire
import MartletWireAPI

/// `grpc.health.v1.Health` over a ``HealthTable``: Check, List and Watch.
///
/// Source: gRPC, doc/health-checking.
package struct HealthService: Sendable {
    package static let name = "grpc.health.v1.Health"
    /// More services than this are not listed. Source: grpc-go, health server.
    package static let maximumListed = 100

    package let table: HealthTable

    package init(table: HealthTable = HealthTable()) {
        self.table = table
    }

    /// Adds the service's methods to `router`.
    package func addRoutes(to router: inout GRPCRouter) {
        for (path, route) in self.routes { router.add(path, route) }
    }

    /// The service's methods by their paths.
    package var routes: [String: GRPCRoute] {
        let table = self.table
        return [
            "/\(Self.name)/Check": .unaryEvent { call, message in
                Self.answer(call) { try Self.check(message, table) }
            },
            "/\(Self.name)/List": .unaryEvent { call, _ in
                Self.answer(call) { try Self.list(table) }
            },
            "/\(Self.name)/Watch": .stream { _, requests, replies in
                try await Self.watch(requests, replies, table)
            },
        ]
    }

    private static func answer(_ call: ServerCall, _ reply: () throws -> [UInt8]) {
        do {
            call.respond(try reply())
        } catch {
            call.finish(GRPCStatus(describing: error))
        }
    }

    private static func check(_ message: [UInt8], _ table: HealthTable) throws(GRPCStatus) -> [UInt8] {
        let request = try Grpc_Health_V1_HealthCheckRequest(request: message)
        guard let status = table.status(of: request.service) else { throw GRPCStatus(.notFound, "unknown service") }
        return try self.response(status).reply()
    }

    private static func list(_ table: HealthTable) throws(GRPCStatus) -> [UInt8] {
        let statuses = table.statuses
        guard statuses.count <= self.maximumListed else {
            throw GRPCStatus(
                .resourceExhausted, "server health list exceeds maximum capacity: \(self.maximumListed)")
        }
        var response = Grpc_Health_V1_HealthListResponse()
        response.statuses = statuses.mapValues(self.response)
        return try response.reply()
    }

    /// Sends the status of one service, then each change that the client has not been told, until the client leaves.
    private static func watch(
        _ requests: MessageReader, _ replies: MessageWriter, _ table: HealthTable
    ) async throws {
        guard let message = try await requests.next() else {
            throw GRPCStatus(.internalError, "grpc: a watch needs one request message")
        }
        let request = try Grpc_Health_V1_HealthCheckRequest(request: message)
        var told: HealthStatus?
        for await status in table.watch(request.service) where status != told {
            try await replies.write(self.response(status).reply())
            told = status
        }
        try Task.checkCancellation()
        throw GRPCStatus(.unavailable, "server is shutting down")
    }

    private static func response(_ status: HealthStatus) -> Grpc_Health_V1_HealthCheckResponse {
        var response = Grpc_Health_V1_HealthCheckResponse()
        response.status =
            switch status {
            case .unknown: .unknown
            case .serving: .serving
            case .notServing: .notServing
            case .serviceUnknown: .serviceUnknown
            }
        return response
    }
}
