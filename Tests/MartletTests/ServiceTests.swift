// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletGreeterFixture
import SwiftProtobuf
import Testing

struct Question: Codable, Sendable, Equatable { var name: String }
struct Answer: Codable, Sendable, Equatable { var greeting: String }
struct Number: Codable, Sendable, Equatable { var value: Int }

@Suite struct ServiceTests {
    static func service(_ registry: InMemoryRegistry, _ name: String = "test.greeter") -> MicroService {
        var service = MicroService(name, version: "v", registry: registry)
        service.handle("Plain.Hello") { (request: Question, context) in
            guard !request.name.isEmpty else { throw MicroError(.notFound, "no name") }
            return Answer(greeting: "Hello \(request.name)")
        }
        service.handle("Greeter.Hello") { (request: HelloRequest, context) in
            HelloResponse.with {
                $0.greeting = "Hello \(request.name)"
                $0.metadata = Dictionary(context.metadata.map { ($0.key, $0.value) }) { $0 + ", " + $1 }
                $0.bigNumber = 9_007_199_254_740_993
            }
        }
        service.handle("Plain.Fail") { (request: Question, context) -> Answer in
            switch request.name {
            case "plain": throw Broken()
            case "micro": throw MicroError(.tooManyRequests, "many")
            case "named": throw MicroError(.conflict, "dup", id: "somebody")
            default: throw CancellationError()
            }
        }
        service.serverStream("Plain.Count") { (request: Number, responses: MessageWriter<Number>, context) in
            for value in 0..<request.value { try await responses.write(Number(value: value)) }
            if request.value == 7 { throw MicroError(.forbidden, "seven") }
        }
        service.clientStream("Plain.Sum") { (requests: MessageStream<Number>, context) in
            var sum = 0
            for try await number in requests { sum += number.value }
            return Number(value: sum)
        }
        service.bidirectionalStream("Plain.Echo") {
            (requests: MessageStream<Question>, responses: MessageWriter<Answer>, context) in
            for try await question in requests { try await responses.write(Answer(greeting: question.name)) }
        }
        service.bidirectionalStream("Greeter.Chat") {
            (requests: MessageStream<ChatMessage>, responses: MessageWriter<ChatMessage>, context) in
            for try await message in requests { try await responses.write(message) }
        }
        return service
    }

    struct Broken: Error, CustomStringConvertible { var description: String { "it broke" } }

