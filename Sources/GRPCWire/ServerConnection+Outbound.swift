// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session

/// Responses: headers, messages, status.
extension ServerConnection {
    /// A unary answer and status 0.
    func respond(_ call: ServerCall, _ message: [UInt8]) {
        guard case .idle = call.outbound else { return }
        guard message.count <= self.settings.maximumSentMessageBytes else {
            return self.finish(call, self.tooLarge(message.count))
        }
        let shared = call.takeShared()
        if let refusal = shared?.refusal { return self.finish(call, refusal) }
        let body = self.makeBody(call, shared)
        self.append(message, to: body, call)
        body.end(
            trailers: shared.map { GRPCStatus.ok.trailerBlock(extra: $0.trailers) } ?? GRPCStatus.okTrailers)
        self.submitHead(call, shared, body: body)
        self.finished(call, .ok)
    }

    /// One message of a stream. Returns whether there is room for more.
    ///
    /// - Throws: when the call is over, or the message is too large (which ends the call).
    func write(_ call: ServerCall, _ message: [UInt8]) throws(GRPCStatus) -> Bool {
        try self.write(call, largest: message.count) { self.append(message, to: $0, call) }
    }

    private func write(
        _ call: ServerCall, largest: Int, _ append: (OutboundBody) -> Void
    ) throws(GRPCStatus) -> Bool {
        let body: OutboundBody
        switch call.outbound {
        case .finished:
            throw .cancelled
        case .streaming(let open):
            body = open
        case .idle:
            let shared = call.takeShared()
            if let refusal = shared?.refusal {
                self.finish(call, refusal)
                throw refusal
            }
            body = self.makeBody(call, shared)
        }
        guard largest <= self.settings.maximumSentMessageBytes else {
            let status = self.tooLarge(largest)
            self.finish(call, status)
            throw status
        }
        append(body)
        if case .idle = call.outbound {
            call.outbound = .streaming(body)
            self.submitHead(call, call.takeShared(), body: body)
        } else {
            self.wire.session.resume(body)
            self.wire.markDirty()
        }
        return self.hasRoom(call, body)
    }

    /// Whether more may be sent at once; if not, the call is told when there is room.
    private func hasRoom(_ call: ServerCall, _ body: OutboundBody) -> Bool {
        guard body.queuedBytes > ServerCall.outboundHighWater else { return true }
        if !call.isAboveHighWater {
            call.isAboveHighWater = true
            self.throttled.append(call)
        }
        return false
    }

    /// The beginning of a unary answer whose message comes in parts.
    func beginResponse(_ call: ServerCall, byteCount: Int, events: any ServerCallEvents) {
        guard case .idle = call.outbound else { return events.closed() }
        guard byteCount <= self.settings.maximumSentMessageBytes else {
            self.finish(call, self.tooLarge(byteCount))
            return events.closed()
        }
        let shared = call.takeShared()
        let body = self.makeBody(call, shared)
        call.endpoint.meter?.sent(byteCount)
        body.append(
            [], prefix: MessageFraming.prefix(length: byteCount, isCompressed: false),
            prefixBytes: MessageFraming.headerBytes)
        call.outbound = .streaming(body)
        call.inbound = .events(events)
        self.submitHead(call, shared, body: body)
    }

    func sendPart(_ call: ServerCall, _ part: [UInt8]) {
        guard case .streaming(let body) = call.outbound else { return }
        body.append(part)
        self.wire.session.resume(body)
        self.wire.markDirty()
        _ = self.hasRoom(call, body)
    }

    /// The headers of a stream, ahead of its first message. Ignored once they have gone.
    func sendHead(_ call: ServerCall) {
        guard case .idle = call.outbound else { return }
        let shared = call.takeShared()
        if let refusal = shared?.refusal { return self.finish(call, refusal) }
        let body = self.makeBody(call, shared)
        call.outbound = .streaming(body)
        self.submitHead(call, shared, body: body)
    }

    /// One message of an event handler's stream.
    func send(_ call: ServerCall, _ message: [UInt8]) {
        // A call that is over takes nothing; its handler learns of that by `closed()`.
        _ = try? self.write(call, message)
    }

    /// Messages of an event handler's stream. Where they go compressed they are compressed one by one.
    func send(_ call: ServerCall, _ batch: MessageBatch) {
        if call.compresses {
            for message in batch.messages { self.send(call, message) }
        } else {
            _ = try? self.write(call, largest: batch.largest) { body in
                let byteCount = batch.framed.count - batch.count * MessageFraming.headerBytes
                call.endpoint.meter?.sent(byteCount, messages: batch.count)
                body.append(batch.framed)
            }
        }
    }

    /// The status, after whatever was sent. A call that is over stays as it is.
    func finish(_ call: ServerCall, _ status: GRPCStatus) {
        let shared = call.takeShared()
        let status = status.code == .ok ? shared?.refusal ?? status : status
        switch call.outbound {
        case .finished:
            return
        case .streaming(let body):
            body.end(trailers: status.trailerBlock(extra: shared?.trailers ?? HeaderBlock()))
            self.wire.session.resume(body)
            self.wire.markDirty()
        case .idle:
            var block = self.responseHead(subtype: shared?.responseSubtype ?? call.contentSubtype, isCompressed: false)
            if let shared { block.append(contentsOf: shared.responseMetadata) }
            block.append(contentsOf: status.trailerBlock(extra: shared?.trailers ?? HeaderBlock()))
            self.wire.session.respond(call.streamID, block, body: nil)
            self.wire.markDirty()
        }
        self.finished(call, status.code)
    }

    /// The status is submitted: nothing more is read, and the handler's task is let go of.
    private func finished(_ call: ServerCall, _ code: GRPCStatusCode) {
        call.outbound = .finished
        call.endpoint.meter?.end(code, since: call.startTime)
        call.cancelHandler()
        switch call.inbound {
        case .queue(let messages): messages.finish(.failure(.cancelled))
        case .events(let events):
            call.inbound = .none
            events.closed()
        case .none, .unary, .unaryStarted: break
        }
        call.inbound = .none
        self.took(call, bytes: call.withheldBytes)
        call.writers.finish(.failure(GRPCStatus.cancelled))
    }

    private func makeBody(_ call: ServerCall, _ shared: ServerCall.Shared?) -> OutboundBody {
        if let shared, shared.compressesResponse, call.acceptsGzip { call.compresses = true }
        return OutboundBody(streamID: call.streamID, counter: self.wire.counter)
    }

    private func append(_ message: [UInt8], to body: OutboundBody, _ call: ServerCall) {
        call.endpoint.meter?.sent(message.count)
        let compresses = call.compresses && message.count >= Gzip.minimumBytes
        let bytes = compresses ? Gzip.compress(message) : message
        body.append(
            bytes, prefix: MessageFraming.prefix(length: bytes.count, isCompressed: compresses),
            prefixBytes: MessageFraming.headerBytes)
    }

    private func submitHead(_ call: ServerCall, _ shared: ServerCall.Shared?, body: OutboundBody) {
        var block = self.responseHead(
            subtype: shared?.responseSubtype ?? call.contentSubtype, isCompressed: call.compresses)
        if let shared, !shared.responseMetadata.isEmpty { block.append(contentsOf: shared.responseMetadata) }
        self.wire.session.respond(call.streamID, block, body: body)
        self.wire.markDirty()
    }

    private func tooLarge(_ count: Int) -> GRPCStatus {
        GRPCStatus(
            .resourceExhausted,
            "trying to send message larger than max (\(count) vs. \(self.settings.maximumSentMessageBytes))")
    }
}
