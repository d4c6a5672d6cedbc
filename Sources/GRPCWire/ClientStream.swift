// SPDX-License-Identifier: Apache-2.0

package import MartletHTTP2Session
import Synchronization

/// A call of a client that streams in either direction, or both.
///
/// Messages are written by one task and read by one; they may be two different ones.
package final class ClientStream: Sendable {
    /// What has arrived from the server.
    final class Inbox: Sendable {
        private struct State {
            var metadata: HeaderBlock?
            var status: GRPCStatus?
            var waiters: [UnsafeContinuation<HeaderBlock, any Error>] = []
        }

        let messages = InboundMessages()
        private let state = Mutex(State())

        func received(metadata: HeaderBlock) {
            let waiters = self.state.withLock { state in
                state.metadata = metadata
                defer { state.waiters = [] }
                return state.waiters
            }
            for waiter in waiters { waiter.resume(returning: metadata) }
        }

        func finish(_ status: GRPCStatus) {
            let waiters = self.state.withLock { state in
                state.status = state.status ?? status
                defer { state.waiters = [] }
                return state.waiters
            }
            self.messages.end(status.code == .ok ? .success(()) : .failure(status))
            for waiter in waiters {
                if status.code == .ok {
                    waiter.resume(returning: HeaderBlock())
                } else {
                    waiter.resume(throwing: status)
                }
            }
        }

        var status: GRPCStatus? { self.state.withLock { $0.status } }

        func metadata() async throws -> HeaderBlock {
            try await withUnsafeThrowingContinuation { continuation in
                let known = self.state.withLock { state -> Result<HeaderBlock, any Error>? in
                    if let metadata = state.metadata { return .success(metadata) }
                    if let status = state.status { return status.code == .ok ? .success(.init()) : .failure(status) }
                    state.waiters.append(continuation)
                    return nil
                }
                if let known { continuation.resume(with: known) }
            }
        }
    }

    private let call: ClientCall
    private let inbox: Inbox
    private let loop: LoopExecutor

    init(call: ClientCall, inbox: Inbox, loop: LoopExecutor) {
        self.call = call
        self.inbox = inbox
        self.loop = loop
    }

    /// Sends a message; waits while much of this call is still to be sent.
    ///
    /// - Throws: ``GRPCStatus`` when the call is over.
    package func write(_ message: [UInt8]) async throws {
        try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
            self.loop.perform {
                do throws(GRPCStatus) {
                    guard let connection = self.call.connection, !self.call.isComplete else {
                        throw self.inbox.status.flatMap { $0.code == .ok ? nil : $0 } ?? .cancelled
                    }
                    if try connection.write(self.call, message) {
                        continuation.resume()
                    } else {
                        self.call.writers.append(continuation)
                    }
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }

    /// Tells the server that no message follows.
    package func finishWriting() {
        self.loop.perform { self.call.connection?.endBody(self.call) }
    }

    /// The next message; `nil` when the server ended the call with status 0.
    ///
    /// - Throws: ``GRPCStatus`` when it ended otherwise, `CancellationError` when the reading task was cancelled.
    package func next() async throws -> [UInt8]? {
        try await self.inbox.messages.next()
    }

    /// The response's initial metadata, once it is there.
    package var metadata: HeaderBlock {
        get async throws { try await self.inbox.metadata() }
    }

    /// The trailing metadata; empty until the call has ended.
    package var trailers: HeaderBlock { self.inbox.status?.trailers ?? HeaderBlock() }

    /// The server, this side or the connection has ended the call; messages may still wait to be read.
    package var isOver: Bool { self.inbox.status != nil }

    /// Ends the call if it is not over: the server sees it cancelled.
    package func cancel() {
        self.loop.perform { self.call.connection?.cancel(self.call) }
    }
}

extension ClientStream: AsyncSequence {
    package typealias Element = [UInt8]

    package struct Iterator: AsyncIteratorProtocol {
        let stream: ClientStream

        package mutating func next() async throws -> [UInt8]? {
            try await self.stream.next()
        }
    }

    package func makeAsyncIterator() -> Iterator { Iterator(stream: self) }
}
