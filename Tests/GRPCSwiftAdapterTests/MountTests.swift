// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Logging
import Martlet
import MartletGRPC
import MartletGreeterFixture
import MartletGreeterGRPCFixture
import SwiftProtobuf
import Testing

/// A generated service inside a Martlet service: found by the registry, called by both kinds of clients.
@Suite struct MountTests {
    @Test(.timeLimit(.minutes(30))) func aGeneratedServiceIsAnEndpointLikeOthers() async throws {
        let registry = InMemoryRegistry()
        let (addresses, announce) = AsyncStream.makeStream(of: String.self)
        var service = MicroService("test.mounted", registry: registry) {
            $0.address = "127.0.0.1:0"
            $0.drainDelay = .zero
            $0.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            $0.afterStart = { announce.yield($0.address) }
        }
        service.mount(TestGreeter())
        let task = Task { [service] in try await service.run() }
        let address = try #require(await addresses.first { _ in true })

        try await withMicroClient(
            registry: registry,
            configure: {
                // The usual five seconds end calls that would be answered where both cores are taken.
                $0.timeout = .seconds(300)
                $0.connectTimeout = .seconds(120)
                $0.registryPatience = .seconds(300)
            }
        ) { (client: MicroClient) async throws in
            let reply: HelloResponse = try await client.call(
                "test.mounted", "Greeter.Hello", HelloRequest.with { $0.name = "John" })
            #expect(reply.greeting == "Hello John")
        }
        let port = try #require(address.split(separator: ":").last.flatMap { Int($0) })
        let transport = try MartletClientTransport(target: .hostPort("127.0.0.1", port))
        let greeting = try await withGRPCClient(transport: transport) { client in
            let stub = Greeter.Client(wrapping: client)
            return try await stub.hello(HelloRequest.with { $0.name = "Ann" }).greeting
        }
        #expect(greeting == "Hello Ann")
        let endpoints = try await registry.services(named: "test.mounted").first?.endpoints ?? []
        #expect(endpoints.contains { $0.name == "Greeter.Hello" && $0.metadata?["stream"] == nil })
        #expect(endpoints.contains { $0.name == "Greeter.Chat" && $0.metadata?["stream"] == "true" })
        task.cancel()
        _ = await task.result
    }
}
