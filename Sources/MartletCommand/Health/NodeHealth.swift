// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletGRPCWire
import MartletWireAPI
import SwiftProtobuf

/// What one node says of itself.
struct NodeHealth: Sendable {
    var id: String
    var address: String
    /// `SERVING` or another word of gRPC's health protocol, else why there is none.
    var status: String
    var time: Duration

    var isServing: Bool { status == Self.serving }

    private static let serving = "SERVING"

    /// Asks a node, which may take as long as a call may.
    static func ask(_ node: NodeRecord, _ service: String, _ access: ServiceAccess) async -> NodeHealth {
        let start = ContinuousClock.now
        var status: String
        do {
            status = try await access.withWire(node) { wire in
                do {
                    return try await check(service, wire, access.wireOptions())
                } catch let error as GRPCStatus where error.code == .unimplemented {
                    return try await debugHealth(node, access)
                }
            }
        } catch {
            status = CallErrorText.text(error) ?? "\(error)"
        }
        return NodeHealth(id: node.id, address: node.address, status: status, time: start.duration(to: .now))
    }

    /// gRPC's own protocol. Source: gRPC, doc/health-checking.
    private static func check(
        _ service: String, _ wire: WireClient, _ options: WireCallOptions
    ) async throws -> String {
        let request = Grpc_Health_V1_HealthCheckRequest.with { $0.service = service }
        let reply = try await wire.unary(
            "/grpc.health.v1.Health/Check", try request.serializedBytes(), options: options)
        let response = try Grpc_Health_V1_HealthCheckResponse(serializedBytes: reply.message)
        switch response.status {
        case .serving: return serving
        case .notServing: return "NOT_SERVING"
        case .serviceUnknown: return "SERVICE_UNKNOWN"
        case .unknown: return "UNKNOWN"
        case .UNRECOGNIZED(let number): return "\(number)"
        }
    }

    /// go-micro's handler, which answers `{"status":"ok"}`.
    private static func debugHealth(_ node: NodeRecord, _ access: ServiceAccess) async throws -> String {
        let client = access.client()
        let reply: Result<String, any Error>
        do {
            reply = .success(
                try await client.call(access.service, "Debug.Health", json: "{}") {
                    $0 = access.callOptions()
                    $0.address = node.address
                })
        } catch {
            reply = .failure(error)
        }
        await client.close()
        let text = try reply.get()
        return text.filter { !$0.isWhitespace }.contains(#""status":"ok""#) ? serving : text
    }

    /// Milliseconds with one digit behind the point.
    var timeText: String {
        let tenths = (time.components.seconds * 10_000) + time.components.attoseconds / 100_000_000_000_000
        return "\(tenths / 10).\(tenths % 10)ms"
    }

    var json: String {
        let milliseconds = timeText.dropLast(2)
        return JSONLine.object(values: [
            ("address", JSONLine.string(address)), ("node", JSONLine.string(id)),
            ("status", JSONLine.string(status)), ("milliseconds", String(milliseconds)),
        ])
    }
}
