// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import MartletGRPCWire
import MartletHTTP2Session
import Synchronization

/// What one call's handler sends. The status goes out when the handler returns.
final class ResponseWriter: ClosableRPCWriterProtocol {
    typealias Element = RPCResponsePart<[UInt8]>

    private struct State {
        var status: GRPCStatus?
        var isFinished = false
    }

    private let call: ServerCall
    private let messages: MessageWriter
    /// The client may wait for the metadata before it sends: true where many messages follow it.
    private let sendsMetadataAtOnce: Bool
    private let state = Mutex(State())

    init(call: ServerCall, messages: MessageWriter, sendsMetadataAtOnce: Bool) {
        self.call = call
        self.messages = messages
        self.sendsMetadataAtOnce = sendsMetadataAtOnce
    }

    /// The status that was written. A handler that wrote none has broken the rules of its framework.
    var status: GRPCStatus {
        self.state.withLock { $0.status } ?? GRPCStatus(.unknown, "the handler ended without a status")
    }

    /// - Throws: `RPCError` when the call is over.
    func write(_ part: Element) async throws {
        guard self.state.withLock({ $0.status == nil && !$0.isFinished }) else {
            throw RPCError(code: .internalError, message: "A part was written after the status or finish().")
        }
        switch part {
        case .metadata(let metadata):
            if !metadata.isEmpty { self.call.responseMetadata = HeaderBlock(metadata) }
            if self.sendsMetadataAtOnce { self.messages.sendMetadata() }
        case .message(let bytes):
            do {
                try await self.messages.write(bytes)
            } catch {
                throw RPCError(wireError: error)
            }
        case .status(let status, let metadata):
            self.state.withLock { $0.status = GRPCStatus(status, trailers: HeaderBlock(metadata)) }
        }
    }

    func write(contentsOf parts: some Sequence<Element>) async throws {
        for part in parts { try await self.write(part) }
    }

    func finish() async {
        self.state.withLock { $0.isFinished = true }
    }

    /// The call ends with the error's status, unless one was written before.
    func finish(throwing error: any Error) async {
        let status = (error as? RPCError).map { GRPCStatus(Status(code: .init($0.code), message: $0.message)) }
        self.state.withLock { state in
            state.isFinished = true
            state.status = state.status ?? status ?? GRPCStatus(describing: error)
        }
    }
}
