// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletHTTP2Session
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// One end of a connection that sends what a test tells it to, right or wrong.
///
/// It acknowledges SETTINGS by itself and, unless told otherwise, PINGs.
final class RawPeer: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private struct State {
        var reader = RawFrameReader()
        var frames: [RawFrame] = []
        /// Frames that `next` has handed out or passed over.
        var taken = 0
        var bytesReceived: [UInt8] = []
        var isClosed = false
        /// A server's peer starts with the preface.
        var prefaceBytesLeft = 0
        var answersPings = true
        /// A server's first frame must be its SETTINGS: until the test has sent them, acknowledgements wait here.
        var isSilent = false
        var heldAnswers: [UInt8] = []
        /// Decodes response headers: it has opened the same streams. Touched under the lock only.
        var decoder: Decoder?
    }

    /// `@unchecked Sendable`: a session may be used by any thread, one at a time; it lives behind a lock.
    fileprivate final class Decoder: @unchecked Sendable {
        let session = HTTP2Session(role: .client, settings: HTTP2Settings())
        let counter = QueuedByteCounter()
        var headers: [(stream: Int32, block: HeaderBlock)] = []
    }

    private let state: Mutex<State>
    private let channelBox = Mutex<(any Channel)?>(nil)

    init(isServer: Bool = false, decodes: Bool = false) {
        self.state = Mutex(State())
        self.state.withLock {
            $0.prefaceBytesLeft = isServer ? Self.preface.count : 0
            $0.isSilent = isServer
            if decodes { $0.decoder = Decoder() }
        }
    }

    // MARK: Connecting

    static func connect(_ address: WireAddress) async throws -> RawPeer {
        let peer = RawPeer(decodes: true)
        guard case .hostPort(let host, let port) = address.kind else {
            throw GRPCStatus(.invalidArgument, "a raw peer connects by TCP")
        }
        _ = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(peer) }
            }
            .connect(host: host, port: port).get()
        return peer
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        self.channelBox.withLock { $0 = channel }
    }

    var channel: any Channel {
        // Set when the channel was initialised, before anybody holds this peer.
        self.channelBox.withLock { $0! }
    }

    func close() { self.channel.close(promise: nil) }

    // MARK: Sending

    func send(_ frames: RawFrame...) { self.send(bytes: frames.flatMap(\.bytes)) }

    func send(bytes: [UInt8]) {
        let channel = self.channel
        // On the loop, so that no acknowledgement overtakes what is sent.
        channel.eventLoop.execute {
            let held = self.state.withLock { state in
                state.isSilent = false
                defer { state.heldAnswers = [] }
                return state.heldAnswers
            }
            channel.writeAndFlush(ByteBuffer(bytes: bytes + held), promise: nil)
        }
    }

    /// Preface and SETTINGS of a client.
    func startClient(_ settings: [UInt16: UInt32] = [:]) async throws {
        self.send(bytes: Self.preface + RawFrame.settings(settings).bytes)
        _ = try await self.next(.settings)
    }

    static func requestHead(path: String, _ extra: [(String, String)] = []) -> [(String, String)] {
        [
            (":method", "POST"), (":scheme", "http"), (":authority", "test"), (":path", path), ("te", "trailers"),
            ("content-type", "application/grpc"),
        ] + extra
    }

    /// Opens a stream; its answer can be decoded by ``response(_:)``. Streams must be opened in order.
    func open(_ stream: Int32, _ head: [(String, String)], endStream: Bool = false) {
        self.state.withLock { state in
            guard let decoder = state.decoder else { return }
            var block = HeaderBlock()
            for (name, value) in head { block.append(name, value) }
            let id = decoder.session.request(block) { OutboundBody(streamID: $0, counter: decoder.counter) }
            #expect(id == stream)
            while (try? decoder.session.nextOutbound()) != nil {}
        }
        self.send(.headers(stream, head, endStream: endStream))
    }

    /// A gRPC request with one message.
    func call(_ stream: Int32, _ path: String, _ message: [UInt8] = []) {
        self.open(stream, Self.requestHead(path: path))
        self.send(.data(stream, MessageAssemblerTests.frame(message), endStream: true))
    }

    // MARK: Receiving

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = Array(self.unwrapInboundIn(data).readableBytesView)
        let answers = self.state.withLock { state -> [UInt8] in
            state.bytesReceived += bytes.prefix(max(0, (1 << 20) - state.bytesReceived.count))
            let skipped = min(state.prefaceBytesLeft, bytes.count)
            state.prefaceBytesLeft -= skipped
            bytes.removeFirst(skipped)
            let frames = state.reader.feed(bytes)
            // The test decides what follows a GOAWAY, not the session that decodes headers for it.
            for frame in frames where frame.kind != .goAway { state.decoder?.read(frame.bytes) }
            state.frames += frames
            let answers = frames.flatMap { frame -> [UInt8] in
                guard frame.flags & RawFrame.acknowledgement == 0 else { return [] }
                var answer = frame
                answer.flags = RawFrame.acknowledgement
                switch frame.kind {
                case .settings:
                    answer.payload = []
                    return answer.bytes
                case .ping: return state.answersPings ? answer.bytes : []
                default: return []
                }
            }
            guard state.isSilent else { return answers }
            state.heldAnswers += answers
            return []
        }
        if !answers.isEmpty { context.writeAndFlush(NIOAny(ByteBuffer(bytes: answers)), promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.state.withLock { $0.isClosed = true }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    var isClosed: Bool { self.state.withLock { $0.isClosed } }
    var answersPings: Bool {
        get { self.state.withLock { $0.answersPings } }
        set { self.state.withLock { $0.answersPings = newValue } }
    }
    /// Everything that came, up to a mebibyte.
    var received: [UInt8] { self.state.withLock { $0.bytesReceived } }

    func count(of kind: RawFrame.Kind) -> Int {
        self.state.withLock { $0.frames.count { $0.kind == kind } }
    }

    /// The next frame of `kind`, passing over others.
    func next(_ kind: RawFrame.Kind, sourceLocation: SourceLocation = #_sourceLocation) async throws -> RawFrame {
        var found: RawFrame?
        try await eventually("\(kind) frame", sourceLocation: sourceLocation) {
            found = self.state.withLock { state -> RawFrame? in
                while state.taken < state.frames.count {
                    state.taken += 1
                    if state.frames[state.taken - 1].kind == kind { return state.frames[state.taken - 1] }
                }
                return nil
            }
            return found != nil || self.isClosed
        }
        return try #require(found, "the connection closed before a \(kind) frame", sourceLocation: sourceLocation)
    }

    /// The next header block on `stream`.
    func response(
        _ stream: Int32, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> HeaderBlock {
        var found: HeaderBlock?
        try await eventually("headers on stream \(stream)", sourceLocation: sourceLocation) {
            found = self.state.withLock { state in
                guard let decoder = state.decoder,
                    let index = decoder.headers.firstIndex(where: { $0.stream == stream })
                else { return nil }
                return decoder.headers.remove(at: index).block
            }
            return found != nil || self.isClosed
        }
        return try #require(found, "no headers on stream \(stream)", sourceLocation: sourceLocation)
    }
}

extension RawPeer.Decoder {
    fileprivate func read(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { input in
            try? self.session.receive(input)
            for case .headers(let stream, let block, _, _, _) in self.session.takeEvents() {
                self.headers.append((stream, block))
            }
            while (try? self.session.nextOutbound()) != nil {}
        }
    }
}

/// Accepts connections for a test that plays the server.
final class RawServer: Sendable {
    private let listener: any Channel
    private let accepted: AcceptedPeers

    private final class AcceptedPeers: Sendable {
        let peers = Mutex<[RawPeer]>([])
    }

    private init(listener: any Channel, accepted: AcceptedPeers) {
        self.listener = listener
        self.accepted = accepted
    }

    static func listen() async throws -> RawServer {
        let accepted = AcceptedPeers()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let peer = RawPeer(isServer: true)
                    try channel.pipeline.syncOperations.addHandler(peer)
                    accepted.peers.withLock { $0.append(peer) }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return RawServer(listener: listener, accepted: accepted)
    }

    var address: WireAddress { .hostPort("127.0.0.1", self.listener.localAddress?.port ?? 0) }
    var connectionCount: Int { self.accepted.peers.withLock { $0.count } }

    /// The connection number `index`, when it has come.
    func peer(_ index: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws -> RawPeer {
        try await eventually("connection \(index)", sourceLocation: sourceLocation) { self.connectionCount > index }
        return try #require(self.accepted.peers.withLock { $0.count > index ? $0[index] : nil })
    }

    func close() async {
        try? await self.listener.close()
        for peer in self.accepted.peers.withLock({ $0 }) { peer.close() }
    }

    static let responseHead = [(":status", "200"), ("content-type", "application/grpc")]
}
