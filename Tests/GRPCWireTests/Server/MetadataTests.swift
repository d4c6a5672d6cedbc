// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletHTTP2Session
import Testing

@Suite(.timeLimit(.minutes(30))) struct MetadataTests {
    /// Sends back what it was sent: `x-…` in the headers, `y-…` in the trailers. The message `fail` fails.
    private static let router: GRPCRouter = {
        @Sendable func answer(_ call: ServerCall) {
            call.metadata.forEach { name, value in
                if name.hasPrefix("x-") { call.responseMetadata.append(name, value) }
                if name.hasPrefix("y-") { call.trailers.append(name, value) }
            }
        }
        var router = GRPCRouter()
        router.add(
            "/Meta/Unary",
            .unary { call, message in
                answer(call)
                if message == bytes("fail") { throw GRPCStatus(.aborted, "50 % ä\n", trailers: ["z-own": "1"]) }
                return message
            })
        router.add(
            "/Meta/Stream",
            .stream { call, reader, writer in
                answer(call)
                writer.sendMetadata()
                for try await message in reader {
                    if message == bytes("fail") { throw GRPCStatus(.dataLoss, "lost") }
                    try await writer.write(message)
                }
            })
        return router
    }()

    private static var options: WireCallOptions {
        var options = WireCallOptions()
        options.metadata.append("X-One", "1")
        options.metadata.append("x-two", "a")
        options.metadata.append("x-two", "b")
        options.metadata.append("x-raw-bin", binary: [0, 255, 128])
        options.metadata.append("x-raw-bin", binary: [])
        options.metadata.append("y-trail", "t")
        options.metadata.append("y-trail-bin", binary: [7])
        return options
    }

    private func check(_ metadata: HeaderBlock, _ trailers: HeaderBlock) {
        #expect(metadata.first("x-one") == "1")
        #expect(metadata.values("x-two") == ["a", "b"])
        #expect(metadata.values("x-raw-bin").map { Base64.decode($0) } == [[0, 255, 128], []])
        #expect(trailers.values("y-trail") == ["t"])
        #expect(trailers.binary("y-trail-bin") == [7])
    }

    @Test func unary() async throws {
        try await withWire(Self.router) { client, _ in
            let reply = try await client.unary("/Meta/Unary", [1], options: Self.options)
            self.check(reply.metadata, reply.trailers)
        }
    }

    @Test func unaryErrorIsTrailersOnly() async throws {
        try await withWire(Self.router) { client, _ in
            let status = await status(.aborted, "50 % ä\n") {
                _ = try await client.unary("/Meta/Unary", bytes("fail"), options: Self.options)
            }
            let trailers = status?.trailers ?? HeaderBlock()
            self.check(trailers, trailers)
            #expect(trailers.first("z-own") == "1")
            #expect(trailers.first(":status") == "200")
            #expect(trailers.first("grpc-message") == "50 %25 %C3%A4%0A")
        }
    }

    @Test func streamSendsItsMetadataFirst() async throws {
        try await withWire(Self.router) { client, _ in
            try await client.withStream("/Meta/Stream", options: Self.options) { stream in
                // Before anything was written.
                let metadata = try await stream.metadata
                try await stream.write([5])
                let echo = try await stream.next()
                #expect(echo == [5])
                stream.finishWriting()
                let end = try await stream.next()
                #expect(end == nil)
                self.check(metadata, stream.trailers)
            }
        }
    }

    @Test func streamErrorComesAfterItsMessages() async throws {
        try await withWire(Self.router) { client, _ in
            try await client.withStream("/Meta/Stream", options: Self.options) { stream in
                for message in ["1", "2", "fail"] { try await stream.write(bytes(message)) }
                var received: [String?] = []
                await status(.dataLoss, "lost") {
                    while let message = try await stream.next() { received.append(text(message)) }
                }
                #expect(received == ["1", "2"])
                #expect(stream.trailers.first("y-trail") == "t")
            }
        }
    }

    /// What cannot travel in one header list ends the call, not the connection, and leaves nobody waiting.
    @Test func tooLongTrailersEndTheCall() async throws {
        var router = GRPCRouter()
        router.add(
            "/Long/Message", .unary { _, _ in throw GRPCStatus(.unknown, String(repeating: "m", count: 200_000)) })
        router.add(
            "/Long/Trailers",
            .stream { call, _, writer in
                try await writer.write([1])
                call.trailers.append("t", String(repeating: "m", count: 200_000))
            })
        router.add("/Long/Echo", .unary { $1 })
        try await withWire(router) { client, _ in
            await status(.internalError) { _ = try await client.unary("/Long/Message", []) }
            _ = try await client.withStream("/Long/Trailers") { stream in
                await status(.internalError) { while try await stream.next() != nil {} }
            }
            let reply = try await client.unary("/Long/Echo", [3])
            #expect(reply.message == [3])
        }
    }
}
