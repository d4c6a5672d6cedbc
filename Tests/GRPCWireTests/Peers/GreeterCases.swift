// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletGreeterFixture
import MartletHTTP2Session
import SwiftProtobuf
import Testing

/// What our client expects of any Greeter server (the contract stands at the head of `grpcio_server.py`).
struct GreeterCases {
    private let client: WireClient

    init(_ client: WireClient) { self.client = client }

    func run() async throws {
        try await self.unary()
        try await self.streams()
        try await self.metadata()
        try await self.errors()
        try await self.deadlinesAndCancellation()
        try await self.sizes()
        try await self.compression()
        try await self.manyAtOnce()
    }

    private func hello(
        _ name: String, _ change: (inout WireCallOptions) -> Void = { _ in }
    ) async throws -> (HelloResponse, WireReply) {
        var options = WireCallOptions()
        options.timeout = .seconds(300)
        change(&options)
        let request = HelloRequest.with { $0.name = name }
        let reply = try await self.client.unary("/Greeter/Hello", request.serializedBytes(), options: options)
        return (try HelloResponse(serializedBytes: reply.message), reply)
    }

    private func unary() async throws {
        #expect(try await self.hello("John").0.greeting == "Hello John")
        let left = try await self.hello("John").0.deadlineLeftNs
        #expect(left > 0 && left <= 303_000_000_000)
        #expect(try await self.hello("John") { $0.timeout = nil }.0.deadlineLeftNs == 0)
    }

    private func streams() async throws {
        try await self.client.withStream("/Greeter/Count") { stream in
            try await stream.write(CountRequest.with { $0.upto = 100 }.serializedBytes())
            stream.finishWriting()
            var values: [Int64] = []
            for try await message in stream { values.append(try CountResponse(serializedBytes: message).value) }
            #expect(values == (0..<100).map { Int64($0) })
        }
        try await self.client.withStream("/Greeter/Gather") { stream in
            for seq in 0..<50 { try await stream.write(Self.chat("t", Int64(seq))) }
            stream.finishWriting()
            let message = try #require(try await stream.next())
            let answer = try ChatMessage(serializedBytes: message)
            #expect(answer.seq == 49 * 25)
            let end = try await stream.next()
            #expect(end == nil)
        }
        try await self.client.withStream("/Greeter/Chat") { stream in
            for seq in 0..<50 {
                try await stream.write(Self.chat("text \(seq)", Int64(seq)))
                let echo = try #require(try await stream.next())
                #expect(try ChatMessage(serializedBytes: echo).seq == Int64(seq))
            }
            stream.finishWriting()
            let end = try await stream.next()
            #expect(end == nil)
        }
    }

    private static func chat(_ text: String, _ seq: Int64) throws -> [UInt8] {
        try ChatMessage.with {
            $0.text = text
            $0.seq = seq
        }.serializedBytes()
    }

    private func metadata() async throws {
        let (response, reply) = try await self.hello("John") {
            $0.metadata = ["x-one": "1", "x-two": "a", "x-initial-a": "i", "x-trailing-a": "t"]
            $0.metadata.append("x-two", "b")
            $0.metadata.append("x-raw-bin", binary: [0, 255, 128, 44])
            $0.metadata.append("x-initial-b-bin", binary: [1, 2, 3, 4])
            $0.metadata.append("x-trailing-b-bin", binary: [5])
        }
        #expect(response.metadata["x-one"] == "1")
        #expect(response.metadata["x-two"] == "a, b")
        #expect(response.metadata["x-raw-bin"] == "00ff802c")
        #expect(reply.metadata.first("x-initial-a") == "i")
        #expect(reply.metadata.binary("x-initial-b-bin") == [1, 2, 3, 4])
        #expect(reply.trailers.first("x-trailing-a") == "t")
        #expect(reply.trailers.binary("x-trailing-b-bin") == [5])
    }

    private func errors() async throws {
        for code in 1...16 {
            await status(GRPCStatusCode(rawValue: code), "number \(code)") {
                _ = try await self.hello("err:\(code):number \(code)")
            }
        }
        for text in ["", "a:b:c", "100%", "%zz", "two\nlines", "größe 漢字 🐦 a%20b\tend"] {
            await status(.invalidArgument, text) { _ = try await self.hello("err:3:\(text)") }
        }
        await status(.unimplemented) { _ = try await self.client.unary("/Greeter/Nope", []) }
        await status(.unimplemented) { _ = try await self.client.unary("/Nobody/Hello", []) }
        try await self.client.withStream("/Greeter/Gather") { stream in
            try await stream.write(Self.chat("err:10:enough", 0))
            await status(.aborted, "enough") { _ = try await stream.next() }
        }
        try await self.client.withStream("/Greeter/Count", options: Self.options(["x-fail-after": "4"])) { stream in
            try await stream.write(CountRequest.with { $0.upto = 9 }.serializedBytes())
            stream.finishWriting()
            var count = 0
            await status(.aborted, "stopped after 4") { while try await stream.next() != nil { count += 1 } }
            #expect(count == 4)
        }
    }

    private static func options(_ metadata: HeaderBlock) -> WireCallOptions {
        var options = WireCallOptions()
        options.metadata = metadata
        return options
    }

    private func deadlinesAndCancellation() async throws {
        await status(.deadlineExceeded) { _ = try await self.hello("sleep:5000") { $0.timeout = .milliseconds(300) } }
        let key = "key-\(UInt64.random(in: 0...(.max)))"
        let client = self
        // A call that is cancelled before it came to its handler cancels none: then another has longer.
        var pause = Duration.milliseconds(300)
        try await eventually("the handler was cancelled") {
            let call = Task { _ = try await client.hello("wait:\(key)") }
            try await Task.sleep(for: pause)
            pause *= 2
            call.cancel()
            await status(.cancelled) { try await call.value }
            for _ in 0..<50 {
                if try await self.hello("cancelled:\(key)").0.greeting == "yes" { return true }
                try await Task.sleep(for: .milliseconds(20))
            }
            return false
        }
    }

    private func sizes() async throws {
        let limit = 4 << 20
        for size in [8, 16_384, 65_535, 65_536, 1_000_000, limit] {
            let (response, reply) = try await self.hello("exact:\(size)")
            #expect(reply.message.count == size)
            #expect(response.blob.enumerated().allSatisfy { $1 == UInt8($0 % 251) })
        }
        await status(.resourceExhausted) { _ = try await self.hello("exact:\(limit + 1)") }
        let name = "len:" + String(repeating: "x", count: limit - 9)
        let encoded: [UInt8] = try HelloRequest.with { $0.name = name }.serializedBytes()
        #expect(encoded.count == limit)
        #expect(try await self.hello(name).0.greeting == "len \(limit - 5)")
        await status(.resourceExhausted) { _ = try await self.hello(name + "x") }
        #expect(try await self.hello("John").0.greeting == "Hello John")
    }

    private func compression() async throws {
        let (_, reply) = try await self.hello("gzip:1000000")
        #expect(reply.metadata.first("grpc-encoding") == "gzip")
        let (response, _) = try await self.hello("len:" + String(repeating: "z", count: 1_000_000)) {
            $0.compress = true
        }
        #expect(response.greeting == "len 1000004")
        await status(.resourceExhausted) {
            _ = try await self.hello("len:" + String(repeating: "z", count: 5 << 20)) { $0.compress = true }
        }
    }

    private func manyAtOnce() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<500 {
                group.addTask {
                    let (response, _) = try await self.hello("sleep:\(index % 20)")
                    #expect(response.greeting == "Hello sleep:\(index % 20)")
                }
            }
            try await group.waitForAll()
        }
    }
}
