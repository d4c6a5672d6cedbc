// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import MartletGRPCWire

/// What one call's handler receives: its metadata, then the client's messages. For one consumer.
struct RequestParts: AsyncSequence, Sendable {
    typealias Element = RPCRequestPart<[UInt8]>
    typealias Failure = any Error

    let metadata: Metadata
    let messages: MessageReader

    func makeAsyncIterator() -> Iterator {
        Iterator(metadata: self.metadata, messages: self.messages)
    }

    struct Iterator: AsyncIteratorProtocol {
        /// `nil` once it was handed out.
        var metadata: Metadata?
        let messages: MessageReader

        mutating func next() async throws -> Element? {
            try await self.next(isolation: #isolation)
        }

        /// - Throws: `RPCError` when the call ended before its request did.
        mutating func next(isolation actor: isolated (any Actor)?) async throws -> Element? {
            if let metadata = self.metadata {
                self.metadata = nil
                return .metadata(metadata)
            }
            do {
                return try await self.messages.next().map { .message($0) }
            } catch {
                throw RPCError(wireError: error)
            }
        }
    }
}
