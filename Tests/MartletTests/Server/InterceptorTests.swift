// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletTestPrograms
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(30))) struct InterceptorTests {
    final class Notes: Sendable {
        private let notes = Mutex<[String]>([])
        func add(_ note: String) { self.notes.withLock { $0.append(note) } }
        func take() -> [String] {
            self.notes.withLock { notes in
                defer { notes = [] }
                return notes
            }
        }
    }

    static func service(_ registry: InMemoryRegistry, _ notes: Notes) -> MicroService {
        var service = ServiceTests.service(registry, "test.around")
        for name in ["outer", "inner"] {
            service.intercept { context, next in
                notes.add("\(name) \(context.kind) begins")
                do {
                    try await next(context)
                    notes.add("\(name) ends")
                } catch {
                    notes.add("\(name) fails")
                    throw error
                }
            }
        }
        return service
    }

    @Test func firstInterceptorIsOutermostForEveryKindOfCall() async throws {
        let registry = InMemoryRegistry()
        let notes = Notes()
        try await withService(Self.service(registry, notes)) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                func expect(_ kind: CallKind, ending: String = "ends") async throws {
                    var seen: [String] = []
                    _ = try await eventually {
                        seen += notes.take()
                        return seen.count >= 4
                    }
                    #expect(
                        seen == ["outer \(kind) begins", "inner \(kind) begins", "inner \(ending)", "outer \(ending)"])
                }
                let _: Answer = try await client.call("test.around", "Plain.Hello", Question(name: "x"))
                try await expect(.unary)
                _ = await EndpointLimitsTests.failure {
                    let _: Answer = try await client.call("test.around", "Plain.Hello", Question(name: ""))
                }
                try await expect(.unary, ending: "fails")
                try await client.serverStream("test.around", "Plain.Count", Number(value: 2), of: Number.self) {
                    for try await _ in $0 {}
                }
                try await expect(.serverStream)
                let _: Number = try await client.clientStream("test.around", "Plain.Sum", of: Number.self) { _ in }
                try await expect(.clientStream)
                try await client.bidirectionalStream(
                    "test.around", "Plain.Echo", sending: Question.self, receiving: Answer.self
                ) { writer, answers in
                    writer.finish()
                    for try await _ in answers {}
                }
                try await expect(.bidirectionalStream)
            }
        }
    }

    @Test func interceptorsAnswerAndChangeTheContext() async throws {
        let registry = InMemoryRegistry()
        var service = MicroService("test.around", registry: registry)
        service.intercept { context, next in
            guard context.metadata["authorization"] == "Bearer right" else {
                throw MicroError(.unauthorized, "who are you?")
            }
            context.responseMetadata = ["x-checked": "yes"]
            try await next(context)
        }
        service.handle("Plain.Echo") { (request: Number, context) in request }
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                let error = await EndpointLimitsTests.failure {
                    let _: Number = try await client.call("test.around", "Plain.Echo", Number(value: 1))
                }
                #expect(error?.code == .unauthorized)
                let answer: Number = try await client.call("test.around", "Plain.Echo", Number(value: 1)) {
                    $0.metadata = ["Authorization": "Bearer right"]
                }
                #expect(answer.value == 1)
            }
        }
    }

    @Test func streamInterceptorsSeeEachMessageAndMayEndTheCall() async throws {
        let registry = InMemoryRegistry()
        let notes = Notes()
        var service = ServiceTests.service(registry, "test.around")
        for name in ["first", "second"] {
            service.interceptStreams { event, context in
                if let number = event.message as? Number {
                    notes.add("\(name) \(event.direction) \(number.value)")
                    if number.value == 13 { throw MicroError(.forbidden, "unlucky") }
                }
            }
        }
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                try await client.serverStream("test.around", "Plain.Count", Number(value: 2), of: Number.self) {
                    for try await _ in $0 {}
                }
                #expect(
                    notes.take() == [
                        "first received 2", "second received 2", "second sent 0", "first sent 0", "second sent 1",
                        "first sent 1",
                    ])
                let error = await EndpointLimitsTests.failure {
                    let _: Number = try await client.clientStream("test.around", "Plain.Sum", of: Number.self) {
                        try await $0.write(Number(value: 13))
                    }
                }
                #expect(error?.code == .forbidden)
                // Calls of one message each way are no streams.
                _ = notes.take()
                let _: Answer = try await client.call("test.around", "Plain.Hello", Question(name: "x"))
                #expect(notes.take().isEmpty)
            }
        }
    }

    @Test func routerHookSeesBytesAndMayAnswer() async throws {
        let registry = InMemoryRegistry()
        let seen = Recorder<String>()
        var service = ServiceTests.service(registry, "test.around")
        service.route { call in
            await seen.add("\(call.context.endpoint) \(call.contentSubtype)")
            switch call.context.endpoint {
            case "Proxy.Anything":
                while let message = try await call.next() { try await call.send(message + [7]) }
                return .answered
            case "Plain.Hello":
                let first = try await call.peek()
                #expect(first == Array(#"{"name":"x"}"#.utf8))
                #expect(try await call.peek() == first)
                return .proceed
            case "Plain.Fail":
                throw MicroError(.conflict, "not today")
            default:
                return .proceed
            }
        }
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                let bytes = try await client.call("test.around", "Proxy.Anything", bytes: [1, 2], codec: .bytes)
                #expect(bytes == [1, 2, 7])
                let answer: Answer = try await client.call("test.around", "Plain.Hello", Question(name: "x"))
                #expect(answer.greeting == "Hello x")
                let refused = await EndpointLimitsTests.failure {
                    let _: Answer = try await client.call("test.around", "Plain.Fail", Question(name: "x"))
                }
                #expect(refused?.code == .conflict)
                let unknown = await EndpointLimitsTests.failure {
                    let _: Answer = try await client.call("test.around", "Plain.Nope", Question(name: "x"))
                }
                #expect(unknown?.detail == "unknown service Plain.Nope")
                let sum: Number = try await client.clientStream("test.around", "Plain.Sum", of: Number.self) {
                    for value in 1...3 { try await $0.write(Number(value: value)) }
                }
                #expect(sum.value == 6)
                #expect(
                    await seen.values == [
                        "Proxy.Anything bytes", "Plain.Hello json", "Plain.Fail json", "Plain.Nope json",
                        "Plain.Sum json",
                    ])
            }
        }
    }
}
