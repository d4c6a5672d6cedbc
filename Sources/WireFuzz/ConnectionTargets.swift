// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletGRPCWire
import MartletHTTP2Session
import NIOCore
import NIOEmbedded

/// A server's pipeline: protocol sniffer, HTTP/2 or HTTP/1.1, calls, handlers.
final class ServerTarget {
    private let loop = EmbeddedEventLoop()
    private let server: WireServer

    init() {
        var router = GRPCRouter()
        router.add("/F/Echo", .unaryEvent(subtypes: .any) { $0.respond($1) })
        router.add(
            "/F/Fail",
            .unaryEvent { call, message in
                call.trailers = ["x": "y"]
                call.finish(GRPCStatus(.aborted, String(decoding: message, as: UTF8.self)))
            })
        router.add("/F/Stream", .streamEvent { EchoEvents($0) })
        router.add("/F/Task", .unary { $1 })
        router.add(
            "/F/Tasks",
            .stream { _, reader, writer in
                while let message = try await reader.next() { try await writer.write(message) }
            })
        var configuration = WireServerConfiguration()
        configuration.maximumMessageBytes = ParserTargets.maximumBytes
        configuration.maximumHeaderListBytes = 4_096
        configuration.maximumConcurrentStreams = 16
        // No TLS files: nothing can fail.
        self.server = try! WireServer(
            router: router, configuration: configuration, eventLoopGroup: self.loop, logger: silentLogger)
    }

    func run(_ pieces: [ArraySlice<UInt8>]) {
        let channel = EmbeddedChannel(loop: self.loop)
        try! self.server.serve(channel)
        drive(channel, pieces)
        precondition(self.server.connectionCount == 0, "a closed connection is still counted")
    }
}

private final class EchoEvents: ServerCallEvents {
    private let call: ServerCall
    private var isClosed = false

    init(_ call: ServerCall) { self.call = call }

    func received(_ message: [UInt8]) {
        precondition(!self.isClosed)
        self.call.send(message)
    }

    func receivedEnd() {
        precondition(!self.isClosed)
        self.call.finish()
    }

    func becameWritable() { precondition(!self.isClosed) }

    func closed() {
        precondition(!self.isClosed, "closed twice")
        self.isClosed = true
    }
}

/// A client's connection with a few open calls.
final class ClientTarget {
    static let calls = 4
    private let loop = EmbeddedEventLoop()
    private let client: WireClient

    init() {
        var configuration = WireClientConfiguration()
        configuration.maximumMessageBytes = ParserTargets.maximumBytes
        // No TLS files: nothing can fail.
        self.client = try! WireClient(
            .hostPort("test", 1), configuration: configuration, eventLoopGroup: self.loop, logger: silentLogger)
    }

    func run(_ pieces: [ArraySlice<UInt8>]) {
        let channel = EmbeddedChannel(loop: self.loop)
        let streams = try! self.client.openStreams(
            Array(repeating: "/F/Stream", count: Self.calls), on: channel)
        streams[0].finishWriting()
        drive(channel, pieces)
        precondition(streams.allSatisfy { $0.isOver }, "a call outlived its connection")
    }
}

private let silentLogger = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }

/// Connects `channel`, feeds it, and closes it.
private func drive(_ channel: EmbeddedChannel, _ pieces: [ArraySlice<UInt8>]) {
    let loop = channel.embeddedEventLoop
    // An embedded channel takes any address.
    channel.connect(to: try! SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    loop.run()
    for piece in pieces where channel.isActive {
        var buffer = channel.allocator.buffer(capacity: piece.count)
        buffer.writeBytes(piece)
        // Errors of handlers are part of the game; whatever state they leave is closed below.
        _ = try? channel.writeInbound(buffer)
        loop.run()
        while let _ = try? channel.readOutbound(as: ByteBuffer.self) {}
    }
    channel.close(promise: nil)
    loop.run()
    _ = try? channel.finish(acceptAlreadyClosed: true)
    loop.run()
}
