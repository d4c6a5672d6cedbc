// SPDX-License-Identifier: Apache-2.0

import Martlet
import Synchronization
import Testing

/// What goes beside the messages of streams.
@Suite(.timeLimit(.minutes(30))) struct StreamMetadataTests {
    static func service(_ registry: InMemoryRegistry) -> MicroService {
        var service = MicroService("test.beside", registry: registry)
        service.serverStream("Beside.Down") { (request: Number, responses: MessageWriter<Number>, context) in
            context.responseMetadata = ["x-head": "down"]
            context.trailingMetadata = ["x-tail": "down"]
            try await responses.write(request)
            if request.value < 0 { throw MicroError(.conflict, "below zero") }
        }
        service.clientStream("Beside.Up") { (requests: MessageStream<Number>, context) in
            let sent = try await requests.metadata["x-sent"] ?? ""
            context.responseMetadata = ["x-head": "up \(sent) \(requests.trailingMetadata.isEmpty)"]
            var sum = 0
            for try await number in requests { sum += number.value }
            context.trailingMetadata = ["x-tail": "\(sum)"]
            return Number(value: sum)
        }
        service.bidirectionalStream("Beside.Both") {
            (requests: MessageStream<Number>, responses: MessageWriter<Number>, context) in
            context.responseMetadata = ["x-head": "both"]
            responses.sendMetadata()
            // Too late: it is on its way.
            context.responseMetadata = ["x-head": "late"]
            context.trailingMetadata = ["x-tail": "both"]
            for try await number in requests { try await responses.write(number) }
        }
        service.serverStream("Beside.Refuse") { (request: Number, responses: MessageWriter<Number>, context) in
            throw MicroError(.forbidden, "not you")
        }
        return service
    }

    static func run(
        _ way: CallWay, _ configure: (inout MicroClient.Configuration) -> Void = { _ in },
        _ body: (MicroClient, NodeRecord) async throws -> Void
    ) async throws {
        let registry = InMemoryRegistry()
        try await withService(self.service(registry), inProcess: way == .inProcess) { node in
            try await withMicroClient(
                registry: registry,
                configure: {
                    patiently(&$0)
                    configure(&$0)
                }
            ) { try await body($0, node) }
        }
    }

    @Test(arguments: CallWay.allCases) func responsesOfStreamsComeWithTheirMetadata(_ way: CallWay) async throws {
        try await Self.run(way) { (client, node) async throws in
            try await client.serverStream("test.beside", "Beside.Down", Number(value: 1), of: Number.self) {
                (numbers) async throws in
                #expect(try await numbers.metadata == ["x-head": "down"])
                #expect(try await numbers.next() == Number(value: 1))
                #expect(try await numbers.next() == nil)
                #expect(numbers.trailingMetadata == ["x-tail": "down"])
            }
            let reply: MicroResponse<Number> = try await client.clientStream(
                "test.beside", "Beside.Up", of: Number.self, configure: { $0.metadata["x-sent"] = "s" }
            ) { (writer) async throws in
                for value in 1...3 { try await writer.write(Number(value: value)) }
            }
            #expect(reply.message == Number(value: 6))
            #expect(reply.metadata == ["x-head": "up s true"])
            #expect(reply.trailingMetadata == ["x-tail": "6"])
            #expect(reply.node == node)
            #expect(reply.attempts == 1)
        }
    }

    /// The handler writes only what it reads, and nothing is sent before the metadata has come.
    @Test(arguments: CallWay.allCases) func metadataCanGoAheadOfTheFirstMessage(_ way: CallWay) async throws {
        try await Self.run(way) { (client, _) async throws in
            try await client.bidirectionalStream(
                "test.beside", "Beside.Both", sending: Number.self, receiving: Number.self
            ) { (writer, numbers) async throws in
                #expect(try await numbers.metadata == ["x-head": "both"])
                #expect(numbers.trailingMetadata.isEmpty)
                try await writer.write(Number(value: 1))
                #expect(try await numbers.next() == Number(value: 1))
                writer.finish()
                #expect(try await numbers.next() == nil)
                #expect(numbers.trailingMetadata == ["x-tail": "both"])
            }
        }
    }

    @Test(arguments: CallWay.allCases) func metadataOfACallThatFailedIsItsError(_ way: CallWay) async throws {
        try await Self.run(way) { (client, _) async throws in
            let refused = await EndpointLimitsTests.failure {
                try await client.serverStream("test.beside", "Beside.Refuse", Number(value: 1), of: Number.self) {
                    _ = try await $0.next()
                }
            }
            #expect(refused == MicroError(.forbidden, "not you", id: "test.beside"))
            try await client.serverStream("test.beside", "Beside.Down", Number(value: -1), of: Number.self) {
                (numbers) async throws in
                #expect(try await numbers.next() == Number(value: -1))
                let error = await EndpointLimitsTests.failure { _ = try await numbers.next() }
                #expect(error?.code == .conflict)
                // Its beginning has come all the same.
                #expect(try await numbers.metadata == ["x-head": "down"])
                #expect(numbers.trailingMetadata["x-tail"] == "down")
            }
        }
    }

    @Test(arguments: CallWay.allCases) func interceptorsSeeTheMetadataOfStreams(_ way: CallWay) async throws {
        let seen = Mutex<[String]>([])
        try await Self.run(
            way,
            {
                $0.intercept { context, next in
                    try await next(context)
                    let head = context.responseMetadata["x-head"] ?? ""
                    let tail = context.trailingMetadata["x-tail"] ?? ""
                    seen.withLock { $0.append("\(context.kind) \(head) \(tail) \(context.attempts)") }
                }
            }
        ) { (client, _) async throws in
            try await client.serverStream("test.beside", "Beside.Down", Number(value: 1), of: Number.self) {
                for try await _ in $0 {}
            }
            let sum: Number = try await client.clientStream("test.beside", "Beside.Up", of: Number.self) {
                try await $0.write(Number(value: 4))
            }
            #expect(sum.value == 4)
        }
        #expect(seen.withLock { $0 } == ["serverStream down down 1", "clientStream up  true 4 1"])
    }
}
