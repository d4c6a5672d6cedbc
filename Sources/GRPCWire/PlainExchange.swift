// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session

/// A plain HTTP request that came over HTTP/2, as curl and browsers send them where TLS lets them choose.
///
/// `@unchecked Sendable`: touched only on the connection's event loop, but for `request`, which is handed over whole.
final class PlainExchange: HTTP1BodySink, @unchecked Sendable {
    let stream: Int32
    let loop: LoopExecutor
    /// Nil once the stream has closed.
    weak var connection: ServerConnection?
    let executor: EndpointExecutor
    var request: HTTP1Request
    var isTooLarge = false
    var task: Task<Void, Never>?
    /// An answer that has begun and goes on.
    var streamed: OutboundBody?
    /// Whoever streams and waits for room.
    var writers = WaitingWriters()

    init(stream: Int32, request: HTTP1Request, connection: ServerConnection) {
        self.stream = stream
        self.request = request
        self.connection = connection
        self.loop = connection.loop
        self.executor = EndpointExecutor(name: "plain HTTP/2", loop: connection.loop)
    }

    func write(_ bytes: [UInt8], _ room: Awaited<Void>) {
        guard let connection = self.connection, let body = self.streamed else {
            return room.finish(.failure(CancellationError()))
        }
        body.append(bytes)
        connection.wire.session.resume(body)
        connection.wire.markDirty()
        guard body.queuedBytes > ServerCall.outboundHighWater else { return room.finish(.success(())) }
        self.writers.append(room)
        connection.throttledPlain.append(self)
    }
}

extension ServerConnection {
    /// Takes on a request that is no call.
    ///
    /// - Returns: Whether it did. Without TLS nobody asks in this way but by mistake: HTTP/1.1 comes first there.
    func beginPlain(_ stream: Int32, _ block: HeaderBlock) -> Bool {
        guard self.settings.tls != nil, self.settings.http1 != nil else { return false }
        var request = HTTP1Request(method: "", uri: "", peer: self.peer)
        block.forEach { name, value in
            switch name {
            case ":method": request.method = value
            case ":path": request.uri = value
            case ":authority": request.headers.append(("host", value))
            default: if !name.hasPrefix(":") { request.headers.append((name, value)) }
            }
        }
        self.plain.insert(PlainExchange(stream: stream, request: request, connection: self), for: stream)
        self.wire.keepalive.hasOpenStreams = true
        return true
    }

    func receivedPlain(_ exchange: PlainExchange, _ bytes: UnsafeRawBufferPointer) {
        // Its size is bounded, and that of all unfinished ones together.
        self.wire.session.consume(stream: exchange.stream, bytes: bytes.count)
        self.wire.markDirty()
        guard !exchange.isTooLarge, exchange.task == nil else { return }
        guard exchange.request.body.count + bytes.count <= self.settings.maximumHTTP1BodyBytes,
            self.assemblingBytes + bytes.count <= Self.maximumAssemblingBytes
        else {
            exchange.isTooLarge = true
            return self.dropBody(exchange)
        }
        exchange.request.body.append(contentsOf: bytes)
        self.assemblingBytes += bytes.count
    }

    func plainEnded(_ exchange: PlainExchange) {
        guard exchange.task == nil, let answer = self.settings.http1 else { return }
        let request = exchange.request
        self.dropBody(exchange)
        guard !exchange.isTooLarge else { return self.respond(exchange, HTTP1Response(status: 413)) }
        exchange.task = Task(executorPreference: exchange.executor) {
            let response = await answer(request)
            self.loop.perform { self.respond(exchange, response) }
            guard let stream = response.stream else { return }
            do {
                try await stream(HTTP1BodyWriter(sink: exchange))
                self.loop.perform { self.finishStream(exchange, isWhole: true) }
            } catch {
                self.loop.perform { self.finishStream(exchange, isWhole: false) }
            }
        }
    }

    private func finishStream(_ exchange: PlainExchange, isWhole: Bool) {
        guard self.plain[exchange.stream] === exchange, let body = exchange.streamed else { return }
        exchange.streamed = nil
        if isWhole {
            body.end(trailers: nil)
            self.wire.session.resume(body)
        } else {
            // So that nobody takes a part for the whole.
            self.wire.session.reset(exchange.stream, .internalError)
        }
        self.wire.markDirty()
    }

    /// The socket has taken something.
    func wakePlain() {
        guard !self.throttledPlain.isEmpty else { return }
        let waiting = self.throttledPlain
        self.throttledPlain = []
        for exchange in waiting {
            if let body = exchange.streamed, body.queuedBytes > ServerCall.outboundLowWater {
                self.throttledPlain.append(exchange)
            } else {
                exchange.writers.finish(.success(()))
            }
        }
    }

    private func dropBody(_ exchange: PlainExchange) {
        self.assemblingBytes -= exchange.request.body.count
        exchange.request.body = []
    }

    private func respond(_ exchange: PlainExchange, _ response: HTTP1Response) {
        // The client may have gone meanwhile.
        guard self.plain[exchange.stream] === exchange else { return }
        let isHead = exchange.request.method == "HEAD"
        var block: HeaderBlock = [":status": String(response.status)]
        for (name, value) in response.headers where !Self.ofOneConnection.contains(name.lowercased()) {
            block.append(name, value)
        }
        var body: OutboundBody?
        if response.stream != nil, !isHead {
            let beginning = OutboundBody(streamID: exchange.stream, counter: self.wire.counter)
            if !response.body.isEmpty { beginning.append(response.body) }
            exchange.streamed = beginning
            body = beginning
        } else {
            // A stream that nobody wants to see need not wait for anything.
            if response.stream != nil { exchange.task?.cancel() }
            block.append("content-length", String(response.body.count))
            // The answer to HEAD says how long the body would be, and has none.
            if !response.body.isEmpty, !isHead {
                let whole = OutboundBody(streamID: exchange.stream, counter: self.wire.counter)
                whole.append(response.body)
                whole.end(trailers: nil)
                body = whole
            }
        }
        self.wire.session.respond(exchange.stream, block, body: body)
        self.wire.markDirty()
    }

    /// HTTP/2 has no place for these. Source: RFC 9113 §8.2.2.
    private static let ofOneConnection: Set<String> = [
        "connection", "content-length", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade",
    ]

    /// The stream has closed, or the whole connection.
    func endPlain(_ exchange: PlainExchange) {
        exchange.connection = nil
        exchange.streamed = nil
        exchange.task?.cancel()
        exchange.writers.finish(.failure(CancellationError()))
        self.dropBody(exchange)
    }
}
