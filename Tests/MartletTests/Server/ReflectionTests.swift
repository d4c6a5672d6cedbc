// SPDX-License-Identifier: Apache-2.0

import Logging
import Martlet
import MartletGRPCWire
import MartletGreeterFixture
import MartletReflection
import Testing

/// Services tell gRPC's tools what their messages look like.
@Suite(.timeLimit(.minutes(30))) struct ReflectionTests {
    static func run(
        _ describe: (inout MicroService) -> Void, _ body: (ReflectionClient) async throws -> Void
    ) async throws {
        let registry = InMemoryRegistry()
        var service = ServiceTests.service(registry, "test.described")
        describe(&service)
        try await withService(service) { node in
            let address = try #require(WireAddress(node.address))
            let wire = try WireClient(address, logger: Logger(label: "test"))
            do {
                try await body(ReflectionClient(wire, options: WireCallOptions()))
            } catch {
                await wire.close()
                throw error
            }
            await wire.close()
        }
    }

    @Test func describedServicesAnswer() async throws {
        try await Self.run({ $0.describe(fileDescriptorSet: GreeterDescriptors.fileDescriptorSet) }) {
            (reflection) async throws in
            let names = try #require(try await reflection.services())
            // What has no handler here, such as the other services of the set, doesn't show; nor does what is internal.
            #expect(
                names == [
                    "Greeter", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                    "grpc.reflection.v1alpha.ServerReflection",
                ])
            var pool = DescriptorPool()
            #expect(try await reflection.describe("Greeter", into: &pool))
            let greeter = try #require(pool.service("Greeter"))
            #expect(greeter.methods.map(\.name).contains("Hello"))
        }
    }

    @Test func othersHaveNoReflection() async throws {
        try await Self.run({ _ in }) { (reflection) async throws in
            #expect(try await reflection.services() == nil)
        }
    }

    @Test(arguments: ["", "!", "AAAA", "CgUKA2E="]) func whatIsNoDescriptionKeepsAServiceFromStarting(
        _ text: String
    ) async throws {
        var service = MicroService("test.described", registry: InMemoryRegistry())
        service.describe(fileDescriptorSetInBase64: text)
        let described = service
        let error = await EndpointLimitsTests.failure { try await withService(described) { _ in } }
        // Nothing at all is a set of no files.
        #expect((error == nil) == text.isEmpty, "\(text)")
        #expect(error?.detail.hasPrefix("a description of test.described can't be read") ?? true)
    }
}
