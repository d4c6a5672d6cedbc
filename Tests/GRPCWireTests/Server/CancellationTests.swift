// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletHTTP2Session
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(30))) struct CancellationTests {
    /// Handlers that wait until they are cancelled, and say so.
    private struct Waiting {
        let started = Counter()
        let cancelled = Counter()
        var router = GRPCRouter()

        init() {
            let started = self.started
            let cancelled = self.cancelled
            for (name, pool) in [("Loop", HandlerPool.loop), ("Pool", .concurrentPool), ("Blocking", .blockingPool)] {
                self.router.add(
                    "/C/\(name)",
                    .unary(pool: pool) { _, message in
                        started.add()
                        do {
                            try await Task.sleep(for: .seconds(60))
                        } catch {
                            cancelled.add()
                            throw error
                        }
                        return message
                    })
            }
            self.router.add(
                "/C/Reader",
                .stream { _, reader, _ in
                    started.add()
                    do {
                        while try await reader.next() != nil {}
                    } catch {
                        cancelled.add()
                        throw error
                    }
                })
            self.router.add(
                "/C/Writer",
                .stream { _, _, writer in
                    started.add()
                    do {
                        while true { try await writer.write([UInt8](repeating: 1, count: 100_000)) }
                    } catch {
                        cancelled.add()
                        throw error
                    }
                })
            self.router.add("/C/Events", .streamEvent { _ in WaitingEvents(started, cancelled) })
            self.router.add("/C/Echo", .unary { $1 })
        }
    }

    private final class WaitingEvents: ServerCallEvents {
        private let cancelled: Counter
        init(_ started: Counter, _ cancelled: Counter) {
            self.cancelled = cancelled
            started.add()
        }
        func received(_ message: [UInt8]) {}
        func receivedEnd() {}
        func becameWritable() {}
        func closed() { self.cancelled.add() }
    }

    @Test(arguments: ["/C/Loop", "/C/Pool", "/C/Blocking"]) func unary(_ path: String) async throws {
        let waiting = Waiting()
        try await withWire(waiting.router) { client, _ in
            let call = Task {
                await status(.cancelled, "context canceled") { _ = try await client.unary(path, [1]) }
            }
            try await eventually("started") { waiting.started.count == 1 }
            call.cancel()
            _ = await call.value
            try await eventually("cancelled") { waiting.cancelled.count == 1 }
            let reply = try await client.unary("/C/Echo", [2])
            #expect(reply.message == [2])
        }
    }

    @Test(arguments: ["/C/Reader", "/C/Writer", "/C/Events"]) func stream(_ path: String) async throws {
        let waiting = Waiting()
        try await withWire(waiting.router) { client, _ in
            let stream = try await client.openStream(path)
            try await eventually("started") { waiting.started.count == 1 }
            stream.cancel()
            try await eventually("cancelled") { waiting.cancelled.count == 1 }
            await status(.cancelled) { while try await stream.next() != nil {} }
            await status(.cancelled) { try await stream.write([1]) }
            // Leaving the closure does the same.
            try await client.withStream(path) { _ in
                try await eventually("started") { waiting.started.count == 2 }
            }
            try await eventually("cancelled") { waiting.cancelled.count == 2 }
            // And so does the end of the task.
            let task = Task {
                try await client.withStream(path) { stream in
                    while let _ = try await stream.next() {}
                }
            }
            try await eventually("started") { waiting.started.count == 3 }
            task.cancel()
            await #expect(throws: (any Error).self) { try await task.value }
            try await eventually("cancelled") { waiting.cancelled.count == 3 }
        }
    }

    @Test(arguments: ["/C/Loop", "/C/Pool", "/C/Reader", "/C/Writer", "/C/Events"])
    func lostConnectionCancels(_ path: String) async throws {
        let waiting = Waiting()
        try await withServer(waiting.router) { server, address in
            let peer = try await RawPeer.connect(address)
            try await peer.startClient()
            for index in 0..<3 {
                let stream = Int32(index * 2 + 1)
                peer.open(stream, RawPeer.requestHead(path: path))
                peer.send(.data(stream, [0, 0, 0, 0, 0]))
            }
            try await eventually("started") { waiting.started.count == 3 }
            peer.close()
            try await eventually("cancelled") { waiting.cancelled.count == 3 }
            try await eventually("gone") { server.connectionCount == 0 }
        }
    }

    @Test func alreadyCancelledTask() async throws {
        let waiting = Waiting()
        try await withWire(waiting.router) { client, _ in
            for _ in 0..<20 {
                let task = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    _ = try await client.unary("/C/Loop", [1])
                }
                await status(.cancelled) { try await task.value }
            }
            let reply = try await client.unary("/C/Echo", [2])
            #expect(reply.message == [2])
            try await eventually("no handler is left") { waiting.started.count == waiting.cancelled.count }
        }
    }

    @Test func whileConnecting() async throws {
        let server = try await RawServer.listen()
        try await withClient(server.address) { client in
            let task = Task { _ = try await client.unary("/C/M", [1]) }
            _ = try await server.peer(0)
            task.cancel()
            let status = await status(.cancelled) { try await task.value }
            #expect(status?.wasNotProcessed == true)
        }
        await server.close()
    }

    /// A thousand calls that come, are cancelled, and leave nothing behind.
    @Test func manyAtRandom() async throws {
        let waiting = Waiting()
        try await withWire(waiting.router) { client, server in
            await withTaskGroup(of: Void.self) { group in
                for index in 0..<1_000 {
                    group.addTask {
                        let task = Task { _ = try await client.unary(index % 2 == 0 ? "/C/Loop" : "/C/Pool", [1]) }
                        if index % 3 == 0 { await Task.yield() }
                        if index % 5 == 0 { try? await Task.sleep(for: .milliseconds(index % 7)) }
                        task.cancel()
                        _ = await task.result
                    }
                }
            }
            try await eventually("handlers end") { waiting.started.count == waiting.cancelled.count }
            let reply = try await client.unary("/C/Echo", [2])
            #expect(reply.message == [2])
            #expect(server.connectionCount == 1)
        }
    }

    /// A task that waits for room is free as soon as it is cancelled, though its call goes on.
    @Test func waitingWriters() async throws {
        let freed = Signal()
        var router = GRPCRouter()
        router.add(
            "/C/Flood",
            .stream { _, _, writer in
                let task = Task { while true { try await writer.write([UInt8](repeating: 1, count: 100_000)) } }
                // Nobody reads: the task comes to wait within a few writes.
                try await Task.sleep(for: .milliseconds(300))
                task.cancel()
                let result = await task.result
                #expect(throws: CancellationError.self) { try result.get() }
                freed.fire()
            })
        router.add("/C/Deaf", .stream { _, _, _ in try await freed.wait("the server's writer is free") })
        try await withWire(router) { client, _ in
            let deaf = try await client.openStream("/C/Deaf")
            let task = Task { while true { try await deaf.write([UInt8](repeating: 1, count: 100_000)) } }
            let metadata = Task { _ = try await deaf.metadata }
            try await Task.sleep(for: .milliseconds(300))
            for waiting in [task, metadata] {
                waiting.cancel()
                let result = await waiting.result
                #expect(throws: CancellationError.self) { try result.get() }
            }
            #expect(!deaf.isOver)
            let flood = try await client.openStream("/C/Flood")
            try await freed.wait("the server's writer is freed")
            flood.cancel()
        }
    }
}
