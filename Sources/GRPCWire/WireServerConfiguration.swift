// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletHTTP2Session
import NIOCore
import Synchronization

/// How a ``WireServer`` behaves.
package struct WireServerConfiguration: Sendable {
    /// The largest message a client may send, decompressed. grpc-go's default.
    package var maximumMessageBytes = 4 << 20
    /// The largest message a handler may send. grpc-go's is without a limit; this one keeps the length in its header.
    package var maximumSentMessageBytes = Int(Int32.max)
    /// Calls one connection may have open.
    package var maximumConcurrentStreams = 1 << 16
    /// Size of a request's headers as HTTP/2 counts it.
    package var maximumHeaderListBytes = 64 << 10
    /// Connections that may wait to be accepted.
    package var backlog = 4_096
    /// Lets other sockets listen on the same port; the kernel deals connections out.
    package var reusesPort = false
    package var keepalive = KeepaliveConfiguration.serverDefaults
    package var tls: WireServerTLS?
    /// Answers HTTP/1.1 requests on the same port; without it they get 404.
    package var http1: HTTP1Handler?
    /// Count calls; each loop of the server must have its own among them.
    package var meters: CallMeters?
    /// Answers unary calls of this process that come by a name; without it they come through a pipe, as all others do.
    package var inProcessCalls: (any InProcessCalls)?

    package init() {}
}

/// What all connections of a server share.
final class ServerSettings: Sendable {
    let router: GRPCRouter
    let http2: HTTP2Settings
    let maximumMessageBytes: Int
    let maximumSentMessageBytes: Int
    let maximumHTTP1BodyBytes: Int
    let keepalive: KeepaliveConfiguration
    let http1: HTTP1Handler?
    let tls: WireServerTLS?
    let meters: CallMeters?
    let logger: Logger
    let connections = ConnectionTable()

    init(router: GRPCRouter, configuration: WireServerConfiguration, logger: Logger) {
        self.router = router
        self.tls = configuration.tls
        self.meters = configuration.meters
        self.logger = logger
        var http2 = HTTP2Settings()
        http2.maximumConcurrentStreams = UInt32(clamping: configuration.maximumConcurrentStreams)
        http2.maximumHeaderListBytes = configuration.maximumHeaderListBytes
        self.http2 = http2
        self.maximumMessageBytes = configuration.maximumMessageBytes
        self.maximumSentMessageBytes = configuration.maximumSentMessageBytes
        // A message as JSON: bytes in base64 are a third longer, names and white space come on top.
        self.maximumHTTP1BodyBytes = 2 * configuration.maximumMessageBytes
        self.keepalive = configuration.keepalive
        self.http1 = configuration.http1
    }
}

/// The open connections of a server: HTTP/2 ones, and the channels of all kinds.
final class ConnectionTable: Sendable {
    private struct State {
        var connections: [ObjectIdentifier: ServerConnection] = [:]
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isClosed = false
    }

    private let state = Mutex(State())

    /// Returns `false` when the server is draining: the connection should not stay.
    func add(_ connection: ServerConnection) -> Bool {
        self.state.withLock {
            $0.connections[ObjectIdentifier(connection)] = connection
            return !$0.isClosed
        }
    }

    func remove(_ connection: ServerConnection) {
        self.state.withLock { _ = $0.connections.removeValue(forKey: ObjectIdentifier(connection)) }
    }

    func add(_ channel: any Channel) {
        self.state.withLock { $0.channels[ObjectIdentifier(channel)] = channel }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { _ = $0.channels.removeValue(forKey: ObjectIdentifier(channel)) }
        }
    }

    func close() {
        self.state.withLock { $0.isClosed = true }
    }

    var connections: [ServerConnection] { self.state.withLock { Array($0.connections.values) } }
    var channels: [any Channel] { self.state.withLock { Array($0.channels.values) } }
}
