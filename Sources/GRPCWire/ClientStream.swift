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
            var waiters: [Awaited<HeaderBlock>] = []

            /// What a task that asks for the metadata is told, once that is known.
            var answer: Result<HeaderBlock, any Error>? {
                if let metadata = self.metadata { return .success(metadata) }
                return self.status.map { $0.code == .ok ? .success(HeaderBlock()) : .failure($0) }
            }
        }

        let messages = InboundMessages()
        private let state = Mutex(State())

        private func change(_ body: (inout State) -> Void) {
            let (waiters, answer) = self.state.withLock { state in
                body(&state)
                defer { state.waiters = [] }
                return (state.waiters, state.answer)
            }
            guard let answer else { return }
            for waiter in waiters { waiter.finish(answer) }
        }

        func received(metadata: HeaderBlock) {
            self.change { $0.metadata = metadata }
        }

        func finish(_ status: GRPCStatus) {
            // First the status: whoever reads the last message finds the trailers.
            self.change { $0.status = $0.status ?? status }
            self.messages.end(status.code == .ok ? .success(()) : .failure(status))
        }

        var status: GRPCStatus? { self.state.withLock { $0.status } }

        var receivedMetadata: HeaderBlock { self.state.withLock { $0.metadata } ?? HeaderBlock() }

        func metadata() async throws -> HeaderBlock {
            let waiter = Awaited<HeaderBlock>()
            self.state.withLock { state in
                if let answer = state.answer { waiter.finish(answer) } else { state.waiters.append(waiter) }
            }
            return try await waiter.value()
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
    /// - Throws: ``GRPCStatus`` when the call is over, `CancellationError` when the task was cancelled while it waited;
    ///   the message is on its way then.
    package func write(_ message: [UInt8]) async throws {
        let writer = Awaited<Void>()
        self.loop.perform {
            do throws(GRPCStatus) {
                guard let connection = self.call.connection, !self.call.isComplete else {
                    throw self.inbox.status.flatMap { $0.code == .ok ? nil : $0 } ?? .cancelled
                }
                if try connection.write(self.call, message, mayWait: self.call.writers.isEmpty) {
                    writer.finish(.success(()))
                } else {
                    self.call.writers.append(writer)
                }
            } catch {
                writer.finish(.failure(error))
            }
        }
        try await writer.value()
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

    /// The response's initial metadata as far as it has come; empty before.
    package var receivedMetadata: HeaderBlock { self.inbox.receivedMetadata }

    /// The trailing metadata; empty until the call has ended.
    package var trailers: HeaderBlock { self.inbox.status?.trailers ?? HeaderBlock() }

    /// How the call ended; `nil` while it has not.
    package var status: GRPCStatus? { self.inbox.status }

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
