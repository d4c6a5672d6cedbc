// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletGRPCWire
import MartletHTTP2Session
import NIOCore
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(30))) struct DrainTests {
    private struct Served {
        let release = Signal()
        let started = Counter()
        var router = GRPCRouter()

        init() {
            let release = self.release
            let started = self.started
            self.router.add(
                "/D/Wait",
                .unary { _, message in
                    started.add()
                    try await release.wait("release")
                    return message
                })
            self.router.add("/D/Echo", .unary { $1 })
        }
    }

    @Test func callsInFlightFinish() async throws {
        let served = Served()
        try await withServer(served.router) { server, address in
            try await withClient(address) { client in
                async let reply = client.unary("/D/Wait", [7])
                try await eventually("started") { served.started.count == 1 }
                let drained = Signal()
                let drain = Task {
                    await server.drain(limit: .seconds(300))
                    drained.fire()
                }
                try await eventually("the client knows") { client.connectivity != .ready }
                let status = await status(.unavailable) { _ = try await client.unary("/D/Echo", [1]) }
                #expect(status?.wasNotProcessed == true)
                #expect(!drained.hasFired)
                served.release.fire()
                #expect(try await reply.message == [7])
                await drain.value
            }
        }
    }

    /// What the client sent before it read the notice is served; what it sends after the second GOAWAY is not.
    @Test func inTwoSteps() async throws {
        let served = Served()
        try await withServer(served.router) { server, address in
            let peer = try await RawPeer.connect(address)
            try await peer.startClient()
            peer.answersPings = false
            peer.call(1, "/D/Wait", [1])
            try await eventually("started") { served.started.count == 1 }
            let drain = Task { await server.drain(limit: .seconds(300)) }
            #expect(try await peer.next(.goAway).number(at: 0) == 0x7fff_ffff)
            let ping = try await peer.next(.ping)
            peer.call(3, "/D/Echo", [2])
            #expect(try await peer.response(3).first(":status") == "200")
            peer.send(RawFrame(kind: .ping, flags: RawFrame.acknowledgement, payload: ping.payload))
            #expect(try await peer.next(.goAway).number(at: 0) == 3)
            peer.call(5, "/D/Echo", [3])
            served.release.fire()
            #expect(try await peer.response(1).first(":status") == "200")
            await drain.value
            try await eventually("closed") { peer.isClosed }
        }
    }

    @Test func limitEndsWhatIsLeft() async throws {
        let served = Served()
        try await withServer(served.router) { server, address in
            try await withClient(address) { client in
                async let outcome = status(.unavailable, "server is shutting down") {
                    _ = try await client.unary("/D/Wait", [7])
                }
                try await eventually("started") { served.started.count == 1 }
                await server.drain(limit: .milliseconds(100))
                _ = await outcome
                served.release.fire()
            }
        }
    }

    @Test func idleConnectionsAreGoneAtOnce() async throws {
        try await withServer(Served().router) { server, address in
            try await withClient(address) { client in
                _ = try await client.unary("/D/Echo", [1])
                let clock = ContinuousClock()
                let start = clock.now
                await server.drain(limit: .seconds(1_200))
                #expect(clock.now - start < .seconds(600), "it waited for its limit")
                #expect(server.connectionCount == 0)
            }
        }
    }

    /// The last answer of a connection that drains is larger than the socket's buffer.
    @Test func largeLastAnswerArrivesWhole() async throws {
        var router = GRPCRouter()
        let started = Signal()
        let release = Signal()
        router.add(
            "/D/Large",
            .unary { _, _ in
                started.fire()
                try await release.wait("release")
                return [UInt8](repeating: 3, count: 4 << 20)
            })
        try await withServer(router) { server, address in
            try await withClient(address) { client in
                async let reply = client.unary("/D/Large", [])
                try await started.wait("started")
                let drain = Task { await server.drain(limit: .seconds(300)) }
                try await eventually("the client knows") { client.connectivity != .ready }
                release.fire()
                #expect(try await reply.message.count == 4 << 20)
                await drain.value
            }
        }
    }
}

