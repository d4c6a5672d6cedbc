// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import Testing

@Suite(.timeLimit(.minutes(30))) struct HTTP1Tests {
    private func withHTTP1(_ body: (RawPeer, WireAddress) async throws -> Void) async throws {
        var router = GRPCRouter()
        router.add("/G/Echo", .unary { $1 })
        try await withServer(
            router,
            configure: {
                $0.http1 = { request in
                    switch request.uri {
                    case "/health":
                        HTTP1Response(status: 200, headers: [("content-type", "text/plain")], body: bytes("fine"))
                    case "/large": HTTP1Response(status: 200, body: [UInt8](repeating: 0x41, count: 8 << 20))
                    default:
                        HTTP1Response(status: 200, body: bytes("\(request.method) \(request.uri) ") + request.body)
                    }
                }
            }
        ) { _, address in
            let peer = try await RawPeer.connect(address)
            try await body(peer, address)
            peer.close()
        }
    }

    private func received(_ peer: RawPeer) -> String { String(decoding: peer.received, as: UTF8.self) }

    @Test func getAndKeepAlive() async throws {
        try await self.withHTTP1 { peer, address in
            for round in 1...3 {
                peer.send(bytes: bytes("GET /health HTTP/1.1\r\nhost: a\r\n\r\n"))
                try await eventually("answer \(round)") {
                    self.received(peer).components("HTTP/1.1 200 OK") == round
                        && self.received(peer).components("\r\n\r\nfine") == round
                }
            }
            #expect(!peer.isClosed)
            peer.send(bytes: bytes("POST /p?q=1 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc"))
            try await eventually("post") { self.received(peer).hasSuffix("POST /p?q=1 abc") }
            peer.send(bytes: bytes("GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"))
            try await eventually("closed") { peer.isClosed }
            // gRPC on the same port.
            try await withClient(address) { client in
                let reply = try await client.unary("/G/Echo", [1])
                #expect(reply.message == [1])
            }
        }
    }

    @Test func byteByByte() async throws {
        try await self.withHTTP1 { peer, _ in
            for byte in bytes("GET /health HTTP/1.1\r\nhost: a\r\n\r\n") {
                peer.send(bytes: [byte])
                await Task.yield()
            }
            try await eventually("answer") { self.received(peer).hasSuffix("fine") }
        }
    }

    @Test func pipelined() async throws {
        try await self.withHTTP1 { peer, _ in
            peer.send(bytes: bytes((0..<20).map { "GET /n\($0) HTTP/1.1\r\nhost: a\r\n\r\n" }.joined()))
            try await eventually("all") { self.received(peer).components("HTTP/1.1 200 OK") == 20 }
            let order = (0..<20).map { self.received(peer).position(of: "GET /n\($0)") }
            #expect(order == order.sorted())
        }
    }

    @Test func tooLargeBody() async throws {
        try await self.withHTTP1 { peer, _ in
            peer.send(bytes: bytes("POST /p HTTP/1.1\r\nhost: a\r\ncontent-length: 9000000\r\n\r\n"))
            peer.send(bytes: [UInt8](repeating: 0x41, count: 9_000_000))
            try await eventually("413") { self.received(peer).hasPrefix("HTTP/1.1 413") }
            try await eventually("closed") { peer.isClosed }
        }
    }

    @Test(arguments: [
        "NONSENSE\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /\u{1} HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n", "\r\n\r\n\r\n\r\n\u{0}\u{0}\u{0}",
    ])
    func malformed(_ request: String) async throws {
        try await self.withHTTP1 { peer, address in
            peer.send(bytes: bytes(request))
            try await eventually("refused") { peer.isClosed || self.received(peer).hasPrefix("HTTP/1.1 400") }
            try await withClient(address) { client in
                let reply = try await client.unary("/G/Echo", [1])
                #expect(reply.message == [1])
            }
        }
    }

    /// More than the socket takes at once, and closed behind it.
    @Test func largeAnswerArrivesWhole() async throws {
        try await self.withHTTP1 { _, address in
            guard case .hostPort(_, let port) = address.kind else { return }
            let count = try await Task.detached {
                let socket = try PlainSocket(port: port)
                try socket.send(bytes("GET /large HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"))
                try await Task.sleep(for: .milliseconds(200))
                var count = 0
                while true {
                    let part = socket.receive()
                    if part.isEmpty { return count }
                    count += part.count
                }
            }.value
            #expect(count > 8 << 20)
        }
    }

    @Test func asksBeforeItSends() async throws {
        try await self.withHTTP1 { peer, _ in
            let head = "POST /p HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: "
            peer.send(bytes: bytes(head + "3\r\n\r\n"))
            try await eventually("go on") { self.received(peer) == "HTTP/1.1 100 Continue\r\n\r\n" }
            peer.send(bytes: bytes("abc"))
            try await eventually("answer") { self.received(peer).hasSuffix("POST /p abc") }
            peer.send(bytes: bytes(head + "9000000\r\n\r\n"))
            try await eventually("refused") { self.received(peer).components("HTTP/1.1 413") == 1 }
            try await eventually("closed") { peer.isClosed }
        }
    }

    @Test func hostIsRequired() async throws {
        try await self.withHTTP1 { peer, _ in
            peer.send(bytes: bytes("GET /health HTTP/1.1\r\n\r\n"))
            try await eventually("400") { self.received(peer).hasPrefix("HTTP/1.1 400") }
            try await eventually("closed") { peer.isClosed }
        }
    }

    /// Connections that have nothing to say do not hold up the end of a server.
    @Test func idleOnesCloseWithTheServer() async throws {
        try await withServer(GRPCRouter()) { server, address in
            let silent = try await RawPeer.connect(address)
            let idle = try await RawPeer.connect(address)
            idle.send(bytes: bytes("GET / HTTP/1.1\r\nhost: a\r\n\r\n"))
            try await eventually("404") { self.received(idle).hasPrefix("HTTP/1.1 404") }
            await server.drain(limit: .seconds(300))
            try await eventually("closed") { idle.isClosed && silent.isClosed }
        }
    }

    @Test func withoutAHandlerEverythingIs404() async throws {
        try await withServer(GRPCRouter()) { _, address in
            let peer = try await RawPeer.connect(address)
            peer.send(bytes: bytes("GET /health HTTP/1.1\r\nhost: a\r\n\r\n"))
            try await eventually("404") { self.received(peer).hasPrefix("HTTP/1.1 404") }
            peer.close()
        }
    }
}

extension String {
    /// How often `part` occurs.
    fileprivate func components(_ part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }

    fileprivate func position(of part: String) -> Int {
        self.firstRange(of: part).map { self.distance(from: self.startIndex, to: $0.lowerBound) } ?? -1
    }
}
