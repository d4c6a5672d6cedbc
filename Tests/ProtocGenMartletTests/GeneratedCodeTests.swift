// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletGreeterFixture
import MartletGreeterMartletFixture
import SwiftProtobuf
import Testing

/// A service and its client as a user writes them with the generated code.
@Suite struct GeneratedCodeTests {
    private struct Greeter: GreeterHandler {
        func hello(_ request: HelloRequest, context: HandlerContext) async throws -> HelloResponse {
            guard !request.name.isEmpty else { throw MicroError(.notFound, "no name") }
            return .with { $0.greeting = "Hello \(request.name)" }
        }

        func count(
            _ request: CountRequest, responses: MessageWriter<CountResponse>, context: HandlerContext
        ) async throws {
            for value in 0..<request.upto { try await responses.write(.with { $0.value = value }) }
        }

        func chat(
            _ requests: MessageStream<ChatMessage>, responses: MessageWriter<ChatMessage>, context: HandlerContext
        ) async throws {
            for try await message in requests { try await responses.write(message) }
        }

        func gather(_ requests: MessageStream<ChatMessage>, context: HandlerContext) async throws -> ChatMessage {
            var result = ChatMessage()
            var texts: [String] = []
            for try await message in requests {
                texts.append(message.text)
                result.seq += message.seq
            }
            result.text = texts.joined(separator: ",")
            return result
        }
    }

    private static func withGreeter(_ body: (MicroClient) async throws -> Void) async throws {
        let registry = InMemoryRegistry()
        let (nodes, started) = AsyncStream.makeStream(of: NodeRecord.self)
        var service = MicroService("go.micro.server", registry: registry) {
            $0.address = "127.0.0.1:0"
            $0.drainDelay = .milliseconds(1)
            $0.afterStart = { started.yield($0) }
        }
        service.register(greeter: Greeter())
        let running = service
        let task = Task { try await running.run() }
        _ = await nodes.first { _ in true }
        let result: Result<Void, any Error>
        do {
            let patiently: (inout MicroClient.Configuration) -> Void = {
                // The usual five seconds end calls that would be answered where both cores are taken.
                $0.timeout = .seconds(300)
                $0.connectTimeout = .seconds(120)
                $0.registryPatience = .seconds(300)
            }
            result = .success(
                try await withMicroClient(registry: registry, configure: patiently) { try await body($0) })
        } catch {
            result = .failure(error)
        }
        task.cancel()
        _ = await task.result
        try result.get()
    }

    @Test(arguments: [MessageCodec.protobuf, .json], [false, true])
    func allFourKindsAreAnswered(_ codec: MessageCodec, _ byPath: Bool) async throws {
        try await Self.withGreeter { client in
            let greeter = GreeterClient(client, service: "go.micro.server", byPath: byPath)
            let hello = try await greeter.hello(.with { $0.name = "John" }) { $0.codec = codec }
            #expect(hello.greeting == "Hello John")
            let error = await #expect(throws: MicroError.self) { try await greeter.hello(.init()) { $0.codec = codec } }
            #expect(error?.code == .notFound)

            let values = try await greeter.count(.with { $0.upto = 3 }, configure: { $0.codec = codec }) { responses in
                var values: [Int64] = []
                for try await response in responses { values.append(response.value) }
                return values
            }
            #expect(values == [0, 1, 2])

            let echoed = try await greeter.chat(configure: { $0.codec = codec }) { requests, responses in
                try await requests.write(.with { $0.text = "a" })
                let first = try await responses.next()
                requests.finish()
                #expect(try await responses.next() == nil)
                return first?.text
            }
            #expect(echoed == "a")

            let gathered = try await greeter.gather(configure: { $0.codec = codec }) { requests in
                for text in ["a", "b"] {
                    try await requests.write(
                        .with {
                            $0.text = text
                            $0.seq = 2
                        })
                }
            }
            #expect(gathered.text == "a,b" && gathered.seq == 4)
        }
    }
}
