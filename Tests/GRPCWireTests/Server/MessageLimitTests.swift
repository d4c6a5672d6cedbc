// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletHTTP2Session
import Testing

@Suite(.timeLimit(.minutes(30))) struct MessageLimitTests {
    private static var router: GRPCRouter {
        var router = GRPCRouter()
        // Answers as many zeros as the message's four bytes say, or the length of a longer message.
        router.add(
            "/Limit/Unary",
            .unary { _, message in
                guard message.count == 4 else { return bytes("\(message.count)") }
                return [UInt8](repeating: 0, count: message.reduce(0) { $0 << 8 | Int($1) })
            })
        router.add(
            "/Limit/Echo",
            .stream { _, reader, writer in
                for try await message in reader { try await writer.write(message) }
            })
        return router
    }

    private func ask(for count: Int) -> [UInt8] {
        [UInt8(count >> 24), UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255)]
    }

    static let limit = 4 << 20

    @Test func received() async throws {
        try await withWire(Self.router) { client, server in
            let reply = try await client.unary("/Limit/Unary", [UInt8](repeating: 1, count: Self.limit))
            #expect(text(reply.message) == "\(Self.limit)")
            await status(.resourceExhausted, "grpc: received message larger than max (4194305 vs. 4194304)") {
                _ = try await client.unary("/Limit/Unary", [UInt8](repeating: 1, count: Self.limit + 1))
            }
            let next = try await client.unary("/Limit/Unary", [1])
            #expect(text(next.message) == "1")
            #expect(server.connectionCount == 1)
        }
    }

    @Test func receivedInAStream() async throws {
        try await withWire(Self.router, server: { $0.maximumMessageBytes = 1_000 }) { client, _ in
            try await client.withStream("/Limit/Echo") { stream in
                try await stream.write([UInt8](repeating: 1, count: 1_000))
                let echo = try await stream.next()
                #expect(echo?.count == 1_000)
                try await stream.write([UInt8](repeating: 1, count: 1_001))
                await status(.resourceExhausted, "grpc: received message larger than max (1001 vs. 1000)") {
                    _ = try await stream.next()
                }
            }
        }
    }

    @Test func answers() async throws {
        try await withWire(Self.router) { client, _ in
            let reply = try await client.unary("/Limit/Unary", self.ask(for: Self.limit))
            #expect(reply.message.count == Self.limit)
            await status(.resourceExhausted, "grpc: received message larger than max (4194305 vs. 4194304)") {
                _ = try await client.unary("/Limit/Unary", self.ask(for: Self.limit + 1))
            }
            var options = WireCallOptions()
            options.maximumMessageBytes = Self.limit + 1
            let larger = try await client.unary("/Limit/Unary", self.ask(for: Self.limit + 1), options: options)
            #expect(larger.message.count == Self.limit + 1)
        }
    }

    @Test func sent() async throws {
        try await withWire(
            Self.router, server: { $0.maximumSentMessageBytes = 500 }, client: { $0.maximumSentMessageBytes = 1_000 }
        ) { client, _ in
            await status(.resourceExhausted, "trying to send message larger than max (1001 vs. 1000)") {
                _ = try await client.unary("/Limit/Unary", [UInt8](repeating: 1, count: 1_001))
            }
            await status(.resourceExhausted, "trying to send message larger than max (501 vs. 500)") {
                _ = try await client.unary("/Limit/Unary", self.ask(for: 501))
            }
            _ = try await client.withStream("/Limit/Echo") { stream in
                await status(.resourceExhausted, "trying to send message larger than max (1001 vs. 1000)") {
                    try await stream.write([UInt8](repeating: 1, count: 1_001))
                }
            }
            let reply = try await client.unary("/Limit/Unary", self.ask(for: 500))
            #expect(reply.message.count == 500)
        }
    }

    @Test func gzipBothWays() async throws {
        try await withWire(Self.router) { client, _ in
            var options = WireCallOptions()
            options.compress = true
            let reply = try await client.unary("/Limit/Unary", self.ask(for: 100_000), options: options)
            #expect(reply.message.count == 100_000)
            #expect(reply.metadata.first("grpc-encoding") == "gzip")
            try await client.withStream("/Limit/Echo", options: options) { stream in
                for count in [0, 1, 255, 256, 1_000_000] {
                    let message = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
                    try await stream.write(message)
                    let echo = try await stream.next()
                    #expect(echo == message)
                }
            }
            // The limit counts what was unpacked.
            let bomb = [UInt8](repeating: 0, count: 8 << 20)
            await status(.resourceExhausted) { _ = try await client.unary("/Limit/Unary", bomb, options: options) }
            let plain = try await client.unary("/Limit/Unary", self.ask(for: 100_000))
            #expect(plain.metadata.first("grpc-encoding") == nil)
        }
    }

    @Test func serverCompressesWhenItWants() async throws {
        var router = GRPCRouter()
        router.add(
            "/Limit/Packed",
            .unary { call, _ in
                call.compressesResponse = true
                return [UInt8](repeating: 7, count: 100_000)
            })
        try await withWire(router) { client, _ in
            let reply = try await client.unary("/Limit/Packed", [])
            #expect(reply.message == [UInt8](repeating: 7, count: 100_000))
            #expect(reply.metadata.first("grpc-encoding") == "gzip")
        }
    }
}
