// SPDX-License-Identifier: Apache-2.0

import Martlet
import Testing

/// What a handler sets beside its response is checked as what a caller sets beside its request.
@Suite(.timeLimit(.minutes(30))) struct ResponseMetadataTests {
    /// The request's value chooses what is wrong.
    private static let wrong: [CallMetadata] = [
        ["x y": "v"], ["x\u{1}": "v"], ["": "v"], ["x-ü": "v"], ["x-a": "line\nbreak"], ["x-a": "\u{7f}"],
        [":status": "200"],
    ]

    private static func service(_ registry: InMemoryRegistry) -> MicroService {
        var service = MicroService("test.beside", registry: registry)
        service.handle("Wrong.Head") { (request: Number, context) in
            context.responseMetadata = Self.wrong[request.value]
            // What is good beside it doesn't mend it.
            context.responseMetadata["x-good"] = "yes"
            return request
        }
        service.handle("Wrong.Tail") { (request: Number, context) in
            context.trailingMetadata = Self.wrong[request.value]
            return request
        }
        service.handle("Wrong.AndFails") { (request: Number, context) -> Number in
            context.trailingMetadata = ["x y": "v"]
            throw MicroError(.conflict, "its own")
        }
        service.handle("Wrong.Text") { (request: Number, context) in
            context.responseMetadata = ["x-text": "grün\tund gut", "x.dot_and-dash": ""]
            return request
        }
        service.serverStream("Wrong.Stream") { (request: Number, responses: MessageWriter<Number>, context) in
            context.responseMetadata = Self.wrong[request.value]
            responses.sendMetadata()
            try await responses.write(request)
        }
        service.serverStream("Wrong.End") { (request: Number, responses: MessageWriter<Number>, context) in
            try await responses.write(request)
            context.trailingMetadata = Self.wrong[request.value]
        }
        return service
    }

    private static func run(_ way: CallWay, _ body: (MicroClient) async throws -> Void) async throws {
        let registry = InMemoryRegistry()
        try await withService(self.service(registry), inProcess: way == .inProcess) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { try await body($0) }
        }
    }

    private static func check(_ error: MicroError?, _ number: Int) {
        #expect(error?.code == .internalServerError && error?.id == "test.beside", "\(number)")
        #expect(error?.detail.contains("metadata") == true, "\(number): \(error?.detail ?? "nothing")")
    }

    @Test(arguments: CallWay.allCases) func whatCannotTravelIsAnError(_ way: CallWay) async throws {
        try await Self.run(way) { (client) async throws in
            for number in Self.wrong.indices {
                for endpoint in ["Wrong.Head", "Wrong.Tail"] {
                    let error = await EndpointLimitsTests.failure {
                        let _: Number = try await client.call("test.beside", endpoint, Number(value: number))
                    }
                    Self.check(error, number)
                }
            }
            let own = await EndpointLimitsTests.failure {
                let _: Number = try await client.call("test.beside", "Wrong.AndFails", Number(value: 0))
            }
            #expect(own?.code == .conflict && own?.detail == "its own")
            let reply: MicroResponse<Number> = try await client.call(
                "test.beside", "Wrong.Text", Number(value: 7))
            #expect(reply.message.value == 7)
            #expect(reply.metadata["x-text"] == "grün\tund gut" && reply.metadata["x.dot_and-dash"] == "")
        }
    }

    @Test(arguments: CallWay.allCases) func soItIsOfStreams(_ way: CallWay) async throws {
        try await Self.run(way) { (client) async throws in
            for number in Self.wrong.indices {
                let refused = await EndpointLimitsTests.failure {
                    try await client.serverStream(
                        "test.beside", "Wrong.Stream", Number(value: number), of: Number.self
                    ) { for try await _ in $0 { Issue.record("a message came") } }
                }
                Self.check(refused, number)
                try await client.serverStream("test.beside", "Wrong.End", Number(value: number), of: Number.self) {
                    (numbers) async throws in
                    #expect(try await numbers.next() == Number(value: number))
                    Self.check(await EndpointLimitsTests.failure { _ = try await numbers.next() }, number)
                }
            }
        }
    }
}
