// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire

/// Sends the messages of a stream.
public struct MessageWriter<Message: Sendable>: Sendable {
    enum Sink: Sendable {
        case server(MartletGRPCWire.MessageWriter)
        case client(ClientStream)
    }

    private let sink: Sink
    private let coding: MessageCoding<Message>
    private let codec: MessageCodec

    init(_ sink: Sink, _ coding: MessageCoding<Message>, _ codec: MessageCodec) {
        self.sink = sink
        self.coding = coding
        self.codec = codec
    }

    /// Sends a message; waits while too much is already on its way to a slow reader.
    public func write(_ message: Message) async throws {
        switch self.sink {
        case .server(let writer):
            try await writer.write(try self.coding.encode(message, self.codec))
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
}
