// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletHTTP2Session
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(30))) struct DeadlineTests {
    @Test func handlerSeesTheSoonerOfTheTwoHeaders() async throws {
        var router = GRPCRouter()
        router.add(
            "/D/Left",
            .unary { call, _ in bytes(call.deadline.map { "\(($0 - .now()).nanoseconds / 1_000_000_000)" } ?? "none") })
        // A whole number of seconds is gone when the handler looks, and on a busy machine some more.
        func isLittleBelow(_ limit: Int, _ left: String?) -> Bool {
            left.flatMap { Int($0) }.map { (limit - 60..<limit).contains($0) } ?? false
        }
        try await withWire(router) { client, _ in
            func left(_ options: WireCallOptions) async throws -> String? {
                text(try await client.unary("/D/Left", [], options: options).message)
            }
            var options = WireCallOptions()
            #expect(try await left(options) == "none")
            options.metadata = ["timeout": "soon"]
            #expect(try await left(options) == "none")
            options.metadata = ["timeout": "700000000000"]
            let micro = try await left(options)
            #expect(isLittleBelow(700, micro))
            options.timeout = .seconds(500)
            let seconds = try await left(options)
            #expect(isLittleBelow(500, seconds))
            options.metadata = ["timeout": "300000000000"]
            let sooner = try await left(options)
            #expect(isLittleBelow(300, sooner))
        }
    }

    /// The answer goes out at the deadline although the handler neither ends nor looks at its cancellation.
    @Test(arguments: ["grpc-timeout", "timeout"]) func serverDoesNotWaitForTheHandler(_ header: String) async throws {
        var router = GRPCRouter()
        let release = Signal()
        let wasCancelled = Signal()
        router.add(
            "/D/Stubborn",
            .unary { _, _ in
                await withTaskCancellationHandler {
                    while !release.hasFired { await Self.pause() }
                } onCancel: {
                    wasCancelled.fire()
                }
                return []
            })
        try await withServer(router) { _, address in
            let peer = try await RawPeer.connect(address)
            try await peer.startClient()
            let value = header == "timeout" ? "50000000" : "50m"
            peer.open(1, RawPeer.requestHead(path: "/D/Stubborn", [(header, value)]))
            peer.send(.data(1, [0, 0, 0, 0, 0], endStream: true))
            let trailers = try await peer.response(1)
            #expect(trailers.first("grpc-status") == "4")
            #expect(trailers.first("grpc-message") == "context deadline exceeded")
            try await wasCancelled.wait("the handler's task is cancelled")
            release.fire()
            peer.close()
        }
    }

    /// Waits without looking at cancellation.
    private static func pause() async {
        await Task.detached { try? await Task.sleep(for: .milliseconds(5)) }.value
    }

    @Test func serverEndsAStreamAtItsDeadline() async throws {
        var router = GRPCRouter()
        let ended = Signal()
        router.add(
            "/D/Stream",
            .stream { _, reader, writer in
                try await writer.write([1])
                defer { ended.fire() }
                _ = try await reader.next()
            })
        try await withServer(router) { _, address in
            let peer = try await RawPeer.connect(address)
            try await peer.startClient()
            var stream: Int32 = 1
            // A handler that had no turn in time sends nothing: then it gets longer.
            for timeout in ["100m", "2S", "60S"] {
                peer.open(stream, RawPeer.requestHead(path: "/D/Stream", [("grpc-timeout", timeout)]))
                guard try await peer.response(stream).first("grpc-status") != nil else { break }
                stream += 2
            }
            #expect(try await peer.response(stream).first("grpc-status") == "4")
            try await ended.wait("the waiting handler wakes")
            peer.close()
        }
    }

    @Test func clientDoesNotWaitForTheServer() async throws {
        let server = try await RawServer.listen()
        try await withClient(server.address) { client in
            let first = Task { try await client.unary("/D/Silent", [1]) }
            let peer = try await server.peer(0)
            peer.send(.settings())
            _ = try await peer.next(.headers)
            // A call whose time was over before it opened its stream resets none: then another is made.
            try await eventually("a stream is given up on the wire too") {
                await status(.deadlineExceeded, "context deadline exceeded") {
                    var options = WireCallOptions()
                    options.timeout = .milliseconds(100)
                    _ = try await client.unary("/D/Silent", [1], options: options)
                }
                return peer.count(of: .reset) > 0
            }
            let reset = try await peer.next(.reset)
            #expect(reset.number(at: 0) == 8)
            #expect(reset.stream > 1)
            first.cancel()
            _ = await first.result
        }
        await server.close()
    }

    @Test func passesWhileConnecting() async throws {
        // Accepts, and never says a word of HTTP/2.
        let server = try await RawServer.listen()
        try await withClient(server.address) { client in
            var options = WireCallOptions()
            options.timeout = .milliseconds(100)
            options.waitForReady = true
            let status = await status(.deadlineExceeded) { _ = try await client.unary("/D/M", [], options: options) }
            #expect(status?.wasNotProcessed == true)
        }
        await server.close()
    }

    @Test func alreadyPassed() async throws {
        var router = GRPCRouter()
        router.add(
            "/D/Slow",
            .unary { _, message in
                try await Task.sleep(for: .seconds(60))
                return message
            })
        try await withWire(router) { client, _ in
            var options = WireCallOptions()
            options.deadline = .now() - .seconds(1)
            await status(.deadlineExceeded) { _ = try await client.unary("/D/Slow", [], options: options) }
        }
    }

    @Test func manyDeadlinesOnOneConnection() async throws {
        var router = GRPCRouter()
        router.add(
            "/D/Sleep",
            .unary { _, message in
                try await Task.sleep(for: .seconds(60))
                return message
            })
        router.add("/D/Echo", .unary { $1 })
        try await withWire(router) { client, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<100 {
                    group.addTask {
                        var options = WireCallOptions()
                        options.timeout = .milliseconds(10 + index * 5)
                        await status(.deadlineExceeded) {
                            _ = try await client.unary("/D/Sleep", [], options: options)
                        }
                        options.timeout = .seconds(300)
                        _ = try await client.unary("/D/Echo", [1], options: options)
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
