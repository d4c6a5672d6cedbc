// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import MartletGRPC
import MartletGRPCWire
import MartletGreeterFixture
import MartletGreeterGRPCFixture
import NIOCore
import SwiftProtobuf
import Testing

/// Generated services beside other routes on one port.
@Suite struct ServiceRoutesTests {
    @Test func namesItsPathsAndNoOthers() {
        let routes = GRPCServiceRoutes(services: [TestGreeter()])
        #expect(routes.paths == ["/Greeter/Chat", "/Greeter/Count", "/Greeter/Gather", "/Greeter/Hello"])
        #expect(routes.methods.map(\.method) == ["Chat", "Count", "Gather", "Hello"])
        #expect(routes.methods.map(\.type) == [.bidirectionalStreaming, .serverStreaming, .clientStreaming, .unary])
        #expect(routes.route("/Greeter/Hello") != nil)
        #expect(routes.route("/Greeter/Nothing") == nil)
    }

    @Test func aTransportTakesRoutesOfTheWire() async throws {
        var configuration = MartletServerTransport.Configuration()
        configuration.router.add("/Echo/Echo", .unary { _, message in message })
        configuration.router.unknown = { path in
            path == "/Any/Thing" ? .unary { _, _ in [4] } : nil
        }
        try await GreeterFixture.run(server: configuration) { (fixture: GreeterFixture) async throws in
            try await fixture.withWireClient { (client: WireClient) async throws in
                #expect(try await client.unary("/Echo/Echo", [1, 2, 3]).message == [1, 2, 3])
                #expect(try await client.unary("/Any/Thing", []).message == [4])
            }
            #expect(try await fixture.stub.hello(HelloRequest(name: "John")).greeting == "Hello John")
        }
    }

    private static func serve<Result>(
        _ router: GRPCRouter, _ body: (WireClient, MartletGRPCAddress) async throws -> Result
    ) async throws -> Result {
        let server = try WireServer(router: router, logger: GreeterFixture.logger)
        let bound = try await server.bind(.hostPort("127.0.0.1", 0))
        let address = MartletGRPCAddress.hostPort("127.0.0.1", bound.port ?? 0)
        let client = try WireClient(address.wire, logger: GreeterFixture.logger)
        do {
            let result = try await body(client, address)
            await client.close()
            await server.close()
            return result
        } catch {
            await client.close()
            await server.close()
            throw error
        }
    }

    @Test(arguments: [false, true]) func shareAPort(_ asCatchAll: Bool) async throws {
        let log = EventLog()
        let routes = GRPCServiceRoutes(
            services: [TestGreeter()],
            interceptorPipeline: [.apply(InterceptorTests.Noting(name: "outer", log: log), to: .all)])
        var router = GRPCRouter()
        router.add("/Echo/Echo", .unary { _, message in message })
        if asCatchAll {
            router.unknown = { routes.route($0) }
        } else {
            routes.addRoutes(to: &router)
        }
        try await Self.serve(router) { (client: WireClient, address: MartletGRPCAddress) async throws in
            #expect(try await client.unary("/Echo/Echo", [1, 2, 3]).message == [1, 2, 3])
            let request = try HelloRequest(name: "John").serializedBytes() as [UInt8]
            // Many first calls at once, for the handler is made by the first.
            let greetings = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        let reply = try await client.unary("/Greeter/Hello", request)
                        return try HelloResponse(serializedBytes: reply.message).greeting
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(greetings == Array(repeating: "Hello John", count: 50))
            #expect(log.all.count == 100)
            let status = await #expect(throws: GRPCStatus.self) { try await client.unary("/Greeter/Nothing", []) }
            #expect(status?.code == .unimplemented)
            let transport = try MartletClientTransport(target: address, logger: GreeterFixture.logger)
            try await withGRPCClient(transport: transport) { client in
                let stub = Greeter.Client(wrapping: client)
                let values = try await stub.count(CountRequest(upto: 3)) { try await $0.values }
                #expect(values == [0, 1, 2])
            }
        }
    }
}
