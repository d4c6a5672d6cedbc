// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletHTTP2Session
import Testing

/// Floods and malformed frames: each ends at most its own connection.
@Suite(.timeLimit(.minutes(30))) struct HostilePeerTests {
    private static let calm: UInt32 = 11

    private static var router: GRPCRouter {
        var router = GRPCRouter()
        router.add("/H/Echo", .unary { $1 })
        router.add("/H/Wait", .stream { _, reader, _ in while try await reader.next() != nil {} })
        return router
    }

    /// Runs `attack` on one connection, and asks on another whether the server lives.
    private func attack(_ attack: (RawPeer) async throws -> Void) async throws {
        try await withServer(Self.router) { server, address in
            let peer = try await RawPeer.connect(address)
            try await peer.startClient()
            try await attack(peer)
            peer.close()
            try await withClient(address) { client in
                let reply = try await client.unary("/H/Echo", [1])
                #expect(reply.message == [1])
            }
            try await eventually("nothing is left") { server.connectionCount == 0 }
        }
    }

    private func expectEnd(_ peer: RawPeer, code: UInt32? = nil) async throws {
        try await eventually("the connection ends") { peer.isClosed }
        let goAway = try await peer.next(.goAway)
        if let code { #expect(goAway.number(at: 4) == code) }
    }

    @Test func pingFlood() async throws {
        try await self.attack { peer in
            peer.answersPings = false
            for _ in 0..<50 {
                peer.send(bytes: (0..<100).flatMap { _ in RawFrame.ping().bytes })
                try await Task.sleep(for: .milliseconds(1))
            }
            try await self.expectEnd(peer, code: Self.calm)
        }
    }

    @Test func pingFloodInOneWrite() async throws {
        try await self.attack { peer in
            peer.send(bytes: (0..<20_000).flatMap { _ in RawFrame.ping().bytes })
            try await self.expectEnd(peer, code: Self.calm)
        }
    }

    /// grpc-go pings once a round trip to measure bandwidth; work in between makes it no flood.
    @Test func pingsBetweenCallsAreWelcome() async throws {
        try await self.attack { peer in
            for round in 0..<20 {
                for _ in 0..<5 { peer.send(bytes: (0..<100).flatMap { _ in RawFrame.ping().bytes }) }
                let stream = Int32(round * 2 + 1)
                peer.call(stream, "/H/Echo")
                let response = try await peer.response(stream)
                #expect(response.first(":status") == "200")
            }
            #expect(!peer.isClosed)
        }
    }

    @Test func settingsFlood() async throws {
        try await self.attack { peer in
            peer.send(bytes: (0..<50_000).flatMap { _ in RawFrame.settings([4: 65_535]).bytes })
            try await self.expectEnd(peer, code: Self.calm)
        }
    }

    @Test func continuationFlood() async throws {
        try await self.attack { peer in
            var head = RawFrame.headers(1, RawPeer.requestHead(path: "/H/Echo"))
            head.flags = 0
            peer.send(head)
            for _ in 0..<1_000 {
                peer.send(RawFrame(kind: .continuation, stream: 1, payload: RawFrame.fieldBlock([("x", "y")])))
            }
            try await self.expectEnd(peer)
        }
    }

    @Test func resetsAtANormalPace() async throws {
        try await self.attack { peer in
            for index in 0..<5_000 {
                let stream = Int32(index * 2 + 1)
                peer.send(.headers(stream, RawPeer.requestHead(path: "/H/Wait")), .reset(stream, 8))
                if index % 500 == 499 { try await Task.sleep(for: .milliseconds(5)) }
            }
            peer.send(
                .headers(10_001, RawPeer.requestHead(path: "/H/Echo")), .data(10_001, [0, 0, 0, 0, 0], endStream: true))
            _ = try await peer.next(.headers)
            #expect(!peer.isClosed)
        }
    }

    @Test func resetFlood() async throws {
        try await self.attack { peer in
            let head = RawPeer.requestHead(path: "/H/Wait")
            for batch in 0..<100 where !peer.isClosed {
                peer.send(
                    bytes: (0..<500).flatMap { index in
                        let stream = Int32((batch * 500 + index) * 2 + 1)
                        return RawFrame.headers(stream, head).bytes + RawFrame.reset(stream, 8).bytes
                    })
            }
            try await self.expectEnd(peer)
        }
    }

    /// go-micro's client resets each stream when it has its answer.
    @Test func resetsAfterTrailers() async throws {
        try await self.attack { peer in
            for index in 0..<2_000 {
                let stream = Int32(index * 2 + 1)
                // No END_STREAM: the stream is still open on this side when the answer is there.
                peer.send(
                    .headers(stream, RawPeer.requestHead(path: "/H/Echo")), .data(stream, [0, 0, 0, 0, 0]))
                _ = try await peer.next(.headers)
                peer.send(.reset(stream, 8))
            }
            #expect(!peer.isClosed)
        }
    }

    static let malformed: [(String, [UInt8])] = [
        ("data on stream 0", RawFrame.data(0, [1]).bytes),
        ("data on an idle stream", RawFrame.data(7, [1]).bytes),
        ("headers on an even stream", RawFrame.headers(2, RawPeer.requestHead(path: "/H/Echo")).bytes),
        (
            "field block garbage",
            RawFrame(kind: .headers, flags: 4, stream: 1, payload: [0xff, 0xff, 0xff, 0xff]).bytes
        ),
        ("frame over the limit", [0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]),
        ("settings of 5 bytes", RawFrame(kind: .settings, payload: [0, 0, 0, 0, 0]).bytes),
        ("ping of 7 bytes", RawFrame(kind: .ping, payload: [0, 0, 0, 0, 0, 0, 0]).bytes),
        ("window above 2^31", RawFrame.windowUpdate(0, 0x7fff_ffff).bytes),
        ("continuation alone", RawFrame(kind: .continuation, flags: 4, stream: 1).bytes),
        ("a push", RawFrame(kind: .push, flags: 4, stream: 1, payload: [0, 0, 0, 2, 0x82]).bytes),
        ("padding longer than the frame", RawFrame(kind: .headers, flags: 0xc, stream: 1, payload: [200, 0x82]).bytes),
    ]

    @Test(arguments: HostilePeerTests.malformed.indices) func malformedFrame(_ index: Int) async throws {
        try await self.attack { peer in
            peer.send(bytes: Self.malformed[index].1)
            try await eventually("\(Self.malformed[index].0) ends the connection") { peer.isClosed }
        }
    }

    /// Requests that HTTP/2 forbids, or that are cut off: the stream or the connection ends, no handler hangs.
    @Test func brokenRequests() async throws {
        try await self.attack { peer in
            let head = RawPeer.requestHead(path: "/H/Echo")
            peer.send(.headers(1, head.filter { $0.0 != ":path" }, endStream: true))
            peer.send(.headers(3, head + [("Upper-Case", "x")], endStream: true))
            peer.send(.headers(5, head + [(":late", "x")], endStream: true))
            peer.send(.headers(7, head.map { $0.0 == ":path" ? (":path", "no-slash") : $0 }, endStream: true))
            for _ in 0..<3 { #expect(try await peer.next(.reset).number(at: 0) == 1) }
            // A path without a slash is no breach of HTTP/2: it gets a status.
            #expect(try await peer.next(.headers).stream == 7)
            // No message at all, and half of one.
            peer.send(.headers(9, head, endStream: true))
            peer.send(.headers(11, head), .data(11, [0, 0, 0, 0, 9, 1], endStream: true))
            peer.send(.headers(13, head), .data(13, [9, 0, 0, 0, 1, 1], endStream: true))
            for _ in 0..<3 { _ = try await peer.next(.headers) }
            peer.send(.headers(15, head), .data(15, [0, 0, 0, 0, 0], endStream: true))
            _ = try await peer.next(.headers)
            #expect(!peer.isClosed)
        }
    }

    /// Resets that the peer makes the server send are bounded as well as those it sends. Source: CVE-2025-8671.
    @Test func provokedResets() async throws {
        try await self.attack { peer in
            let head = RawPeer.requestHead(path: "/H/Wait")
            for index in 0..<1_200 {
                let stream = Int32(index * 2 + 1)
                peer.send(.headers(stream, head), .windowUpdate(stream, 0x7fff_ffff))
                if index % 100 == 0 { try await Task.sleep(for: .milliseconds(1)) }
            }
            try await self.expectEnd(peer, code: Self.calm)
            #expect(peer.count(of: .reset) <= 1_201)
        }
    }
}
