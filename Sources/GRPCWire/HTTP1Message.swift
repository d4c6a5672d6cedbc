// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// Answers one HTTP/1.1 request, whole, on the event loop of its connection.
///
/// It may take its time: its task is cancelled when the client goes away.
package typealias HTTP1Handler = @Sendable (HTTP1Request) async -> HTTP1Response

package struct HTTP1Request: Sendable {
    package var method: String
    package var uri: String
    package var headers: [(String, String)]
    package var body: [UInt8]
    /// Where it comes from; `nil` where that isn't known.
    package var peer: SocketAddress?

    package init(
        method: String, uri: String, headers: [(String, String)] = [], body: [UInt8] = [], peer: SocketAddress? = nil
    ) {
        self.method = method
        self.uri = uri
        self.headers = headers
        self.body = body
        self.peer = peer
    }

    /// The value of the first header of a name, in whatever case.
    package func header(_ name: String) -> String? {
        self.headers.first { $0.0.lowercased() == name.lowercased() }?.1
    }
}

package struct HTTP1Response: Sendable {
    /// Makes what follows the beginning of a body, for as long as that lasts.
    ///
    /// It runs in the task of the handler, always and once, also when the client has gone by then: its first write
    /// throws in that case. When it throws, the connection closes without an end of the body.
    package typealias Stream = @Sendable (HTTP1BodyWriter) async throws -> Void

    package var status: Int
    package var headers: [(String, String)]
    /// The whole body; its beginning where there is a ``stream``.
    package var body: [UInt8]
    /// With it the body goes in chunks, or to an HTTP/1.0 client until the connection closes; without it, the body's
    /// length is announced.
    package var stream: Stream?

    package init(
        status: Int, headers: [(String, String)] = [], body: [UInt8] = [], stream: Stream? = nil
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.stream = stream
    }
}

/// Where the parts of a streamed body go: a connection of HTTP/1.1, or a stream of HTTP/2.
protocol HTTP1BodySink: AnyObject, Sendable {
    var loop: LoopExecutor { get }
    /// Sends a part; `room` is told when the next one may come, or that none will be sent any more. On the loop.
    func write(_ bytes: [UInt8], _ room: Awaited<Void>)
}

/// Sends the parts of one streamed body, in order.
package struct HTTP1BodyWriter: Sendable {
    let sink: any HTTP1BodySink

    /// Sends `bytes`; waits while the connection holds more than it should.
    ///
    /// - Throws: `CancellationError` when the client has gone, or the server stops.
    package func write(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        let room = Awaited<Void>()
        self.sink.loop.perform { self.sink.write(bytes, room) }
        try await room.value()
    }
}
