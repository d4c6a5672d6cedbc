// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session

/// Responses: from header blocks and DATA frames to what the caller awaits.
extension ClientConnection {
    func headers(
        _ stream: Int32, _ block: HeaderBlock, _ kind: HTTP2Event.HeaderKind, isEnd: Bool, isOversize: Bool
    ) {
        guard let call = self.calls[stream], !call.isComplete else { return }
        if isOversize {
            return self.end(call, GRPCStatus(.internalError, "grpc: received header list larger than max"))
        }
        if kind == .response, !call.isResponseSeen {
            let httpStatus = block.first(":status") ?? ""
            // 1xx: another response follows.
            if httpStatus.hasPrefix("1"), !isEnd { return }
            call.isResponseSeen = true
            call.responseMetadata = block
            if httpStatus != "200" {
                call.failure = GRPCStatus(trailers: block) ?? GRPCStatus(httpStatus: httpStatus)
            } else {
                self.checkContentType(call, block)
            }
            call.encoding = block.first("grpc-encoding").flatMap { $0 == "identity" ? nil : $0 }
            if case .stream(let inbox) = call.sink, !isEnd { inbox.received(metadata: block) }
        }
        guard isEnd else { return }
        var status = GRPCStatus(trailers: block) ?? GRPCStatus(.unknown, "the server sent no grpc-status")
        if status.code == .ok, call.assembler.isInMessage {
            status = GRPCStatus(.internalError, "the response ended inside a message")
        }
        call.complete(call.failure ?? status)
        // The server has said all; what is left to send would only keep the stream open.
        guard let body = call.body, !body.isFullySent, self.wire.session.isOpen(stream) else { return }
        body.discard()
        self.wire.session.reset(stream, .cancel)
        self.wire.markDirty()
    }

    private func checkContentType(_ call: ClientCall, _ block: HeaderBlock) {
        let type = block.first("content-type") ?? ""
        var text = type
        let isGRPC = text.withUTF8 { ContentType.subtype(UnsafeRawBufferPointer($0)) != nil }
        if !isGRPC {
            call.failure = GRPCStatus(.unknown, "received unexpected content-type \"\(type)\"")
        }
    }

    func received(_ stream: Int32, _ bytes: UnsafeRawBufferPointer) {
        self.wire.session.consumeConnection(bytes: bytes.count)
        guard let call = self.calls[stream], !call.isComplete, call.failure == nil else {
            self.wire.session.consume(stream: stream, bytes: bytes.count)
            return
        }
        call.withheldBytes += bytes.count
        var rest = bytes
        do {
            while let message = try call.assembler.next(&rest) {
                try self.deliver(call, message)
            }
        } catch {
            self.end(call, error)
        }
        if case .stream(let inbox) = call.sink, !inbox.messages.isEmpty { return }
        self.took(call, bytes: call.withheldBytes)
    }

    private func deliver(_ call: ClientCall, _ message: MessageAssembler.Message) throws(GRPCStatus) {
        var bytes = message.bytes
        if message.isCompressed {
            guard call.encoding == "gzip" else {
                throw GRPCStatus(
                    .unimplemented,
                    "grpc: Decompressor is not installed for grpc-encoding \"\(call.encoding ?? "")\"")
            }
            bytes = try Gzip.decompress(bytes, maximumBytes: call.maximumMessageBytes)
        }
        switch call.sink {
        case .stream(let inbox):
            _ = inbox.messages.push(bytes)
            guard inbox.messages.byteCount <= InboundMessages.maximumBytes else {
                throw GRPCStatus(.resourceExhausted, "grpc: too many bytes wait to be read")
            }
        case .unary:
            guard call.reply == nil else {
                throw GRPCStatus(.internalError, "the server sent two messages on a unary call")
            }
            call.reply = bytes
        case .events(let relay):
            relay.events?.received(bytes)
        }
    }

    func took(_ call: ClientCall, bytes: Int) {
        let bytes = min(bytes, call.withheldBytes)
        guard bytes > 0 else { return }
        call.withheldBytes -= bytes
        self.wire.session.consume(stream: call.streamID, bytes: bytes)
        self.wire.markDirty()
    }

    /// The reader of a stream took a message of `bytes` out of its queue.
    func readerTook(_ call: ClientCall, bytes: Int) {
        guard case .stream(let inbox) = call.sink else { return }
        // Of an empty queue everything returns: what is left is the beginning of a message that needs the window.
        self.took(call, bytes: inbox.messages.isEmpty ? call.withheldBytes : bytes + MessageFraming.headerBytes)
    }

    func release(_ call: ClientCall) {
        call.withheldBytes = 0
        call.body = nil
    }
}
