// SPDX-License-Identifier: Apache-2.0

package import Logging
import MartletHTTP2Session
package import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A gRPC client of one target.
///
/// Calls share one connection; another is made only when the first is at the server's stream limit. Connecting begins
/// with the first call and again, after a jittered back-off, with the first call after a failure.
package final class WireClient: Sendable {
    package let target: WireAddress
    let configuration: WireClientConfiguration
    let group: any EventLoopGroup
    let loops: LoopExecutors
    let tls: NIOSSLContext?
    let logger: Logger
    let state: Mutex<ClientState>
    private let headStart: HeaderBlock
    private let headEnd: HeaderBlock

    /// - Throws: when the TLS files cannot be used.
    package init(
        _ target: WireAddress, configuration: WireClientConfiguration = WireClientConfiguration(),
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, logger: Logger
    ) throws {
        self.target = target
        self.configuration = configuration
        self.group = eventLoopGroup
        self.loops = LoopExecutors(group: eventLoopGroup, logger: logger)
        self.tls = try configuration.tls?.makeContext()
        self.logger = logger
        self.state = Mutex(ClientState(maximumConnections: configuration.maximumConnections))
        self.headStart = [
            ":method": "POST", ":scheme": configuration.tls == nil ? "http" : "https",
            ":authority": configuration.authority ?? target.authority,
        ]
        self.headEnd = [
            "te": "trailers", "user-agent": configuration.userAgent, "grpc-accept-encoding": "gzip",
        ]
    }

    package var connectivity: ConnectivityState { self.state.withLock { $0.connectivity } }

    // MARK: Calls

    /// Sends one message and returns the one that answers it.
    ///
    /// - Throws: ``GRPCStatus``; cancelling the calling task resets the stream and throws status 1.
    package func unary(
        _ path: String, _ message: [UInt8], options: WireCallOptions = WireCallOptions()
    ) async throws -> WireReply {
        let deadline = options.resolvedDeadline
        if let reply = try await self.inProcessUnary(path, message, options, deadline: deadline) { return reply }
        let connection = try await self.connection(deadline: deadline, waitForReady: options.waitForReady)
        let handle = CallHandle()
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let call = self.makeCall(path, options, deadline, sink: .unary(message, continuation))
                connection.loop.perform {
                    handle.start(call, on: connection)
                }
            }
        } onCancel: {
            connection.loop.perform { handle.cancel(on: connection) }
        }
    }

    /// Opens a call that streams. Whoever opened it reads it to its end or calls `cancel()`.
    package func openStream(
        _ path: String, options: WireCallOptions = WireCallOptions()
    ) async throws -> ClientStream {
        let deadline = options.resolvedDeadline
        let connection = try await self.connection(deadline: deadline, waitForReady: options.waitForReady)
        let (stream, call) = self.makeStream(path, options, deadline, on: connection)
        // Started before it is handed out: nothing the caller does can overtake its start.
        await withUnsafeContinuation { (started: UnsafeContinuation<Void, Never>) in
            connection.loop.perform {
                connection.start(call)
                started.resume()
            }
        }
        return stream
    }

    /// A call that streams, not yet started.
    func makeStream(
        _ path: String, _ options: WireCallOptions, _ deadline: NIODeadline?, on connection: ClientConnection
    ) -> (ClientStream, ClientCall) {
        let inbox = ClientStream.Inbox()
        let call = self.makeCall(path, options, deadline, sink: .stream(inbox))
        inbox.messages.setOnTake { [weak call] bytes in
            connection.loop.perform {
                guard let call, call.connection != nil else { return }
                connection.readerTook(call, bytes: bytes)
            }
        }
        return (ClientStream(call: call, inbox: inbox, loop: connection.loop), call)
    }

    /// A call, not yet started.
    func makeCall(
        _ path: String, _ options: WireCallOptions, _ deadline: NIODeadline?, sink: ClientCall.Sink
    ) -> ClientCall {
        ClientCall(
            request: self.request(path, options, deadline), deadline: deadline, compresses: options.compress,
            maximumMessageBytes: options.maximumMessageBytes ?? self.configuration.maximumMessageBytes,
            maximumSentMessageBytes: self.configuration.maximumSentMessageBytes, sink: sink)
    }

    /// Runs `body` with an open call. Leaving it resets the call's stream if it has not ended.
    package func withStream<Result>(
        _ path: String, options: WireCallOptions = WireCallOptions(), _ body: (ClientStream) async throws -> Result
    ) async throws -> Result {
        let stream = try await self.openStream(path, options: options)
        defer { stream.cancel() }
        return try await withTaskCancellationHandler {
            try await body(stream)
        } onCancel: {
            stream.cancel()
        }
    }

    private func request(_ path: String, _ options: WireCallOptions, _ deadline: NIODeadline?) -> HeaderBlock {
        var block = self.headStart
        block.append(":path", path)
        block.append("content-type", ContentType.value(subtype: options.contentSubtype))
        block.append(contentsOf: self.headEnd)
        if let deadline {
            block.append("grpc-timeout", CallTimeout.formatGRPC(deadline - .now()))
        }
        if options.compress { block.append("grpc-encoding", "gzip") }
        block.append(contentsOf: options.metadata)
        return block
    }

    /// Opens no more calls; those under way end as they will. Waits for them up to a second, then closes.
    package func close() async {
        let (connections, waiters) = self.state.withLock { $0.shutDown() }
        for waiter in waiters { waiter.fail(GRPCStatus(.cancelled, "grpc: the client connection is closing")) }
        for connection in connections { connection.loop.perform { connection.drain() } }
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: .seconds(1))
        while self.state.withLock({ !$0.connections.isEmpty }), clock.now < end, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(1))
        }
        for connection in connections {
            connection.loop.perform {
                connection.wire.close(GRPCStatus(.cancelled, "grpc: the client connection is closing"))
            }
        }
    }
}

/// Joins a unary call and its cancellation, which may come first.
///
/// `@unchecked Sendable`: touched only on the connection's loop.
private final class CallHandle: @unchecked Sendable {
    private var call: ClientCall?
    private var isCancelled = false

    func start(_ call: ClientCall, on connection: ClientConnection) {
        self.call = call
        call.isCancelled = self.isCancelled
        connection.start(call)
    }

    func cancel(on connection: ClientConnection) {
        self.isCancelled = true
        if let call = self.call { connection.cancel(call) }
    }
}
