// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import MartletGRPCWire
import MartletHTTP2Session
import NIOCore
import Synchronization

/// One attempt at a call: opened by the metadata that its writer sends, read by another task, ended by either.
final class ClientExchange: Sendable {
    private enum Progress {
        /// Nothing was written; the reader waits.
        case idle
        case opening
        case open(ClientStream)
        /// It never became a stream.
        case failed(GRPCStatus)
    }

    private struct State {
        var progress = Progress.idle
        var readers: [UnsafeContinuation<ClientStream, any Error>] = []
        /// Why this side ended the call: what the reader is told instead of "cancelled".
        var reason: GRPCStatus?
    }

    private let client: WireClient
    private let path: String
    private let options: CallOptions
    private let compresses: Bool
    private let state = Mutex(State())

    init(client: WireClient, path: String, options: CallOptions, compresses: Bool) {
        self.client = client
        self.path = path
        self.options = options
        self.compresses = compresses
    }

    // MARK: The writer's side

    /// Opens the stream.
    ///
    /// - Throws: ``GRPCStatus`` when there is no connection, or the call has ended before.
    func open(_ metadata: Metadata) async throws {
        try self.state.withLock { state in
            switch state.progress {
            case .idle: state.progress = .opening
            case .opening, .open: throw GRPCStatus(.internalError, "metadata was written twice")
            case .failed(let status): throw status
            }
        }
        do {
            let stream = try await self.client.openStream(self.path, options: self.wireOptions(metadata))
            let readers = self.state.withLock { state -> [UnsafeContinuation<ClientStream, any Error>]? in
                guard case .opening = state.progress else { return nil }
                state.progress = .open(stream)
                defer { state.readers = [] }
                return state.readers
            }
            guard let readers else {
                stream.cancel()
                throw GRPCStatus.cancelled
            }
            for reader in readers { reader.resume(returning: stream) }
        } catch {
            let status = GRPCStatus(describing: error)
            self.fail(status)
            throw status
        }
    }

    private func wireOptions(_ metadata: Metadata) -> WireCallOptions {
        var wire = WireCallOptions()
        wire.metadata = HeaderBlock(metadata)
        // grpc-swift-2 keeps the time by itself and tells servers by this field, which the wire writes anew.
        wire.timeout = metadata[stringValues: "grpc-timeout"].first { _ in true }.flatMap { text in
            var text = text
            return text.withUTF8 { CallTimeout.parseGRPC(UnsafeRawBufferPointer($0)) }
        }.map { .nanoseconds($0.nanoseconds) }
        wire.waitForReady = self.options.waitForReady ?? false
        wire.maximumMessageBytes = self.options.maxResponseMessageBytes
        wire.compress = self.compresses
        return wire
    }

    /// Sends a message; waits while much of this call is still to be sent.
    ///
    /// - Throws: ``GRPCStatus`` when the call is over or the message too large.
    func write(_ message: [UInt8]) async throws {
        if let maximum = self.options.maxRequestMessageBytes, message.count > maximum {
            throw GRPCStatus(
                .resourceExhausted, "trying to send message larger than max (\(message.count) vs. \(maximum))")
        }
        guard let stream = self.openStream else {
            throw GRPCStatus(.internalError, "a message was written before the metadata")
        }
        try await stream.write(message)
    }

    /// No message follows.
    func finishWriting() {
        if let stream = self.openStream {
            stream.finishWriting()
        } else {
            self.fail(GRPCStatus(.internalError, "the request ended without metadata"))
        }
    }

    // MARK: The reader's side

    /// The stream, once it is open.
    ///
    /// - Throws: ``GRPCStatus`` when it never will be.
    func stream() async throws -> ClientStream {
        try await withUnsafeThrowingContinuation { continuation in
            let known = self.state.withLock { state -> Result<ClientStream, any Error>? in
                switch state.progress {
                case .open(let stream): return .success(stream)
                case .failed(let status): return .failure(status)
                case .idle, .opening:
                    state.readers.append(continuation)
                    return nil
                }
            }
            if let known { continuation.resume(with: known) }
        }
    }

    /// What to tell of a call that ended with `status`.
    func explain(_ status: GRPCStatus) -> GRPCStatus {
        guard status.code == .cancelled, let reason = self.state.withLock({ $0.reason }) else { return status }
        return reason
    }

    // MARK: Either's

    /// Ends the call on this side. The server sees it cancelled if it is not over; the reader is told `reason`.
    func cancel(_ reason: GRPCStatus = .cancelled) {
        self.state.withLock { $0.reason = $0.reason ?? reason }
        if let stream = self.openStream {
            stream.cancel()
        } else {
            self.fail(reason)
        }
    }

    private var openStream: ClientStream? {
        self.state.withLock { if case .open(let stream) = $0.progress { stream } else { nil } }
    }

    private func fail(_ status: GRPCStatus) {
        let readers = self.state.withLock { state -> [UnsafeContinuation<ClientStream, any Error>] in
            switch state.progress {
            case .idle, .opening: state.progress = .failed(status)
            case .open(let stream):
                // It opened a moment ago.
                stream.cancel()
                return []
            case .failed: return []
            }
            defer { state.readers = [] }
            return state.readers
        }
        for reader in readers { reader.resume(throwing: status) }
    }
}