@Suite(.timeLimit(.minutes(30))) struct KeepaliveTests {
    private static var router: GRPCRouter {
        var router = GRPCRouter()
        router.add(
            "/K/Echo",
            .stream { _, reader, writer in
                writer.sendMetadata()
                for try await message in reader { try await writer.write(message) }
            })
        return router
    }

    private static let quick = KeepaliveConfiguration(interval: .milliseconds(40), timeout: .seconds(5))
    /// For peers that answer, however late.
    private static let patient = KeepaliveConfiguration(interval: .milliseconds(40), timeout: .seconds(300))

    @Test func serverGivesUpASilentPeer() async throws {
        // An answer may come late where both cores are taken: then another has longer.
        var isLeftAlone = false
        for seconds in [5, 20, 60] where !isLeftAlone { isLeftAlone = try await self.keepsWhoAnswers(within: seconds) }
        #expect(isLeftAlone)
    }

    /// Returns whether a peer that answers is still connected when one that doesn't is given up.
    private func keepsWhoAnswers(within seconds: Int) async throws -> Bool {
        let pace = KeepaliveConfiguration(interval: .milliseconds(40), timeout: .seconds(Int64(seconds)))
        return try await withServer(Self.router, configure: { $0.keepalive = pace }) { server, address in
            let silent = try await RawPeer.connect(address)
            silent.answersPings = false
            try await silent.startClient()
            let alive = try await RawPeer.connect(address)
            try await alive.startClient()
            try await eventually("the silent one is closed") { silent.isClosed }
            #expect(silent.count(of: .ping) >= 1)
            let isAlive = !alive.isClosed && alive.count(of: .ping) >= 1
            alive.close()
            return isAlive
        }
    }

    @Test func clientGivesUpASilentServer() async throws {
        let server = try await RawServer.listen()
        try await withClient(server.address, configure: { $0.keepalive = Self.quick }) { client in
            let call = Task { try await client.unary("/K/M", [1]) }
            let peer = try await server.peer(0)
            peer.answersPings = false
            peer.send(.settings())
            let status = await status(.unavailable, "keepalive ping failed to receive ACK within timeout") {
                _ = try await call.value
            }
            #expect(status?.wasNotProcessed == false)
        }
        await server.close()
    }

    /// A loop that a handler has held up finds its timer and the answer at the same time: the answer counts.
    @Test func anAnswerThatNobodyCouldReadInTimeCounts() async throws {
        // A loop that is held up only when the time is over already says nothing.
        var wasHeldInTime = false
        for _ in 0..<20 where !wasHeldInTime { wasHeldInTime = try await self.answerWhileTheLoopIsHeld() }
        #expect(wasHeldInTime)
    }

    /// Returns whether the loop was held up while the answer still had time.
    private func answerWhileTheLoopIsHeld() async throws -> Bool {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let server = try await RawServer.listen()
        let pace = KeepaliveConfiguration(interval: .milliseconds(40), timeout: .seconds(2))
        let wasHeldInTime = try await withClient(
            server.address, group: group, configure: { $0.keepalive = pace }
        ) { (client) async throws -> Bool in
            // Before the ping: its time begins later.
            let start = ContinuousClock.now
            let call = Task { try await client.unary("/K/M", [1]) }
            let peer = try await server.peer(0)
            peer.answersPings = false
            peer.send(.settings())
            _ = try await peer.next(.headers)
            let ping = try await peer.next(.ping)
            let isHeld = Signal()
            let isAnswered = Signal()
            defer { isAnswered.fire() }
            let hold = group.next().submit { () -> ContinuousClock.Instant in
                let now = ContinuousClock.now
                isHeld.fire()
                while !isAnswered.hasFired { Thread.sleep(forTimeInterval: 0.005) }
                // However late it was held up: its time is over when the loop goes on.
                Thread.sleep(forTimeInterval: 2.5)
                return now
            }
            try await isHeld.wait("the loop is held up")
            peer.answersPings = true
            peer.send(RawFrame(kind: .ping, flags: RawFrame.acknowledgement, payload: ping.payload))
            peer.send(.headers(1, RawServer.responseHead + [("grpc-status", "5")], endStream: true))
            // Behind both on their loop: they are in the socket.
            try await peer.channel.eventLoop.submit {}.get()
            isAnswered.fire()
            let result = await call.result
            let heldAt = try await hold.get()
            guard start.duration(to: heldAt) < .seconds(2) else { return false }
            await status(.notFound) { _ = try result.get() }
            return true
        }
        await server.close()
        try await group.shutdownGracefully()
        return wasHeldInTime
    }

    @Test func clientWithoutCallsIsQuiet() async throws {
        let server = try await RawServer.listen()
        try await withClient(server.address, configure: { $0.keepalive = Self.patient }) { client in
            let call = Task { try await client.unary("/K/M", [1]) }
            let peer = try await server.peer(0)
            peer.send(.settings())
            _ = try await peer.next(.headers)
            peer.send(.headers(1, RawServer.responseHead + [("grpc-status", "5")], endStream: true))
            await status(.notFound) { _ = try await call.value }
            let before = peer.count(of: .ping)
            try await Task.sleep(for: .milliseconds(300))
            #expect(peer.count(of: .ping) <= before + 1)
            #expect(!peer.isClosed)
        }
        await server.close()
    }

    /// Two minutes of an idle watch at the usual pace, in short: dozens of intervals, pings both ways, nobody leaves.
    @Test func idleStreamLives() async throws {
        let pace = KeepaliveConfiguration(interval: .milliseconds(20), timeout: .seconds(300))
        try await withWire(
            Self.router, server: { $0.keepalive = pace }, client: { $0.keepalive = pace }
        ) { client, _ in
            try await client.withStream("/K/Echo") { stream in
                _ = try await stream.metadata
                try await Task.sleep(for: .seconds(1))
                try await stream.write([1])
                let echo = try await stream.next()
                #expect(echo == [1])
            }
        }
    }
}
