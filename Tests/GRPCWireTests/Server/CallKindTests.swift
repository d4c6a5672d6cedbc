// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletHTTP2Session
import NIOCore
import Synchronization
import Testing

/// All four kinds of call, by async handlers on every pool and by event handlers.
@Suite(.timeLimit(.minutes(30))) struct CallKindTests {
    /// The same four methods, once by async handlers and once by events.
    enum Style: String, CaseIterable, Sendable {
        case loop, concurrentPool, blockingPool, events

        var pool: HandlerPool {
            switch self {
            case .loop, .events: .loop
            case .concurrentPool: .concurrentPool
            case .blockingPool: .blockingPool
            }
        }

        var router: GRPCRouter {
            var router = GRPCRouter()
            if case .events = self {
                router.add("/Kinds/Unary", .unaryEvent { $0.respond(bytes("re ") + $1) })
                router.add("/Kinds/Server", .streamEvent { ServerStreamEvents($0) })
                router.add("/Kinds/Client", .streamEvent { ClientStreamEvents($0) })
                router.add("/Kinds/Both", .streamEvent { EchoEvents($0) })
                return router
            }
            router.add("/Kinds/Unary", .unary(pool: self.pool) { _, message in bytes("re ") + message })
            router.add(
                "/Kinds/Server",
                .stream(pool: self.pool) { _, reader, writer in
                    let count = try await reader.next()?.count ?? 0
                    for index in 0..<count { try await writer.write([UInt8(index)]) }
                })
            router.add(
                "/Kinds/Client",
                .stream(pool: self.pool) { _, reader, writer in
                    var sum: [UInt8] = []
                    for try await message in reader { sum += message }
                    try await writer.write(sum)
                })
            router.add(
                "/Kinds/Both",
                .stream(pool: self.pool) { _, reader, writer in
                    for try await message in reader { try await writer.write(message) }
                })
            return router
        }
    }

    @Test(arguments: Style.allCases) func unary(_ style: Style) async throws {
        try await withWire(style.router) { client, _ in
            for index in 0..<20 {
                let reply = try await client.unary("/Kinds/Unary", bytes("\(index)"))
                #expect(text(reply.message) == "re \(index)")
                #expect(reply.trailers.first("grpc-status") == "0")
                #expect(reply.metadata.first("content-type") == "application/grpc+proto")
            }
        }
    }

    @Test(arguments: Style.allCases) func manyAtOnce(_ style: Style) async throws {
        try await withWire(style.router) { client, server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<500 {
                    group.addTask {
                        let reply = try await client.unary("/Kinds/Unary", bytes("\(index)"))
                        #expect(text(reply.message) == "re \(index)")
                    }
                }
                try await group.waitForAll()
            }
            #expect(server.connectionCount == 1)
        }
    }

    @Test(arguments: Style.allCases) func serverStream(_ style: Style) async throws {
        try await withWire(style.router) { client, _ in
            let received = try await client.withStream("/Kinds/Server") { stream in
                try await stream.write([UInt8](repeating: 0, count: 200))
                stream.finishWriting()
                var received: [[UInt8]] = []
                for try await message in stream { received.append(message) }
                #expect(stream.trailers.first("grpc-status") == "0")
                return received
            }
            #expect(received == (0..<200).map { [UInt8($0)] })
        }
    }

    @Test(arguments: Style.allCases) func clientStream(_ style: Style) async throws {
        try await withWire(style.router) { client, _ in
            try await client.withStream("/Kinds/Client") { stream in
                for index in 0..<200 { try await stream.write([UInt8(index)]) }
                stream.finishWriting()
                #expect(try await stream.next() == (0..<200).map { UInt8($0) })
                #expect(try await stream.next() == nil)
            }
        }
    }

    @Test(arguments: Style.allCases) func bidirectionalStream(_ style: Style) async throws {
        try await withWire(style.router) { client, _ in
            try await client.withStream("/Kinds/Both") { stream in
                for index in 0..<100 {
                    let message = [UInt8](repeating: UInt8(index), count: index * 100)
                    try await stream.write(message)
                    #expect(try await stream.next() == message)
                }
                stream.finishWriting()
                #expect(try await stream.next() == nil)
            }
        }
    }

    @Test(arguments: Style.allCases) func emptyStreamBothWays(_ style: Style) async throws {
        try await withWire(style.router) { client, _ in
            try await client.withStream("/Kinds/Both") { stream in
                stream.finishWriting()
                let end = try await stream.next()
                #expect(end == nil)
            }
        }
    }
}

private final class EchoEvents: ServerCallEvents {
    private let call: ServerCall
    init(_ call: ServerCall) { self.call = call }
    func received(_ message: [UInt8]) { self.call.send(message) }
    func receivedEnd() { self.call.finish() }
    func becameWritable() {}
    func closed() {}
}

private final class ClientStreamEvents: ServerCallEvents {
    private let call: ServerCall
    private var sum: [UInt8] = []
    init(_ call: ServerCall) { self.call = call }
    func received(_ message: [UInt8]) { self.sum += message }
    func receivedEnd() {
        self.call.send(self.sum)
        self.call.finish()
    }
    func becameWritable() {}
    func closed() {}
}

private final class ServerStreamEvents: ServerCallEvents {
    private let call: ServerCall
    init(_ call: ServerCall) { self.call = call }
    func received(_ message: [UInt8]) {
        for index in 0..<message.count { self.call.send([UInt8(index)]) }
        self.call.finish()
    }
    func receivedEnd() {}
    func becameWritable() {}
    func closed() {}
}
