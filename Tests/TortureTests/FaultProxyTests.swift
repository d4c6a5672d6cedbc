// SPDX-License-Identifier: Apache-2.0

import MartletTorture
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// The network of the torture does to bytes what it says, and nothing else.
@Suite(.serialized, .timeLimit(.minutes(30))) struct FaultProxyTests {
    /// Takes what comes.
    private final class Sink: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        let taken: Mutex<String> = Mutex("")
        let isClosed = Mutex(false)

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let text = String(buffer: unwrapInboundIn(data))
            taken.withLock { $0 += text }
        }

        func channelInactive(context: ChannelHandlerContext) { isClosed.withLock { $0 = true } }

        func has(_ text: String) async throws -> Bool {
            for _ in 0..<30_000 where taken.withLock({ $0 }) != text { try await Task.sleep(for: .milliseconds(10)) }
            return taken.withLock { $0 } == text
        }

        func isGone() async throws -> Bool {
            for _ in 0..<30_000 where !isClosed.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(10)) }
            return isClosed.withLock { $0 }
        }
    }

    private struct Line: Sendable {
        var left: Sink
        var right: Sink
        var caller: any Channel
        var answering: any Channel

        func say(_ text: String) async throws { try await caller.writeAndFlush(ByteBuffer(string: text)) }
        func answer(_ text: String) async throws { try await answering.writeAndFlush(ByteBuffer(string: text)) }
    }

    /// From `a`, through a proxy, to `b`.
    private static func withLine(_ wires: FaultWires, _ body: (Line) async throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let (left, right) = (Sink(), Sink())
        let (accepted, sink) = AsyncStream.makeStream(of: (any Channel).self)
        let listener = try await ServerBootstrap(group: group).childChannelInitializer { channel in
            sink.yield(channel)
            return channel.pipeline.addHandler(right)
        }.bind(host: "127.0.0.1", port: 0).get()
        let upstream = listener.localAddress?.port ?? 0
        let proxy = try await FaultProxy.start(to: "b", upstreamPort: upstream, wires: wires, group: group) {
            $2.makeSucceededFuture("a")
        }
        let caller = try await ClientBootstrap(group: group).channelInitializer { $0.pipeline.addHandler(left) }
            .connect(host: "127.0.0.1", port: proxy.port).get()
        guard let answering = await accepted.first(where: { _ in true }) else { throw CancellationError() }
        try await body(Line(left: left, right: right, caller: caller, answering: answering))
        try? await caller.close()
        await proxy.close()
        try await listener.close()
    }

    @Test func bytesPassBothWays() async throws {
        try await Self.withLine(FaultWires()) { line in
            try await line.say("here")
            try await line.answer("there")
            #expect(try await line.right.has("here"))
            #expect(try await line.left.has("there"))
            try await line.caller.close()
            #expect(try await line.right.isGone())
        }
    }

    @Test func aStalledWireKeepsWhatWasSaid() async throws {
        let wires = FaultWires()
        try await Self.withLine(wires) { line in
            wires.set([.init(from: "a", to: "b"): .stall])
            try await line.say("one ")
            try await line.answer("back")
            // The other direction passes.
            #expect(try await line.left.has("back"))
            try await line.say("two")
            try await Task.sleep(for: .milliseconds(100))
            #expect(line.right.taken.withLock { $0 } == "")
            wires.heal()
            #expect(try await line.right.has("one two"))
        }
    }

    @Test func aSlowWireKeepsTheOrder() async throws {
        let wires = FaultWires()
        try await Self.withLine(wires) { line in
            wires.set([.init(from: "a", to: "b"): .slow(delay: .milliseconds(150), bytesPerSecond: 1_000_000)])
            let start = ContinuousClock.now
            try await line.say("one ")
            try await Task.sleep(for: .milliseconds(20))
            wires.heal()
            try await line.say("two")
            #expect(try await line.right.has("one two"))
            #expect(ContinuousClock.now - start >= .milliseconds(150))
        }
    }

    @Test func aCutWireBreaksConnections() async throws {
        let wires = FaultWires()
        try await Self.withLine(wires) { line in
            wires.set([.init(from: "a", to: "b"): .cut])
            // The connection may be gone before it is told anything.
            try? await line.say("one")
            let ends = (try await line.left.isGone(), try await line.right.isGone())
            #expect(ends == (true, true))
            #expect(line.right.taken.withLock { $0 } == "")
        }
    }

    /// The system's tables name the process that has opened a connection: this one.
    @Test(.enabled(if: isLinux, "the table of sockets is Linux's")) func originsAreFound() async throws {
        let origins = ConnectionOrigins()
        origins.note("this", process: Int32(ProcessID.own))
        try await Self.withLine(FaultWires()) { line in
            let ports = (line.caller.localAddress?.port ?? 0, line.caller.remoteAddress?.port ?? 0)
            let loop = line.caller.eventLoop
            // Several at once, who share a reading.
            async let known = origins.name(ofPort: ports.0, toPort: ports.1, on: loop).get()
            async let unknown = origins.name(ofPort: ports.0, toPort: 1, on: loop).get()
            async let same = origins.name(ofPort: ports.0, toPort: ports.1, on: loop).get()
            let names = try await [known, unknown, same]
            #expect(names == ["this", nil, "this"])
        }
    }
}

private let isLinux: Bool = {
    #if os(Linux)
    true
    #else
    false
    #endif
}()
