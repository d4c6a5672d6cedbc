// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletHTTP2Session
import MartletTestPrograms
import NIOCore
import NIOPosix
import Testing

/// The client against a server that does what a test tells it to.
@Suite(.timeLimit(.minutes(30))) struct ScriptedServerTests {
    /// Runs one call against `script`, which gets the connection when the request's headers have come.
    private func call(
        streams: Bool = false, _ script: (RawPeer) async throws -> Void,
        _ outcome: (WireClient, Task<WireReply, any Error>) async throws -> Void
    ) async throws {
        let server = try await RawServer.listen()
        try await withClient(server.address) { client in
            let call = Task { try await client.unary("/S/M", [1]) }
            let peer = try await server.peer(0)
            peer.send(.settings())
            _ = try await peer.next(.headers)
            try await script(peer)
            try await outcome(client, call)
            call.cancel()
        }
        await server.close()
    }

    private func fails(
        _ code: GRPCStatusCode, _ message: String? = nil, wasNotProcessed: Bool = false,
        sourceLocation: SourceLocation = #_sourceLocation, _ script: (RawPeer) async throws -> Void
    ) async throws {
        try await self.call(script) { _, call in
            let status = await status(code, message, sourceLocation: sourceLocation) { _ = try await call.value }
            #expect(status?.wasNotProcessed == wasNotProcessed, sourceLocation: sourceLocation)
            #expect(status?.isConnectFailure == false, sourceLocation: sourceLocation)
        }
    }

    @Test func refusedStreamWasNotProcessed() async throws {
        try await self.fails(.unavailable, wasNotProcessed: true) { $0.send(.reset(1, 7)) }
    }

    @Test func resetCodes() async throws {
        try await self.fails(.cancelled) { $0.send(.reset(1, 8)) }
        try await self.fails(.resourceExhausted) { $0.send(.reset(1, 11)) }
        try await self.fails(.permissionDenied) { $0.send(.reset(1, 12)) }
        try await self.fails(.internalError) { $0.send(.reset(1, 2)) }
    }

    @Test func streamsAboveGoAwayWereNotProcessed() async throws {
        try await self.fails(.unavailable, wasNotProcessed: true) { $0.send(.goAway(last: 0)) }
    }

    @Test func streamsBelowGoAwayFinish() async throws {
        try await self.call { peer in
            peer.send(
                .goAway(last: 1), .headers(1, RawServer.responseHead), .data(1, [0, 0, 0, 0, 1, 42]),
                .headers(1, [("grpc-status", "0")], endStream: true))
        } _: { _, call in
            let reply = try await call.value
            #expect(reply.message == [42])
        }
    }

    @Test func callsAfterGoAwayUseANewConnection() async throws {
        let server = try await RawServer.listen()
        try await withClient(server.address) { client in
            let first = Task { try await client.unary("/S/M", [1]) }
            let peer = try await server.peer(0)
            peer.send(.settings())
            _ = try await peer.next(.headers)
            peer.send(.goAway(last: .max))
            try await eventually("noticed") { client.connectivity != .ready }
            let second = Task { try await client.unary("/S/M", [2]) }
            let next = try await server.peer(1)
            next.send(.settings())
            _ = try await next.next(.headers)
            for (peer, answer) in [(peer, 1 as UInt8), (next, 2)] {
                peer.send(
                    .headers(1, RawServer.responseHead), .data(1, [0, 0, 0, 0, 1, answer]),
                    .headers(1, [("grpc-status", "0")], endStream: true))
            }
            #expect(try await first.value.message == [1])
            #expect(try await second.value.message == [2])
            // The drained connection goes when its last call has ended.
            try await eventually("closed") { peer.isClosed }
        }
        await server.close()
    }

    @Test func lostConnectionMayHaveProcessed() async throws {
        try await self.fails(.unavailable) { $0.close() }
    }

    @Test func answersThatAreNoGRPC() async throws {
        let html = [(":status", "200"), ("content-type", "text/html")]
        try await self.fails(.unknown, "received unexpected content-type \"text/html\"") {
            $0.send(.headers(1, html), .data(1, bytes("<html>"), endStream: true))
        }
        for (http, code) in [
            ("400", .internalError), ("401", .unauthenticated), ("403", .permissionDenied), ("404", .unimplemented),
            ("429", .unavailable), ("503", .unavailable), ("418", .unknown),
        ] as [(String, GRPCStatusCode)] {
            try await self.fails(code, "unexpected HTTP status code received from server: \(http)") {
                $0.send(.headers(1, [(":status", http)], endStream: true))
            }
        }
    }

    @Test func answersThatAreCutShort() async throws {
        let head = RawFrame.headers(1, RawServer.responseHead)
        try await self.fails(.internalError, "server closed the stream without sending trailers") {
            $0.send(head, .data(1, [0, 0, 0, 0, 0], endStream: true))
        }
        try await self.fails(.internalError, "the server ended a unary call without a message") {
            $0.send(head, .headers(1, [("grpc-status", "0")], endStream: true))
        }
        try await self.fails(.internalError, "the server sent two messages on a unary call") {
            $0.send(head, .data(1, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
        }
        try await self.fails(.unknown, "the server sent no grpc-status") {
            $0.send(head, .data(1, [0, 0, 0, 0, 0]), .headers(1, [("x", "y")], endStream: true))
        }
        try await self.fails(.internalError) { $0.send(head, .data(1, [7, 0, 0, 0, 0])) }
        try await self.fails(.internalError) { $0.send(head, .reset(1, 0)) }
    }

    @Test func statusInTrailersOnly() async throws {
        try await self.fails(.notFound, "no ä") {
            let head = RawServer.responseHead + [("grpc-status", "5"), ("grpc-message", "no %C3%A4")]
            $0.send(.headers(1, head, endStream: true))
        }
    }

    @Test func informationalResponsesArePassedOver() async throws {
        try await self.call { peer in
            peer.send(
                .headers(1, [(":status", "103"), ("link", "x")]), .headers(1, RawServer.responseHead),
                .data(1, [0, 0, 0, 0, 1, 9]), .headers(1, [("grpc-status", "0")], endStream: true))
        } _: { _, call in
            let reply = try await call.value
            #expect(reply.message == [9])
        }
    }

    @Test func garbageEndsTheConnection() async throws {
        try await self.fails(.unavailable) { $0.send(bytes: [UInt8](repeating: 0xff, count: 100)) }
    }

    @Test func somethingElseListens() async throws {
        let server = try await RawServer.listen()
        try await withClient(server.address) { client in
            let call = Task { try await client.unary("/S/M", [1]) }
            let peer = try await server.peer(0)
            peer.send(bytes: bytes("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"))
            let status = await status(.unavailable) { _ = try await call.value }
            #expect(status?.isConnectFailure == true)
            #expect(status?.wasNotProcessed == true)
        }
        await server.close()
    }

    /// A server may end a call whose request is still open and say no more; the stream must not stay open for ever.
    @Test func streamThatTheServerEndedIsClosed() async throws {
        let server = try await RawServer.listen()
        try await withClient(server.address) { client in
            let opening = Task { try await client.openStream("/S/M") }
            let peer = try await server.peer(0)
            peer.send(.settings())
            _ = try await peer.next(.headers)
            let stream = try await opening.value
            peer.send(.headers(1, RawServer.responseHead + [("grpc-status", "0")], endStream: true))
            #expect(try await stream.next() == nil)
            #expect(try await peer.next(.reset).stream == 1)
        }
        await server.close()
    }

    @Test func pingsOfTheServerAreAnswered() async throws {
        try await self.call { peer in
            peer.send(.ping(77))
            let answer = try await peer.next(.ping)
            #expect(answer.flags == 1)
            #expect(answer.payload.last == 77)
        } _: { _, _ in
        }
    }
}

@Suite(.timeLimit(.minutes(30))) struct ClientConnectionTests {
    private static var router: GRPCRouter {
        var router = GRPCRouter()
        router.add("/C/Echo", .unary { $1 })
        router.add("/C/Wait", .stream { _, reader, _ in while try await reader.next() != nil {} })
        return router
    }

    /// A port on which nobody listens.
    /// Where nobody listens, and nobody but this test will: a port that was free might be given to another test.
    private func freeAddress(_ folder: TemporaryFolder) -> WireAddress {
        .unixSocket(folder.file("socket"))
    }

    private func serve(_ address: WireAddress) async throws -> WireServer {
        let server = try WireServer(router: Self.router, logger: .silent)
        _ = try await server.bind(address)
        return server
    }

    @Test func nobodyListens() async throws {
        let folder = try TemporaryFolder()
        let address = self.freeAddress(folder)
        try await withClient(address) { client in
            #expect(client.connectivity == .idle)
            for _ in 0..<3 {
                let status = await status(.unavailable) { _ = try await client.unary("/C/Echo", [1]) }
                #expect(status?.wasNotProcessed == true)
                #expect(status?.isConnectFailure == true)
                #expect(status?.message.hasPrefix("connection error: desc = \"transport: Error while dialing") == true)
            }
            #expect(client.connectivity == .transientFailure)
        }
    }

    @Test func waitsForAServerThatComes() async throws {
        let folder = try TemporaryFolder()
        let address = self.freeAddress(folder)
        try await withClient(address) { client in
            var options = WireCallOptions()
            options.waitForReady = true
            let waiting = options
            async let reply = client.unary("/C/Echo", [5], options: waiting)
            try await eventually("a failed attempt") { client.connectivity == .transientFailure }
            let server = try await self.serve(address)
            #expect(try await reply.message == [5])
            #expect(client.connectivity == .ready)
            await server.close()
        }
    }

    @Test func reconnectsAfterARestart() async throws {
        let folder = try TemporaryFolder()
        let address = self.freeAddress(folder)
        let first = try await self.serve(address)
        try await withClient(address) { client in
            _ = try await client.unary("/C/Echo", [1])
            await first.close()
            try await eventually("noticed") { client.connectivity != .ready }
            let second = try await self.serve(address)
            try await eventually("serves again") { (try? await client.unary("/C/Echo", [2]))?.message == [2] }
            await second.close()
        }
    }

    @Test func secondConnectionOnlyAtTheStreamLimit() async throws {
        try await withWire(Self.router, server: { $0.maximumConcurrentStreams = 10 }) { client, server in
            var streams: [ClientStream] = []
            for _ in 0..<10 { streams.append(try await client.openStream("/C/Wait")) }
            #expect(server.connectionCount == 1)
            for _ in 0..<5 { _ = try await client.unary("/C/Echo", [1]) }
            #expect(server.connectionCount == 2)
            streams[0].cancel()
            try await eventually("room on the first") {
                _ = try await client.unary("/C/Echo", [1])
                return true
            }
            #expect(server.connectionCount == 2)
            for stream in streams { stream.cancel() }
        }
    }

    @Test func moreCallsThanAllConnectionsHoldWait() async throws {
        try await withWire(
            Self.router, server: { $0.maximumConcurrentStreams = 5 }, client: { $0.maximumConnections = 2 }
        ) { client, server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<300 {
                    group.addTask {
                        let reply = try await client.unary("/C/Echo", [UInt8(index & 255)])
                        #expect(reply.message == [UInt8(index & 255)])
                    }
                }
                try await group.waitForAll()
            }
            #expect(server.connectionCount <= 2)
        }
    }

    @Test func idleConnectionIsClosed() async throws {
        try await withWire(Self.router, client: { $0.idleTimeout = .milliseconds(100) }) { client, server in
            let stream = try await client.openStream("/C/Wait")
            try await Task.sleep(for: .milliseconds(300))
            #expect(server.connectionCount == 1, "a call keeps it")
            stream.cancel()
            try await eventually("closed") { server.connectionCount == 0 && client.connectivity == .idle }
            let reply = try await client.unary("/C/Echo", [1])
            #expect(reply.message == [1])
        }
    }

    @Test func closeEndsEverything() async throws {
        try await withServer(Self.router) { server, address in
            let client = try WireClient(address, logger: .silent)
            let stream = try await client.openStream("/C/Wait")
            _ = try await client.unary("/C/Echo", [1])
            await client.close()
            #expect(client.connectivity == .shutdown)
            await status { _ = try await stream.next() }
            await status(.cancelled, "grpc: the client connection is closing") {
                _ = try await client.unary("/C/Echo", [1])
            }
            try await eventually("gone") { server.connectionCount == 0 }
        }
    }

    @Test func closeWithoutEverConnecting() async throws {
        let client = try WireClient(.hostPort("127.0.0.1", 1), logger: .silent)
        await client.close()
        #expect(client.connectivity == .shutdown)
    }

    /// Every call to a server that closes its connections at once, in whatever moment of connecting, gets its answer.
    @Test func serverThatClosesAtOnce() async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { $0.close() }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = listener.localAddress?.port ?? 0
        for _ in 0..<200 {
            try await withClient(.hostPort("127.0.0.1", port)) { client in
                let status = await status(.unavailable) { _ = try await client.unary("/C/Echo", [1]) }
                #expect(status?.isConnectFailure == true)
            }
        }
        try await listener.close()
    }
}
