// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire
internal import Synchronization

/// The messages of a call as bytes, both ways, wherever they come from.
package struct RawStream: Sendable {
    package let next: @Sendable () async throws -> [UInt8]?
    package let write: @Sendable ([UInt8]) async throws -> Void
    /// Sends the response's metadata ahead of the first message.
    package let sendMetadata: @Sendable () -> Void

    package init(
        next: @escaping @Sendable () async throws -> [UInt8]?,
        write: @escaping @Sendable ([UInt8]) async throws -> Void, sendMetadata: @escaping @Sendable () -> Void
    ) {
        self.next = next
        self.write = write
        self.sendMetadata = sendMetadata
    }

    package init(_ reader: MartletGRPCWire.MessageReader, _ writer: MartletGRPCWire.MessageWriter) {
        self.next = { try await reader.next() }
        self.write = { try await writer.write($0) }
        self.sendMetadata = { writer.sendMetadata() }
    }
}

/// The first message of a stream, which may be looked at before it is taken.
final class PeekedStream: Sendable {
    private enum State {
        case untouched
        case peeked([UInt8]?)
        case taken
    }

    let stream: RawStream
    private let state = Mutex(State.untouched)

    init(_ stream: RawStream) { self.stream = stream }

    /// The first message, which stays where it is. One task reads a stream.
    func peek() async throws -> [UInt8]? {
        if case .peeked(let message) = self.state.withLock({ $0 }) { return message }
        let message = try await self.stream.next()
        self.state.withLock { $0 = .peeked(message) }
        return message
    }

    /// The next message, the one that was looked at first.
    func next() async throws -> [UInt8]? {
        let state = self.state.withLock { state in
            defer { state = .taken }
            return state
        }
        if case .peeked(let message) = state { return message }
        return try await self.stream.next()
    }

    /// The whole stream, from its first message that nobody has taken.
    var rest: RawStream {
        RawStream(next: { try await self.next() }, write: self.stream.write, sendMetadata: self.stream.sendMetadata)
    }
}
