// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import MartletGRPCWire

/// What a caller receives: metadata, messages, and the status. For one consumer.
///
/// Every failure of the wire, that of making a connection too, comes as a status, so that retry policies see it.
struct ResponseParts: AsyncSequence, Sendable {
    typealias Element = RPCResponsePart<[UInt8]>
    typealias Failure = any Error

    let exchange: ClientExchange

    func makeAsyncIterator() -> Iterator { Iterator(exchange: self.exchange) }

    struct Iterator: AsyncIteratorProtocol {
        private enum Progress {
            case head
            case body(ClientStream)
            case end
        }

        private let exchange: ClientExchange
        private var progress = Progress.head

        init(exchange: ClientExchange) {
            self.exchange = exchange
        }

        mutating func next() async throws -> Element? {
            try await self.next(isolation: #isolation)
        }

        /// - Throws: `RPCError` with code `cancelled` when the calling task was cancelled.
        mutating func next(isolation actor: isolated (any Actor)?) async throws -> Element? {
            do {
                switch self.progress {
                case .head:
                    let stream = try await self.exchange.stream()
                    let metadata = Metadata(try await stream.metadata)
                    self.progress = .body(stream)
                    return .metadata(metadata)
                case .body(let stream):
                    if let message = try await stream.next() { return .message(message) }
                    self.progress = .end
                    return .status(Status(code: .ok, message: ""), Metadata(stream.trailers))
                case .end:
                    return nil
                }
            } catch let status as GRPCStatus {
                self.progress = .end
                let status = self.exchange.explain(status)
                return .status(Status(status), Metadata(status.trailers))
            } catch {
                self.progress = .end
                throw RPCError(wireError: error)
            }
        }
    }
}
