// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session

/// Request bodies: from DATA frames to messages, and the windows they came through.
extension ServerConnection {
    func received(_ stream: Int32, _ bytes: UnsafeRawBufferPointer) {
        self.returnToConnection(bytes.count)
        guard let call = self.calls[stream] else {
            if let exchange = self.plain[stream] { self.receivedPlain(exchange, bytes) }
            return
        }
        if case .none = call.inbound {
            // Refused or finished: let the client finish sending.
            self.wire.session.consume(stream: stream, bytes: bytes.count)
            return
        }
        call.withheldBytes += bytes.count
        self.unreadBytes += bytes.count
        var rest = bytes
        let before = call.assembler.bufferedBytes
        defer { self.assemblingBytes += call.assembler.bufferedBytes - before }
        do throws(GRPCStatus) {
            guard self.assemblingBytes <= Self.maximumAssemblingBytes else {
                throw GRPCStatus(.resourceExhausted, "grpc: too many unfinished messages on this connection")
            }
            while let message = try call.assembler.next(&rest) {
                self.deliver(call, try self.decompressed(message, call))
            }
        } catch {
            self.finish(call, error)
        }
        self.returnIfRead(call)
    }

    private func decompressed(
        _ message: MessageAssembler.Message, _ call: ServerCall
    ) throws(GRPCStatus) -> [UInt8] {
        guard message.isCompressed else { return message.bytes }
        guard call.encoding != nil else {
            throw GRPCStatus(.internalError, "grpc: compressed flag set with identity or empty encoding")
        }
        return try Gzip.decompress(message.bytes, maximumBytes: self.settings.maximumMessageBytes)
    }

    private func deliver(_ call: ServerCall, _ message: [UInt8]) {
        switch call.inbound {
        case .unary:
            call.inbound = .unaryStarted
            call.endpoint.meter?.received(message.count)
            switch call.endpoint.route.handler {
            case .unary(let handler, let pool): call.startUnary(handler, pool: pool, message: message)
            case .unaryEvent(let handler): handler(call, message)
            case .stream, .streamEvent: preconditionFailure("a stream route reads a queue or events")
            }
        case .queue(let messages):
            call.endpoint.meter?.received(message.count)
            _ = messages.push(message)
            if messages.byteCount > InboundMessages.maximumBytes {
                self.finish(call, GRPCStatus(.resourceExhausted, "grpc: too many bytes wait to be read"))
            }
        case .events(let events):
            call.endpoint.meter?.received(message.count)
            events.received(message)
        case .unaryStarted, .none:
            // A second message of a unary call, or one behind the end: stale.
            break
        }
    }

    func inputEnded(_ stream: Int32) {
        guard let call = self.calls[stream] else {
            if let exchange = self.plain[stream] { self.plainEnded(exchange) }
            return
        }
        guard !call.isInputEnded else { return }
        call.isInputEnded = true
        if call.assembler.isInMessage {
            return self.finish(call, GRPCStatus(.internalError, "grpc: the request ended inside a message"))
        }
        switch call.inbound {
        case .unary:
            self.finish(call, GRPCStatus(.internalError, "grpc: a unary call needs one request message"))
        case .queue(let messages):
            messages.finish(.success(()))
        case .events(let events):
            events.receivedEnd()
        case .unaryStarted, .none:
            break
        }
    }

    // MARK: Windows

    /// Returns `bytes` to the connection's window, unless too much of what came through it still lies unread.
    private func returnToConnection(_ bytes: Int) {
        guard self.unreadBytes <= Self.maximumUnreadBytes else {
            self.withheldBytes += bytes
            return
        }
        self.wire.session.consumeConnection(bytes: bytes + self.withheldBytes)
        self.withheldBytes = 0
    }

    /// Returns a stream's window when nothing of it waits to be read. The message that is being put together counts
    /// as read: it is bounded by the message limit, and could not be completed otherwise.
    func returnIfRead(_ call: ServerCall) {
        if case .queue(let messages) = call.inbound, !messages.isEmpty { return }
        self.took(call, bytes: call.withheldBytes)
    }

    /// A reader took a message of `bytes`.
    func took(_ call: ServerCall, bytes: Int) {
        let bytes = min(bytes, call.withheldBytes)
        guard bytes > 0 else { return }
        call.withheldBytes -= bytes
        self.unreadBytes -= bytes
        if self.withheldBytes > 0, self.unreadBytes <= Self.maximumUnreadBytes { self.returnToConnection(0) }
        if !call.isInputEnded {
            self.wire.session.consume(stream: call.streamID, bytes: bytes)
        }
        self.wire.markDirty()
    }

    /// The stream has closed: what it withheld returns to the connection.
    func release(_ call: ServerCall) {
        self.assemblingBytes -= call.assembler.bufferedBytes
        self.unreadBytes -= call.withheldBytes
        call.withheldBytes = 0
        if self.withheldBytes > 0 {
            self.returnToConnection(0)
            self.wire.markDirty()
        }
    }
}

extension ServerCall {
    func connectionTook(_ bytes: Int) {
        if case .none = self.inbound { return }
        self.connection.took(self, bytes: bytes + MessageFraming.headerBytes)
        // What an empty queue leaves is the beginning of a message that needs the window.
        self.connection.returnIfRead(self)
    }
}
