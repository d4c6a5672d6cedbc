// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletGRPCWire
import NIOCore
import Testing

/// Servers that are reached by name inside the process.
@Suite struct InProcessTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private static func echo() throws -> WireServer {
        var router = GRPCRouter()
        router.add("/Echo/Once", .unary { _, message in message })
        router.add(
            "/Echo/All",
            .stream { _, requests, replies in
                while let message = try await requests.next() { try await replies.write(message) }
            })
        return try WireServer(router: router, logger: self.logger)
    }

    private static func client(_ name: String) throws -> WireClient {
        var configuration = WireClientConfiguration()
        configuration.backoff.initial = .milliseconds(10)
        return try WireClient(.inProcess(name), configuration: configuration, logger: self.logger)
    }

    @Test func addressesAreReadAndWritten() {
        #expect(WireAddress("inprocess:a b")?.kind == .inProcess("a b"))
        #expect(WireAddress("inprocess:") == nil)
        #expect(WireAddress.inProcess("x").description == "inprocess:x")
    }

    @Test func aNameBelongsToOneServerAtATime() async throws {
        let (first, second) = (try Self.echo(), try Self.echo())
        _ = try await first.bind(.inProcess("taken"))
        let error = await #expect(throws: GRPCStatus.self) { try await second.bind(.inProcess("taken")) }
        #expect(error?.code == .alreadyExists)
        await first.close()
        _ = try await second.bind(.inProcess("taken"))
        await second.close()
    }

    @Test func aClientFindsTheServerThatCameInItsPlace() async throws {
        let client = try Self.client("replaced")
        let refused = await #expect(throws: GRPCStatus.self) { try await client.unary("/Echo/Once", [1]) }
        #expect(refused?.code == .unavailable && refused?.isConnectFailure == true)
        #expect(refused?.message.contains("nothing in this process listens as replaced") == true)
        for _ in 0..<2 {
            let server = try Self.echo()
            _ = try await server.bind(.inProcess("replaced"))
            var options = WireCallOptions()
            options.waitForReady = true
            options.timeout = .seconds(300)
            #expect(try await client.unary("/Echo/Once", [1, 2], options: options).message == [1, 2])
            await server.drain(limit: .seconds(300))
        }
        await client.close()
    }

    @Test func aStreamEndsWithItsServer() async throws {
        let server = try Self.echo()
        _ = try await server.bind(.inProcess("ending"))
        let client = try Self.client("ending")
        try await client.withStream("/Echo/All") { stream in
            try await stream.write([7])
            #expect(try await stream.next() == [7])
            await server.close()
            let error = await #expect(throws: GRPCStatus.self) { try await stream.next() }
            #expect(error?.code == .unavailable)
        }
        await client.close()
    }

    /// More than either end holds unread, in both directions at once, and a reader that comes late.
    @Test func aSlowReaderHoldsTheWriter() async throws {
        let server = try Self.echo()
        _ = try await server.bind(.inProcess("slow"))
        let client = try Self.client("slow")
        let message = [UInt8](repeating: 3, count: 100_000)
        let count = 100
        try await client.withStream("/Echo/All") { stream in
            let writing = Task {
                for _ in 0..<count { try await stream.write(message) }
                stream.finishWriting()
            }
            try await Task.sleep(for: .milliseconds(100))
            var received = 0
            while let reply = try await stream.next() {
                #expect(reply.count == message.count)
                received += 1
            }
            try await writing.value
            #expect(received == count)
        }
        await client.close()
        await server.close()
    }
}
