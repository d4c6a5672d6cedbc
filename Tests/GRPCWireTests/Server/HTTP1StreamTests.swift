// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletTestPrograms
import NIOCore
import NIOPosix
import Testing

/// Answers of HTTP/1.1 whose body comes in parts.
@Suite(.timeLimit(.minutes(30))) struct HTTP1StreamTests {
    private struct Failure: Error {}

    private func withStream(
        _ stream: @escaping HTTP1Response.Stream, _ body: (WireServer, WireAddress) async throws -> Void
    ) async throws {
        try await withServer(
            GRPCRouter(),
            configure: {
                $0.http1 = { request in
                    guard request.uri == "/stream" else { return HTTP1Response(status: 200, body: bytes("plain")) }
                    return HTTP1Response(status: 200, headers: [("x", "y")], body: bytes("first\n"), stream: stream)
                }
            }, body)
    }

    private func received(_ peer: RawPeer) -> String { String(decoding: peer.received, as: UTF8.self) }

    private static let request = bytes("GET /stream HTTP/1.1\r\nhost: a\r\n\r\n")

    @Test func partsAndThenTheNextRequest() async throws {
        let go = Signal()
        try await withStream({ writer in
            try await writer.write(bytes("second\n"))
            try await go.wait("the test")
            try await writer.write(bytes("third\n"))
        }) { _, address in
            let peer = try await RawPeer.connect(address)
            // The second request waits for the end of the first answer.
            peer.send(bytes: Self.request + bytes("GET /plain HTTP/1.1\r\nhost: a\r\n\r\n"))
            let head = "HTTP/1.1 200 OK\r\nx: y\r\ntransfer-encoding: chunked\r\n\r\n"
            let begun = head + "6\r\nfirst\n\r\n7\r\nsecond\n\r\n"
            try await eventually("two parts") { self.received(peer) == begun }
            go.fire()
            let plain = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nplain"
            try await eventually("the rest") {
                self.received(peer) == begun + "6\r\nthird\n\r\n0\r\n\r\n" + plain
            }
            peer.close()
        }
    }

    @Test func oldClientsHearTheEndByTheConnection() async throws {
        try await withStream({ try await $0.write(bytes("second\n")) }) { _, address in
            let peer = try await RawPeer.connect(address)
            peer.send(bytes: bytes("GET /stream HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"))
            try await eventually("closed") { peer.isClosed }
            #expect(self.received(peer).hasSuffix("\r\n\r\nfirst\nsecond\n"))
            #expect(!self.received(peer).contains("chunked"))
        }
    }

    @Test func headHasNoBody() async throws {
        let ended = Signal()
        try await withStream({ _ in
            defer { ended.fire() }
            try await Task.sleep(for: .seconds(600))
        }) { _, address in
            let peer = try await RawPeer.connect(address)
            peer.send(bytes: bytes("HEAD /stream HTTP/1.1\r\nhost: a\r\n\r\n"))
            try await ended.wait("the stream's end")
            peer.send(bytes: bytes("GET /plain HTTP/1.1\r\nhost: a\r\n\r\n"))
            try await eventually("the next answer") { self.received(peer).hasSuffix("plain") }
            #expect(!self.received(peer).contains("chunked"))
            peer.close()
        }
    }

    /// The client must not take a part for the whole.
    @Test func failureCutsTheBody() async throws {
        try await withStream({ writer in
            try await writer.write(bytes("second\n"))
            throw Failure()
        }) { _, address in
            let peer = try await RawPeer.connect(address)
            peer.send(bytes: Self.request)
            try await eventually("closed") { peer.isClosed }
            #expect(!self.received(peer).hasSuffix("0\r\n\r\n"))
        }
    }

    @Test func clientThatGoesAway() async throws {
        let begun = Signal()
        let ended = Signal()
        try await withStream({ _ in
            begun.fire()
            do {
                try await Task.sleep(for: .seconds(600))
            } catch {
                ended.fire()
                throw error
            }
        }) { _, address in
            let peer = try await RawPeer.connect(address)
            peer.send(bytes: Self.request)
            try await begun.wait("the stream")
            peer.close()
            try await ended.wait("the stream's end")
        }
    }

    @Test func writerWaitsForAReaderThatDoesNot() async throws {
        let parts = Counter()
        let ended = Signal()
        try await withStream({ writer in
            defer { ended.fire() }
            while true {
                try await writer.write([UInt8](repeating: 0x41, count: 64 << 10))
                parts.add()
            }
        }) { _, address in
            guard case .hostPort(_, let port) = address.kind else { return }
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(.autoRead, value: false)
                .channelInitializer { $0.eventLoop.makeSucceededVoidFuture() }
                .connect(host: "127.0.0.1", port: port).get()
            try await channel.writeAndFlush(ByteBuffer(bytes: Self.request))
            try await eventually("some parts") { parts.count > 4 }
            var before = -1
            try await eventually("no more of them") {
                let now = parts.count
                defer { before = now }
                try await Task.sleep(for: .milliseconds(200))
                return now == before
            }
            // The sockets' buffers hold some megabytes.
            #expect(before < 500)
            #expect(!ended.hasFired)
            try await channel.setOption(.autoRead, value: true).get()
            try await eventually("more") { parts.count > before + 10 }
            try await channel.close()
            try await ended.wait("the stream's end")
        }
    }

    @Test func serverThatStops() async throws {
        let begun = Signal()
        let ended = Signal()
        try await withStream({ writer in
            defer { ended.fire() }
            begun.fire()
            while true {
                try await writer.write(bytes("."))
                try await Task.sleep(for: .milliseconds(1))
            }
        }) { server, address in
            let peer = try await RawPeer.connect(address)
            peer.send(bytes: Self.request)
            try await begun.wait("the stream")
            await server.drain(limit: .seconds(300))
            try await ended.wait("the stream's end")
            try await eventually("closed") { peer.isClosed }
            #expect(!self.received(peer).hasSuffix("0\r\n\r\n"))
        }
    }

    /// The same over HTTP/2, where TLS lets a client choose: parts, a failure, and a client that goes away.
    @Test(.needsOpenSSL) func overHTTP2() async throws {
        let certificates = try await Certificates()
        let ended = Counter()
        try await withServer(
            GRPCRouter(),
            configure: {
                $0.tls = WireServerTLS(
                    certificateChainFile: certificates.certificate("server"),
                    privateKeyFile: certificates.key("server"))
                $0.http1 = { request in
                    HTTP1Response(status: 200, body: bytes("first\n")) { writer in
                        defer { ended.add() }
                        if request.uri == "/endless" {
                            while true { try await writer.write([UInt8](repeating: 0x41, count: 64 << 10)) }
                        }
                        try await writer.write(bytes("second\n"))
                        if request.uri == "/broken" { throw Failure() }
                    }
                }
            }
        ) { _, address in
            func curl(_ path: String, _ arguments: [String]) async throws -> String {
                try await output(
                    of: "curl",
                    ["-s", "--http2", "--cacert", certificates.certificate("ca"), "https://\(address)\(path)"]
                        + arguments)
            }
            #expect(try await curl("/whole", ["-w", "%{http_version} %{exitcode}"]) == "first\nsecond\n2 0")
            await #expect(throws: (any Error).self) { try await curl("/broken", []) }
            await #expect(throws: (any Error).self) {
                try await curl("/endless", ["-m", "1", "--limit-rate", "1k", "-o", "/dev/null"])
            }
            try await eventually("the ends of three streams") { ended.count == 3 }
        }
    }
}
