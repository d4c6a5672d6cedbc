// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire

/// Sends the messages of a stream.
public struct MessageWriter<Message: Sendable>: Sendable {
    enum Sink: Sendable {
        /// A service's side of a call.
        case raw(RawStream)
        case client(ClientStream)
    }

    private let sink: Sink
    private let coding: MessageCoding<Message>
    private let codec: MessageCodec
    private let tap: StreamTap?

    init(_ sink: Sink, _ coding: MessageCoding<Message>, _ codec: MessageCodec, _ tap: StreamTap? = nil) {
        self.sink = sink
        self.coding = coding
        self.codec = codec
        self.tap = tap
    }

    /// Sends a message; waits while too much is already on its way to a slow reader.
    public func write(_ message: Message) async throws {
        switch self.sink {
        case .raw(let stream):
            if let tap = self.tap { try await tap.sent(message) }
            try await stream.write(try self.coding.encode(message, self.codec))
        case .client(let stream):
            do {
                try await stream.write(try self.coding.encode(message, self.codec))
            } catch {
                throw CallFailure.error(for: error)
            }
        }
    }

    /// Says that no more messages follow. A client's stream only: a server's ends when its handler returns.
    public func finish() {
        if case .client(let stream) = self.sink { stream.finishWriting() }
    }

    /// Sends the response's metadata now, for callers that wait for it before they go on; see
    /// ``HandlerContext/responseMetadata``. Without this the first message takes it along. A service's stream only.
    public func sendMetadata() {
        if case .raw(let stream) = self.sink { stream.sendMetadata() }
    }
}
