// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire

/// The messages that the other side sends, as they come.
///
/// One task reads it, once. It ends when the other side has sent its last message. In a client it throws a
/// ``MicroError`` when the call failed; in a service it throws when the call is over or a message can't be read: let
/// that through. Reading slowly slows the sender: at most a flow-control window of messages waits in memory.
public struct MessageStream<Message: Sendable>: AsyncSequence, Sendable {
    public typealias Element = Message

    enum Source: Sendable {
        /// A service's side of a call.
        case raw(RawStream, AnsweredCall)
        case client(ClientStream)
    }

    private let source: Source
    private let coding: MessageCoding<Message>
    private let codec: MessageCodec
    private let tap: StreamTap?

    init(_ source: Source, _ coding: MessageCoding<Message>, _ codec: MessageCodec, _ tap: StreamTap? = nil) {
        self.source = source
        self.coding = coding
        self.codec = codec
        self.tap = tap
    }

    /// The next message, or `nil` after the last one.
    public func next() async throws -> Message? {
        switch self.source {
        case .raw(let stream, _):
            guard let bytes = try await stream.next() else { return nil }
            let message = try self.coding.decode(bytes, self.codec)
            if let tap = self.tap { try await tap.received(message) }
            return message
        case .client(let stream):
            do {
                guard let bytes = try await stream.next() else { return nil }
                return try self.coding.decode(bytes, self.codec)
            } catch {
                throw CallFailure.error(for: error)
            }
        }
    }

    /// The metadata that came before the first message: the caller's in a service, the response's in a client.
    ///
    /// A client waits for it here. A service sends it with its first message, or with ``MessageWriter/sendMetadata()``
    /// earlier.
    ///
    /// - Throws: ``MicroError`` when the call failed before any came, `CancellationError` when the task is cancelled.
    public var metadata: CallMetadata {
        get async throws {
            switch self.source {
            case .raw(_, let call): return CallMetadata(headers: call.metadata)
            case .client(let stream):
                do {
                    return CallMetadata(headers: try await stream.metadata)
                } catch {
                    throw CallFailure.error(for: error)
                }
            }
        }
    }

    /// The metadata that came after the last message; empty until that has been read, and in a service.
    public var trailingMetadata: CallMetadata {
        switch self.source {
        case .raw: CallMetadata()
        case .client(let stream): CallMetadata(headers: stream.trailers)
        }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(stream: self) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        let stream: MessageStream

        public mutating func next() async throws -> Message? { try await self.stream.next() }
    }
}
