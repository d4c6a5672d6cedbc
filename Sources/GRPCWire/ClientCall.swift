// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session
import NIOCore
import Synchronization

/// One call that a client makes.
///
/// `@unchecked Sendable`: what is set at creation never changes; the rest is touched only on the connection's loop.
final class ClientCall: @unchecked Sendable {
    let request: HeaderBlock
    let deadline: NIODeadline?
    let compresses: Bool
    let maximumMessageBytes: Int
    let maximumSentMessageBytes: Int
    let sink: Sink

    /// Who receives what the server answers.
    enum Sink {
        /// A unary call: its request, and the task that awaits the reply.
        case unary([UInt8], UnsafeContinuation<WireReply, any Error>)
        case stream(ClientStream.Inbox)
        case events(ClientEventRelay)
    }

    // Confined to the loop.
    var connection: ClientConnection?
    var streamID: Int32 = 0
    var body: OutboundBody?
    var assembler: MessageAssembler
    var responseMetadata = HeaderBlock()
    var encoding: String?
    var reply: [UInt8]?
    var isCancelled = false
    var isComplete = false
    var isResponseSeen = false
    /// Why the response cannot be used, found before its end.
    var failure: GRPCStatus?
    var withheldBytes = 0
    var writers = WaitingWriters()
    /// Waits for room; of a call whose events are handled.
    var isThrottled = false

    init(
        request: HeaderBlock, deadline: NIODeadline?, compresses: Bool, maximumMessageBytes: Int,
        maximumSentMessageBytes: Int, sink: Sink
    ) {
        self.request = request
        self.deadline = deadline
        self.compresses = compresses
        self.maximumMessageBytes = maximumMessageBytes
        self.maximumSentMessageBytes = maximumSentMessageBytes
        self.assembler = MessageAssembler(maximumBytes: maximumMessageBytes)
        self.sink = sink
    }

    /// Ends the call for whoever awaits it. On the loop; only the first time counts.
    func complete(_ status: GRPCStatus) {
        guard !self.isComplete else { return }
        self.isComplete = true
        self.writers.finish(.failure(status.code == .ok ? GRPCStatus.cancelled : status))
        switch self.sink {
        case .unary(_, let continuation):
            if status.code == .ok, let reply = self.reply {
                continuation.resume(
                    returning: WireReply(message: reply, metadata: self.responseMetadata, trailers: status.trailers))
            } else if status.code == .ok {
                continuation.resume(
                    throwing: GRPCStatus(.internalError, "the server ended a unary call without a message"))
            } else {
                continuation.resume(throwing: status)
            }
        case .stream(let inbox):
            inbox.finish(status)
        case .events(let relay):
            relay.closed(status)
        }
    }

    /// Puts `message` into the body.
    ///
    /// - Throws: status 8 when it is above the limit.
    func append(_ message: [UInt8], to body: OutboundBody) throws(GRPCStatus) {
        guard message.count <= self.maximumSentMessageBytes else {
            throw GRPCStatus(
                .resourceExhausted,
                "trying to send message larger than max (\(message.count) vs. \(self.maximumSentMessageBytes))")
        }
        let compresses = self.compresses && message.count >= Gzip.minimumBytes
        let bytes = compresses ? Gzip.compress(message) : message
        body.append(
            bytes, prefix: MessageFraming.prefix(length: bytes.count, isCompressed: compresses),
            prefixBytes: MessageFraming.headerBytes)
    }
}
