// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletWireAPI
import MartletWireServices
import SwiftProtobuf
import Testing

@Suite struct HealthServiceTests {
    private let table = HealthTable()

    private var router: GRPCRouter {
        var router = GRPCRouter()
        HealthService(table: self.table).addRoutes(to: &router)
        return router
    }

    private static func request(_ service: String) throws -> [UInt8] {
        var request = Grpc_Health_V1_HealthCheckRequest()
        request.service = service
        return try request.serializedBytes()
    }

    private static func status(_ bytes: [UInt8]?) throws -> Grpc_Health_V1_HealthCheckResponse.ServingStatus {
        try Grpc_Health_V1_HealthCheckResponse(serializedBytes: try #require(bytes)).status
    }

    private static func check(
        _ client: WireClient, _ service: String
    ) async throws -> Grpc_Health_V1_HealthCheckResponse.ServingStatus {
        let reply = try await client.unary("/grpc.health.v1.Health/Check", self.request(service))
        return try self.status(reply.message)
    }

    @Test func checkTellsWhatWasSet() async throws {
        try await withLoopback(self.router) { (client: WireClient) async throws in
            #expect(try await Self.check(client, "") == .serving)
            self.table.set(.serving, for: "Greeter")
            #expect(try await Self.check(client, "Greeter") == .serving)
            self.table.set(.notServing, for: "Greeter")
            #expect(try await Self.check(client, "Greeter") == .notServing)
            self.table.set(.unknown, for: "Greeter")
            #expect(try await Self.check(client, "Greeter") == .unknown)
            #expect(try await Self.check(client, "") == .serving)
        }
    }

    @Test func checkOfAnUnknownServiceIsNotFound() async throws {
        try await withLoopback(self.router) { (client: WireClient) async throws in
            let status = await #expect(throws: GRPCStatus.self) { try await Self.check(client, "nobody") }
            #expect(status?.code == .notFound)
            #expect(status?.message == "unknown service")
        }
    }

    @Test func checkOfNonsenseIsAnInternalError() async throws {
        try await withLoopback(self.router) { (client: WireClient) async throws in
            let status = await #expect(throws: GRPCStatus.self) {
                try await client.unary("/grpc.health.v1.Health/Check", [0x0a, 0x05, 0x41])
            }
            #expect(status?.code == .internalError)
            #expect(try await Self.check(client, "") == .serving)
        }
    }

    @Test func listNamesEveryService() async throws {
        try await withLoopback(self.router) { (client: WireClient) async throws in
            self.table.set(.notServing, for: "a")
            let reply = try await client.unary("/grpc.health.v1.Health/List", [])
            let list = try Grpc_Health_V1_HealthListResponse(serializedBytes: reply.message)
            #expect(list.statuses.mapValues(\.status) == ["": .serving, "a": .notServing])
        }
    }

    @Test func listRefusesMoreThanItsLimit() async throws {
        try await withLoopback(self.router) { (client: WireClient) async throws in
            // With the empty name there are as many as the limit allows.
            for index in 1..<HealthService.maximumListed { self.table.set(.serving, for: "\(index)") }
            _ = try await client.unary("/grpc.health.v1.Health/List", [])
            self.table.set(.serving, for: "one more")
            let status = await #expect(throws: GRPCStatus.self) {
                try await client.unary("/grpc.health.v1.Health/List", [])
            }
            #expect(status?.code == .resourceExhausted)
            #expect(status?.message == "server health list exceeds maximum capacity: 100")
        }
    }

    @Test func watchTellsTheStateAndEachChange() async throws {
        try await withLoopback(self.router) { (client: WireClient) async throws in
            try await client.withStream("/grpc.health.v1.Health/Watch") { stream in
                try await stream.write(Self.request("Greeter"))
                // A watch outlives the half-close, and a service may be named before it exists.
                stream.finishWriting()
                #expect(try await Self.status(stream.next()) == .serviceUnknown)
                self.table.set(.serving, for: "Greeter")
                #expect(try await Self.status(stream.next()) == .serving)
                self.table.set(.serving, for: "Other")
                self.table.set(.serving, for: "Greeter")
                self.table.set(.notServing, for: "Greeter")
                #expect(try await Self.status(stream.next()) == .notServing)
                self.table.set(.serving, for: "Greeter")
                #expect(try await Self.status(stream.next()) == .serving)
            }
        }
    }

    @Test func aWatchThatIsLeftIsForgotten() async throws {
        try await withLoopback(self.router) { (client: WireClient) async throws in
            try await client.withStream("/grpc.health.v1.Health/Watch") { stream in
                try await stream.write(Self.request(""))
                #expect(try await Self.status(stream.next()) == .serving)
                #expect(self.table.watchCount == 1)
            }
            #expect(try await eventually { self.table.watchCount == 0 })
        }
    }

    @Test func aDrainTellsWatchersAndThenEndsThem() async throws {
        try await withLoopback(self.router) { (client: WireClient) async throws in
            self.table.set(.serving, for: "Greeter")
            try await client.withStream("/grpc.health.v1.Health/Watch") { stream in
                try await stream.write(Self.request("Greeter"))
                #expect(try await Self.status(stream.next()) == .serving)
                self.table.shutDown()
                #expect(try await Self.status(stream.next()) == .notServing)
                self.table.set(.serving, for: "Greeter")
                #expect(self.table.status(of: "Greeter") == .notServing)
                self.table.endWatches()
                let status = await #expect(throws: GRPCStatus.self) { try await stream.next() }
                #expect(status?.code == .unavailable)
            }
            self.table.resume()
            #expect(try await Self.check(client, "Greeter") == .serving)
        }
    }

    @Test func aThousandWatchersAllSeeAChange() async throws {
        try await withLoopback(self.router) { (client: WireClient) async throws in
            let told = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<1_000 {
                    group.addTask {
                        try await client.withStream("/grpc.health.v1.Health/Watch") { stream in
                            try await stream.write(Self.request("Greeter"))
                            guard try await Self.status(stream.next()) == .serviceUnknown else { return false }
                            return try await Self.status(stream.next()) == .serving
                        }
                    }
                }
                #expect(try await eventually { self.table.watchCount == 1_000 })
                self.table.set(.serving, for: "Greeter")
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(told == 1_000)
            #expect(try await eventually { self.table.watchCount == 0 })
        }
    }
}