    static func run(_ body: (MicroClient) async throws -> Void) async throws {
        let registry = InMemoryRegistry()
        try await withService(self.service(registry)) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { try await body($0) }
        }
    }

    @Test func codableCall() async throws {
        try await Self.run { client in
            let answer: Answer = try await client.call("test.greeter", "Plain.Hello", Question(name: "John"))
            #expect(answer == Answer(greeting: "Hello John"))
            let request = MicroRequest("test.greeter", "Plain.Hello", Question(name: "Jane"))
            let other: Answer = try await client.call(request)
            #expect(other == Answer(greeting: "Hello Jane"))
            let text = try await client.call("test.greeter", "Plain.Hello", json: #"{"name":"J","more":[1]}"#)
            #expect(text == #"{"greeting":"Hello J"}"#)
        }
    }

    @Test func protobufCallInBothCodecs() async throws {
        try await Self.run { client in
            for codec in [MessageCodec.protobuf, .json] {
                let answer: HelloResponse = try await client.call(
                    "test.greeter", "Greeter.Hello", HelloRequest.with { $0.name = "John" }
                ) {
                    $0.codec = codec
                    $0.metadata = ["X-Trace-Id": "abc", "grpc-status": "1"]
                }
                #expect(answer.greeting == "Hello John")
                #expect(answer.bigNumber == 9_007_199_254_740_993)
                #expect(answer.metadata["x-trace-id"] == "abc")
                #expect(answer.metadata["grpc-status"] == nil)
            }
            let text = try await client.call("test.greeter", "Greeter.Hello", json: #"{"name":"J","unknown":1}"#)
            #expect(text.contains(#""bigNumber":"9007199254740993""#))
        }
    }

    @Test func errorsKeepTheirCodeAndGetTheServicesName() async throws {
        try await Self.run { client in
            func failure(_ endpoint: String, _ name: String) async -> MicroError? {
                do {
                    let _: Answer = try await client.call("test.greeter", endpoint, Question(name: name))
                    return nil
                } catch {
                    return error as? MicroError
                }
            }
            #expect(await failure("Plain.Hello", "") == MicroError(.notFound, "no name", id: "test.greeter"))
            #expect(await failure("Plain.Fail", "micro") == MicroError(.tooManyRequests, "many", id: "test.greeter"))
            #expect(await failure("Plain.Fail", "named") == MicroError(.conflict, "dup", id: "somebody"))
            #expect(
                await failure("Plain.Fail", "plain")
                    == MicroError(.internalServerError, "it broke", id: "test.greeter"))
            #expect(await failure("Plain.Fail", "cancel")?.detail == "context canceled")
            #expect(
                await failure("Plain.Nope", "")
                    == MicroError(.notImplemented, "unknown service Plain.Nope", id: "go.micro.client"))
            #expect(await failure("Nobody.Hello", "")?.detail == "unknown service Nobody")
            #expect(await failure("Hello", "")?.code == .badRequest)
        }
    }

    @Test func codecsThatDoNotFitAreSaidSo() async throws {
        try await Self.run { client in
            await #expect(throws: MicroError.self) {
                _ = try await client.call("test.greeter", "Plain.Hello", bytes: [10, 1, 65], codec: .protobuf)
            }
            do {
                _ = try await client.call("test.greeter", "Plain.Hello", bytes: [10, 1, 65], codec: .protobuf)
            } catch let error as MicroError {
                #expect(error.code == .notImplemented)
                #expect(error.detail.contains("Question is Codable"))
            }
        }
    }

    /// The server says that it could not read the request, in words that callers of any language know.
    @Test func malformedRequestsAreTheServersError() async throws {
        let start = "grpc: failed to unmarshal the received message "
        try await Self.run { client in
            func failure(_ endpoint: String, _ bytes: [UInt8], _ codec: MessageCodec) async -> MicroError? {
                do {
                    _ = try await client.call("test.greeter", endpoint, bytes: bytes, codec: codec)
                    return nil
                } catch {
                    return error as? MicroError
                }
            }
            func detail(_ endpoint: String, _ bytes: [UInt8], _ codec: MessageCodec) async -> String? {
                let error = await failure(endpoint, bytes, codec)
                #expect(error?.code == .internalServerError)
                #expect(error?.id == "test.greeter")
                #expect(error?.detail.hasPrefix(start) == true)
                return error.map { String($0.detail.dropFirst(start.count)) }
            }
            #expect(await detail("Greeter.Hello", [0x0A, 5, 65], .protobuf) == "unexpected EOF")
            #expect(
                await detail("Greeter.Hello", [0x07], .protobuf) == "proto: cannot parse invalid wire-format data")
            #expect(
                await detail("Greeter.Hello", [0x0A, 1, 0xFF], .protobuf) == "string field contains invalid UTF-8")
            #expect(await detail("Greeter.Hello", Array(#"{"name":"#.utf8), .json) == "unexpected EOF")
            #expect(await detail("Greeter.Hello", Array(#"{"name":3}"#.utf8), .json)?.contains("string") == true)
            #expect(await detail("Plain.Hello", Array("{}".utf8), .json) == #"missing field "name""#)
            let truncated = await detail("Plain.Hello", Array(#"{"name":"#.utf8), .json)
            #expect(truncated?.contains("JSON") == true)
            #expect(truncated?.contains("(") == false, "\(truncated ?? "")")
        }
    }

    @Test func fieldsOfCodableTypesComeInTheOrderOfTheirNames() throws {
        struct Wide: Codable { var z = 1, a = 2, m = 3, k = 4, b = 5, y = 6, c = 7 }
        #expect(
            String(decoding: try CodableJSON.encode(Wide()), as: UTF8.self)
                == #"{"a":2,"b":5,"c":7,"k":4,"m":3,"y":6,"z":1}"#)
    }

    @Test func customCodec() async throws {
        let codec = MessageCodec.custom("reversed", ReversedJSON())
        let registry = InMemoryRegistry()
        var service = Self.service(registry)
        service.configuration.codecs = [codec]
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                let answer: Answer = try await client.call("test.greeter", "Plain.Hello", Question(name: "x")) {
                    $0.codec = codec
                }
                #expect(answer.greeting == "Hello x")
                await #expect(throws: MicroError.self) {
                    let _: HelloResponse = try await client.call("test.greeter", "Greeter.Hello", HelloRequest()) {
                        $0.codec = codec
                    }
                }
            }
        }
    }

    @Test func streams() async throws {
        try await Self.run { client in
            let values = try await client.serverStream(
                "test.greeter", "Plain.Count", Number(value: 5), of: Number.self
            ) { stream in
                var values: [Int] = []
                for try await number in stream { values.append(number.value) }
                return values
            }
            #expect(values == [0, 1, 2, 3, 4])

            let sum: Number = try await client.clientStream("test.greeter", "Plain.Sum", of: Number.self) { writer in
                for value in 1...100 { try await writer.write(Number(value: value)) }
            }
            #expect(sum.value == 5050)

            let echoes = try await client.bidirectionalStream(
                "test.greeter", "Plain.Echo", sending: Question.self, receiving: Answer.self
            ) { writer, answers in
                var echoes: [String] = []
                for text in ["a", "b", "c"] {
                    try await writer.write(Question(name: text))
                    echoes.append(try await answers.next()?.greeting ?? "")
                }
                writer.finish()
                #expect(try await answers.next() == nil)
                return echoes
            }
            #expect(echoes == ["a", "b", "c"])

            let chat = try await client.bidirectionalStream(
                "test.greeter", "Greeter.Chat", sending: ChatMessage.self, receiving: ChatMessage.self
            ) { writer, answers in
                try await writer.write(ChatMessage.with { $0.text = "hi" })
                return try await answers.next()?.text
            }
            #expect(chat == "hi")
        }
    }

    @Test func streamErrorsAreMicroErrors() async throws {
        try await Self.run { client in
            var count = 0
            do {
                try await client.serverStream("test.greeter", "Plain.Count", Number(value: 7), of: Number.self) {
                    for try await _ in $0 { count += 1 }
                }
                Issue.record("the stream did not fail")
            } catch let error as MicroError {
                #expect(error == MicroError(.forbidden, "seven", id: "test.greeter"))
            }
            #expect(count == 7)
        }
    }

    @Test func debugIsAnsweredAndNotRegistered() async throws {
        let registry = InMemoryRegistry()
        try await withService(Self.service(registry)) { node in
            #expect(node.metadata?["protocol"] == "grpc")
            #expect(node.metadata?["registry"] == "memory")
            #expect(node.id.hasPrefix("test.greeter-"))
            let record = try #require(try await registry.services(named: "test.greeter").first)
            #expect(record.version == "v")
            #expect(
                record.endpoints?.map(\.name) == [
                    "Greeter.Chat", "Greeter.Hello", "Plain.Count", "Plain.Echo", "Plain.Fail", "Plain.Hello",
                    "Plain.Sum",
                ])
            #expect(record.endpoints?[0].metadata == ["stream": "true"])
            try await withMicroClient(registry: registry, configure: patiently) { client in
                let health = try await client.call("test.greeter", "Debug.Health", json: "{}")
                #expect(health == #"{"status":"ok"}"#)
                let stats = try await client.call("test.greeter", "Debug.Stats", json: "{}")
                #expect(stats.contains(#""started":"#))
            }
        }
        #expect(try await registry.services().isEmpty)
    }

    @Test func healthIsAnsweredForTheServerTheServiceAndItsHandlers() async throws {
        try await Self.run { client in
            func check(_ name: String) async throws -> [UInt8] {
                let request = name.isEmpty ? [] : [10, UInt8(name.utf8.count)] + name.utf8
                return try await client.call(
                    "test.greeter", "/grpc.health.v1.Health/Check", bytes: request, codec: .protobuf)
            }
            // Field 1, SERVING.
            for name in ["", "test.greeter", "Plain", "Greeter"] {
                let answer = try await check(name)
                #expect(answer == [8, 1], "\(name)")
            }
            await #expect(throws: MicroError.self) { _ = try await check("Nobody") }
        }
    }

    @Test func interceptorsWrapEveryKindOutermostFirst() async throws {
        let registry = InMemoryRegistry()
        let seen = Recorder<String>()
        var service = Self.service(registry)
        for name in ["outer", "inner"] {
            service.intercept { context, next in
                await seen.add("\(name) > \(context.endpoint)")
                do {
                    try await next(context)
                    await seen.add("\(name) < \(context.endpoint)")
                } catch {
                    await seen.add("\(name) ! \(context.endpoint)")
                    throw error
                }
            }
        }
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                let _: Answer = try await client.call("test.greeter", "Plain.Hello", Question(name: "x"))
                try? await client.serverStream("test.greeter", "Plain.Count", Number(value: 7), of: Number.self) {
                    for try await _ in $0 {}
                }
            }
        }
        #expect(
            await seen.values == [
                "outer > Plain.Hello", "inner > Plain.Hello", "inner < Plain.Hello", "outer < Plain.Hello",
                "outer > Plain.Count", "inner > Plain.Count", "inner ! Plain.Count", "outer ! Plain.Count",
            ])
    }

    @Test func interceptorsMayRefuse() async throws {
        let registry = InMemoryRegistry()
        var service = Self.service(registry)
        service.intercept { context, next in
            guard context.metadata["authorization"] == "secret" else { throw MicroError(.unauthorized, "who") }
            if context.endpoint != "Plain.Echo" { try await next(context) }
        }
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                await #expect(throws: MicroError(.unauthorized, "who", id: "test.greeter")) {
                    let _: Answer = try await client.call("test.greeter", "Plain.Hello", Question(name: "x"))
                }
                let answer: Answer = try await client.call("test.greeter", "Plain.Hello", Question(name: "x")) {
                    $0.metadata["Authorization"] = "secret"
                }
                #expect(answer.greeting == "Hello x")
            }
        }
    }
}

/// JSON with its bytes in reverse order.
struct ReversedJSON: MessageCoder {
    func encode<Value: Encodable>(_ value: Value) throws -> [UInt8] { try CodableJSON.encode(value).reversed() }

    func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try CodableJSON.decode(type, from: bytes.reversed())
    }
}
