import Martlet
import MartletTesting
import MartletScaffold
import Testing

/// Each test runs without a socket, and again through a real one.
@Suite struct MartletScaffoldTests {
    @Test(arguments: MicroTestDepth.allCases) func greets(_ depth: MicroTestDepth) async throws {
        let service = makeService()
        try await service.test(depth) { client in
            let reply: HelloResponse = try await client.call(
                service.name, "MartletScaffoldHandler.Hello", HelloRequest(name: "Ann"))
            #expect(reply.greeting == "Hello Ann")
        }
    }

    @Test func wantsAName() async throws {
        let service = makeService()
        try await service.test { client in
            let error = await #expect(throws: MicroError.self) {
                let _: HelloResponse = try await client.call(
                    service.name, "MartletScaffoldHandler.Hello", HelloRequest(name: ""))
            }
            #expect(error?.code == .badRequest)
        }
    }
}
