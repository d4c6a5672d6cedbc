// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Martlet
import MartletGRPCWire
import MartletGreeterFixture
import MartletHTTP2Session
import NIOCore
import SwiftProtobuf
import Synchronization
import Testing

/// What go-micro's clients send, byte for byte as captured of v1.18.0 and v6.10.0, and what they must get.
@Suite(.timeLimit(.minutes(30))) struct GoMicroServerTests {
    struct PlainError: Error, CustomStringConvertible { var description: String }

    /// The service of the captures: endpoints, names and limits.
    static func service(_ registry: InMemoryRegistry = InMemoryRegistry()) -> MicroService {
        var service = MicroService("go.micro.server", version: "myVersion", registry: registry)
        service.configuration.maximumMessageBytes = 2 << 20
        service.handle("Greeter.Hello") { (request: HelloRequest, context) -> HelloResponse in
            let parts = request.name.split(separator: ":", maxSplits: 2).map(String.init)
            if parts.first == "err", let code = Int32(parts[1]) {
                throw MicroError(.init(rawValue: code), parts[2], id: "go.micro.server.greeter")
            }
            if parts.first == "plain" { throw PlainError(description: parts[1]) }
            if parts.first == "sleep" { try await Task.sleep(for: .seconds(60)) }
            return HelloResponse.with {
                $0.greeting = "Hello \(request.name)"
                if request.name == "metadata" {
                    $0.metadata = Dictionary(context.metadata.map { ($0.key, $0.value) }) { $0 + ", " + $1 }
                }
                if request.name == "bignum" {
                    $0.bigNumber = 9_007_199_254_740_993
                    $0.nodeTags = ["node"]
                    $0.deadlineLeftNs = 4_998_820_361
                }
                if request.name == "size" { $0.blob.append(contentsOf: [UInt8](repeating: 0, count: 2_200_000)) }
            }
        }
        service.handle("Greeter.Same") { (request: HelloResponse, context) in request }
        service.serverStream("Greeter.Count") {
            (request: CountRequest, responses: Martlet.MessageWriter<CountResponse>, context) in
            for value in 0..<request.upto {
                try await responses.write(CountResponse.with { $0.value = value })
                if request.pauseMs > 0 { try await Task.sleep(for: .milliseconds(request.pauseMs)) }
            }
        }
        service.bidirectionalStream("Greeter.Chat") {
            (requests: MessageStream<ChatMessage>, responses: Martlet.MessageWriter<ChatMessage>, context) in
            for try await message in requests {
                if message.text.hasPrefix("err:") {
                    throw MicroError(.badRequest, message.text, id: "go.micro.server.greeter")
                }
                try await responses.write(
                    ChatMessage.with {
                        $0.text = "echo \(message.text)"
                        $0.seq = message.seq
                    })
            }
        }
        return service
    }

    static func run(_ body: (WireClient) async throws -> Void) async throws {
        try await withService(self.service()) { node in
            let address = try #require(WireAddress(node.address))
            let wire = try WireClient(address, logger: Logger(label: "test"))
            do { try await body(wire) } catch {
                await wire.close()
                throw error
            }
            await wire.close()
        }
    }

    /// The headers of a v1.18 call beside those of HTTP/2 and gRPC.
    static func options(
        subtype: String = "proto", xContentType: String? = "application/grpc+proto", timeout: String? = "10000000000",
        more: HeaderBlock = [:]
    ) -> WireCallOptions {
        var options = WireCallOptions()
        options.contentSubtype = subtype
        var headers: HeaderBlock = ["micro-from-service": "go.micro.server"]
        if let timeout { headers.append("timeout", timeout) }
        if let xContentType { headers.append("x-content-type", xContentType) }
        headers.append(contentsOf: more)
        options.metadata = headers
        return options
    }

    static let john: [UInt8] = [0x0A, 0x04, 0x4A, 0x6F, 0x68, 0x6E]
    static let helloJohn: [UInt8] = [0x0A, 0x0A] + Array("Hello John".utf8)

    static func status(_ body: () async throws -> Void) async -> GRPCStatus? {
        do {
            try await body()
            return nil
        } catch {
            return error as? GRPCStatus
        }
    }

    static func name(_ text: String) -> [UInt8] { (try? HelloRequest.with { $0.name = text }.serializedBytes()) ?? [] }

    // MARK: Unary calls

    @Test func unaryCallInProtobuf() async throws {
        try await Self.run { wire in
            let reply = try await wire.unary("/go.micro.server.Greeter/Hello", Self.john, options: Self.options())
            #expect(reply.message == Self.helloJohn)
            #expect(reply.metadata.first(":status") == "200")
            #expect(reply.metadata.first("content-type") == "application/grpc+proto")
            #expect(reply.trailers.first("grpc-status") == "0")
        }
    }

    @Test func unaryCallInJSONWithMetadata() async throws {
        try await Self.run { wire in
            let options = Self.options(
                subtype: "json", xContentType: "application/json",
                more: ["foo_bar": "1", "x-trace-id": "abc", "x-a": "1", "x-a": "2"])
            let reply = try await wire.unary(
                "/go.micro.server.Greeter/Hello", Array(#"{"name":"metadata"}"#.utf8), options: options)
            #expect(reply.metadata.first("content-type") == "application/grpc+json")
            let answer = try HelloResponse(jsonUTF8Bytes: reply.message)
            #expect(answer.metadata["foo_bar"] == "1")
            #expect(answer.metadata["x-trace-id"] == "abc")
            #expect(answer.metadata["x-a"] == "1, 2")
            #expect(answer.metadata["micro-from-service"] == "go.micro.server")
            for hidden in ["timeout", "x-content-type", "content-type", ":authority"] {
                #expect(answer.metadata[hidden] == nil)
            }
        }
    }

    @Test func jsonIsThatOfGoMicro() async throws {
        try await Self.run { wire in
            func call(_ method: String, _ json: String) async throws -> String {
                let reply = try await wire.unary(
                    "/Greeter/\(method)", Array(json.utf8), options: Self.options(subtype: "json"))
                return String(decoding: reply.message, as: UTF8.self)
            }
            let big = try await call("Hello", #"{"name":"bignum","extra":[{"a":null}]}"#)
            #expect(
                big == #"{"greeting":"Hello bignum","deadlineLeftNs":"4998820361","#
                    + #""bigNumber":"9007199254740993","nodeTags":["node"]}"#)
            // v6.10 writes the names of the .proto file; both sides of both versions read either.
            for text in [
                #"{"deadlineLeftNs":"5","nodeTags":["v6"]}"#, #"{"deadline_left_ns":"5","node_tags":["v6"]}"#,
                #"{"deadline_left_ns":5,"nodeTags":["v6"],"blob":""}"#,
            ] {
                let same = try await call("Same", text)
                #expect(same == #"{"deadlineLeftNs":"5","nodeTags":["v6"]}"#)
            }
            let empty = try await call("Same", "{}")
            #expect(empty == "{}")
        }
    }

    @Test(arguments: [
        "/go.micro.server.Greeter/Hello", "/Greeter/Hello", "/a.b.c.Greeter/Hello", "/other.name.Greeter/Hello",
    ])
    func onlyTheEndOfThePathCounts(_ path: String) async throws {
        try await Self.run { wire in
            let reply = try await wire.unary(path, Self.john, options: Self.options())
            #expect(reply.message == Self.helloJohn)
        }
    }

    @Test(arguments: [
        ("/greeter/Hello", 12, "unknown service greeter"),
        ("/go.micro.server.Greeter/Nope", 12, "unknown service Greeter.Nope"),
        ("/go.micro.server.Nobody/Hello", 12, "unknown service Nobody"),
        ("/Greeter", 8, #"malformed method name: "/Greeter""#),
    ])
    func pathsThatNobodyHandles(_ path: String, _ code: Int, _ message: String) async throws {
        try await Self.run { wire in
            let status = await Self.status { _ = try await wire.unary(path, Self.john, options: Self.options()) }
            #expect(status?.code.rawValue == code)
            #expect(status?.message == message)
        }
    }

    @Test func contentTypes() async throws {
        try await Self.run { wire in
            // A plain gRPC client names no subtype, and gets none.
            let plain = try await wire.unary(
                "/Greeter/Hello", Self.john, options: Self.options(subtype: "", xContentType: nil))
            #expect(plain.message == Self.helloJohn)
            #expect(plain.metadata.first("content-type") == "application/grpc")
            // v1.18 refuses x-content-type's JSON where the subtype is missing; here it is read, and answered alike.
            let json = try await wire.unary(
                "/Greeter/Hello", Array(#"{"name":"John"}"#.utf8),
                options: Self.options(subtype: "", xContentType: "application/json"))
            #expect(json.message == Array(#"{"greeting":"Hello John"}"#.utf8))
            #expect(json.metadata.first("content-type") == "application/grpc")
            // It fails a call for an x-content-type that it doesn't know; here only the subtype counts.
            let odd = try await wire.unary(
                "/Greeter/Hello", Self.john, options: Self.options(xContentType: "application/unknown"))
            #expect(odd.message == Self.helloJohn)
            let unknown = await Self.status {
                _ = try await wire.unary("/Greeter/Hello", Self.john, options: Self.options(subtype: "msgpack"))
            }
            #expect(unknown?.code.rawValue == 12)
        }
    }

    // MARK: Errors

    /// Code, gRPC status, detail and the code's name.
    static let errorsOfBothVersions: [(Int32, Int, String, String)] = [
        (400, 3, "bad name", "Bad Request"), (500, 13, "internal oops", "Internal Server Error"),
        (404, 5, "no such", "Not Found"), (401, 16, "who", "Unauthorized"), (403, 7, "no", "Forbidden"),
        (405, 2, "meth", "Method Not Allowed"), (408, 4, "slow", "Request Timeout"), (409, 6, "dup", "Conflict"),
        (412, 9, "pre", "Precondition Failed"), (429, 2, "many", "Too Many Requests"),
        (501, 12, "nimp", "Not Implemented"), (503, 14, "down", "Service Unavailable"),
    ]

    @Test(
        arguments: GoMicroServerTests.errorsOfBothVersions + [
            (0, 2, "zero", ""),
            // go-micro answers a success without a message, and its client reports a bare end of file.
            (200, 2, "fine?", "OK"),
        ])
    func errorsOfHandlers(_ code: Int32, _ grpc: Int, _ detail: String, _ name: String) async throws {
        try await Self.run { wire in
            let status = await Self.status {
                _ = try await wire.unary(
                    "/go.micro.server.Greeter/Hello", Self.name("err:\(code):\(detail)"), options: Self.options())
            }
            let text = #"{"id":"go.micro.server.greeter","code":\#(code),"detail":"\#(detail)","status":"\#(name)"}"#
            #expect(status?.code.rawValue == grpc)
            #expect(status?.message == text)
            // v2.1 and later read the first detail without looking at its type: it is theirs, and the only one.
            let expected: [UInt8] = Self.statusDetail(grpc, text, "go.micro.server.greeter", code, detail, name)
            #expect(status?.trailers.binary("grpc-status-details-bin") == expected)
        }
    }

    /// google.rpc.Status{1 code, 2 message, 3 Any{1 type, 2 errors.Error{1 id, 2 code, 3 detail, 4 status}}}, written
    /// out by hand.
    static func statusDetail(
        _ grpc: Int, _ message: String, _ id: String, _ code: Int32, _ detail: String, _ status: String
    ) -> [UInt8] {
        func varint(_ value: Int) -> [UInt8] {
            value < 128 ? [UInt8(value)] : [UInt8(value & 127 | 128)] + varint(value >> 7)
        }
        func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
            bytes.isEmpty ? [] : [number << 3 | 2] + varint(bytes.count) + bytes
        }
        func text(_ number: UInt8, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }
        func number(_ number: UInt8, _ value: Int) -> [UInt8] { value == 0 ? [] : [number << 3] + varint(value) }
        let error = text(1, id) + number(2, Int(code)) + text(3, detail) + text(4, status)
        return number(1, grpc) + text(2, message)
            + field(3, text(1, "type.googleapis.com/errors.Error") + field(2, error))
    }

    @Test func percentAndNonASCIITravelEscaped() async throws {
        try await Self.run { wire in
            let status = await Self.status {
                _ = try await wire.unary("/Greeter/Hello", Self.name("plain:größe 漢字 100%"), options: Self.options())
            }
            let sent = status?.trailers.first("grpc-message")
            #expect(sent?.contains("gr%C3%B6%C3%9Fe %E6%BC%A2%E5%AD%97 100%25") == true, "\(sent ?? "")")
            #expect(
                status?.message
                    == #"{"id":"go.micro.server","code":500,"detail":"größe 漢字 100%","status":"Internal Server Error"}"#
            )
        }
    }

    @Test func messagesAboveTheLimit() async throws {
        try await Self.run { wire in
            // Five bytes more than its name: 2,200,005, as in the capture.
            let large = Self.name(String(repeating: "x", count: 2_200_000))
            let status = await Self.status {
                _ = try await wire.unary("/Greeter/Hello", large, options: Self.options())
            }
            #expect(status?.code.rawValue == 8)
            #expect(status?.message == "grpc: received message larger than max (\(large.count) vs. 2097152)")
            let answer = await Self.status {
                _ = try await wire.unary("/Greeter/Hello", Self.name("size"), options: Self.options())
            }
            #expect(answer?.code.rawValue == 8)
            #expect(answer?.message.hasPrefix("trying to send message larger than max (22000") == true)
            #expect(answer?.message.hasSuffix(" vs. 2097152)") == true)
        }
    }

    // MARK: Deadlines

    @Test func timeoutIsInNanosecondsAndTheSmallerWins() async throws {
        try await Self.run { wire in
            var options = Self.options(timeout: "50000000")
            options.timeout = .seconds(50)
            let status = await Self.status {
                _ = try await wire.unary("/Greeter/Hello", Self.name("sleep:60"), options: options)
            }
            #expect(status?.code.rawValue == 4)
            #expect(status?.message == "context deadline exceeded")
            // One that can't be read is ignored.
            let odd = try await wire.unary("/Greeter/Hello", Self.john, options: Self.options(timeout: "abc"))
            #expect(odd.message == Self.helloJohn)
        }
    }

    // MARK: Streams

    @Test(arguments: ["", "proto"])
    func serverStreamWithoutHalfClose(_ subtype: String) async throws {
        try await Self.run { wire in
            try await wire.withStream("/go.micro.server.Greeter/Count", options: Self.options(subtype: subtype)) {
                try await $0.write([0x08, 0x03])
                var messages: [[UInt8]] = []
                while let message = try await $0.next() { messages.append(message) }
                #expect(messages == [[], [0x08, 0x01], [0x08, 0x02]])
                #expect($0.trailers.first("grpc-status") == "0")
            }
        }
    }

    @Test func jsonStreamWithoutSubtype() async throws {
        try await Self.run { wire in
            let options = Self.options(subtype: "", xContentType: "application/json")
            try await wire.withStream("/go.micro.server.Greeter/Count", options: options) {
                try await $0.write(Array(#"{"upto":"2"}"#.utf8))
                var messages: [String] = []
                while let message = try await $0.next() { messages.append(String(decoding: message, as: UTF8.self)) }
                #expect(messages == ["{}", #"{"value":"1"}"#])
            }
        }
    }

    @Test func bidirectionalStream() async throws {
        try await Self.run { wire in
            try await wire.withStream("/go.micro.server.Greeter/Chat", options: Self.options(subtype: "")) {
                let exchange: [([UInt8], [UInt8])] = [
                    ([0x0A, 0x01, 0x61], [0x0A, 0x06] + Array("echo a".utf8)),
                    ([0x0A, 0x01, 0x62, 0x10, 0x01], [0x0A, 0x06] + Array("echo b".utf8) + [0x10, 0x01]),
                    ([0x0A, 0x01, 0x63, 0x10, 0x02], [0x0A, 0x06] + Array("echo c".utf8) + [0x10, 0x02]),
                ]
                for (sent, expected) in exchange {
                    try await $0.write(sent)
                    let answer = try await $0.next()
                    #expect(answer == expected)
                }
                $0.finishWriting()
                let end = try await $0.next()
                #expect(end == nil)
            }
            // A bidirectional method that is called with one message each way.
            let reply = try await wire.unary(
                "/go.micro.server.Greeter/Chat", [0x0A, 0x01, 0x61], options: Self.options())
            #expect(reply.message == [0x0A, 0x06] + Array("echo a".utf8))
        }
    }

    @Test func errorOnAStream() async throws {
        try await Self.run { wire in
            let status = await Self.status {
                try await wire.withStream("/go.micro.server.Greeter/Chat", options: Self.options(subtype: "")) {
                    try await $0.write([0x0A, 0x01, 0x61])
                    _ = try await $0.next()
                    try await $0.write([0x0A, 0x06] + Array("err:xx".utf8) + [0x10, 0x01])
                    _ = try await $0.next()
                }
            }
            #expect(status?.code.rawValue == 3)
            #expect(
                status?.message
                    == #"{"id":"go.micro.server.greeter","code":400,"detail":"err:xx","status":"Bad Request"}"#)
        }
    }

    @Test func streamThatOutlivesItsTimeout() async throws {
        try await Self.run { wire in
            var count = 0
            // A handler that had no turn in time sends nothing: then it gets longer.
            for timeout in ["150000000", "5000000000", "100000000000"] where count == 0 {
                let status = await Self.status {
                    let options = Self.options(subtype: "", timeout: timeout)
                    try await wire.withStream("/go.micro.server.Greeter/Count", options: options) {
                        // upto 10000, pause 100 ms.
                        try await $0.write([0x08, 0x90, 0x4E, 0x10, 0x64])
                        while try await $0.next() != nil { count += 1 }
                    }
                }
                #expect(status?.code.rawValue == 4)
                #expect(status?.message == "context deadline exceeded")
            }
            #expect(count >= 1 && count < 10_000)
        }
    }

    // MARK: Debug

    @Test func debugHealthAndStats() async throws {
        try await Self.run { wire in
            let health = try await wire.unary("/go.micro.server.Debug/Health", [], options: Self.options())
            #expect(health.message == [0x0A, 0x02, 0x6F, 0x6B])
            let stats = try await wire.unary("/go.micro.server.Debug/Stats", [], options: Self.options())
            // Fields 1 and 2 are times of this century: the first bytes of each are a tag and five of a varint.
            #expect(stats.message.first == 0x08)
            #expect(stats.message.count > 6 && stats.message[6] == 0x10)
        }
    }

    // MARK: One decode and no encode a request

    final class CountingCoder: MessageCoder {
        let counts = Mutex((decodes: 0, encodes: 0))

        func encode<Value: Encodable>(_ value: Value) throws -> [UInt8] {
            self.counts.withLock { $0.encodes += 1 }
            return try CodableJSON.encode(value)
        }

        func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
            self.counts.withLock { $0.decodes += 1 }
            return try CodableJSON.decode(type, from: bytes)
        }
    }

    /// go-micro decodes each request and encodes it again for wrappers that hardly ever look.
    @Test func oneDecodeAndNoEncodeARequest() async throws {
        let coder = CountingCoder()
        var service = MicroService("go.micro.server", registry: InMemoryRegistry())
        service.configuration.codecs = [.custom("counted", coder)]
        for _ in 0..<3 { service.intercept { context, next in try await next(context) } }
        service.route { call in
            _ = try await call.peek()
            return .proceed
        }
        service.handle("Plain.Echo") { (request: Number, context) in request }
        try await withService(service) { node in
            let address = try #require(WireAddress(node.address))
            let wire = try WireClient(address, logger: Logger(label: "test"))
            for _ in 0..<5 {
                _ = try await wire.unary(
                    "/go.micro.server.Plain/Echo", Array(#"{"value":1}"#.utf8),
                    options: Self.options(subtype: "counted"))
            }
            await wire.close()
        }
        // The five encodes are of the responses.
        coder.counts.withLock {
            #expect($0.decodes == 5)
            #expect($0.encodes == 5)
        }
    }
}
