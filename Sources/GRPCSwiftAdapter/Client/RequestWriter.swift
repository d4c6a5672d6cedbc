// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import MartletGRPCWire

/// What a caller sends.
struct RequestWriter: ClosableRPCWriterProtocol {
    typealias Element = RPCRequestPart<[UInt8]>

    let exchange: ClientExchange

    /// - Throws: `RPCError` when the call is over or cannot be made.
    func write(_ part: Element) async throws {
        do {
            switch part {
            case .metadata(let metadata): try await self.exchange.open(metadata)
            case .message(let bytes): try await self.exchange.write(bytes)
            }
        } catch {
            throw RPCError(wireError: error)
        }
    }

    func write(contentsOf parts: some Sequence<Element>) async throws {
        for part in parts { try await self.write(part) }
    }

    func finish() async {
        self.exchange.finishWriting()
    }

    /// The request cannot be completed: the call ends.
    func finish(throwing error: any Error) async {
        switch error {
        case let error as RPCError where error.cause is CancellationError: self.exchange.cancel()
        case let error as RPCError:
            self.exchange.cancel(GRPCStatus(Status(code: .init(error.code), message: error.message)))
        default: self.exchange.cancel(GRPCStatus(describing: error))
        }
    }
}
