// SPDX-License-Identifier: Apache-2.0

import DequeModule
import Synchronization

/// The messages of one stream on their way from its connection to whoever reads them.
///
/// Filled on the event loop, read by one task on any thread.
package final class InboundMessages: Sendable {
    /// Told when a message left the queue, so that its bytes return to the peer's window.
    package typealias OnTake = @Sendable (_ bytes: Int) -> Void

    /// Messages that may wait, decompressed. Flow control counts bytes as they travelled; gzip can make a thousand of
    /// one, so that a stream's window alone would not bound them.
    static let maximumBytes = 32 << 20

    private struct State {
        var messages: Deque<[UInt8]> = []
        var byteCount = 0
        var end: Result<Void, GRPCStatus>?
        var waiter: UnsafeContinuation<[UInt8]?, any Error>?
        var isWaiterCancelled = false
        var onTake: OnTake?

        mutating func popFirst() -> [UInt8]? {
            let message = self.messages.popFirst()
            self.byteCount -= message?.count ?? 0
            return message
        }
    }

    private let state = Mutex(State())

    package init() {}

    package func setOnTake(_ onTake: @escaping OnTake) {
        self.state.withLock { $0.onTake = onTake }
    }

    /// Adds a message. Returns whether a reader took it at once.
    package func push(_ message: [UInt8]) -> Bool {
        let waiter = self.state.withLock { state -> UnsafeContinuation<[UInt8]?, any Error>? in
            guard state.end == nil else { return nil }
            if let waiter = state.waiter {
                state.waiter = nil
                return waiter
            }
            state.messages.append(message)
            state.byteCount += message.count
            return nil
        }
        waiter?.resume(returning: message)
        return waiter != nil
    }

    /// No message follows those that wait. With an error the waiting ones are dropped. Later calls change nothing.
    package func finish(_ result: Result<Void, GRPCStatus>, keepsMessages: Bool = false) {
        let waiter = self.state.withLock { state -> UnsafeContinuation<[UInt8]?, any Error>? in
            guard state.end == nil else { return nil }
            state.end = result
            if case .failure = result, !keepsMessages {
                state.messages.removeAll()
                state.onTake = nil
            }
            defer { state.waiter = nil }
            return state.waiter
        }
        guard let waiter else { return }
        switch result {
        case .success: waiter.resume(returning: nil)
        case .failure(let status): waiter.resume(throwing: status)
        }
    }

    /// The sender's end: with an error, too, what waits can still be read before it.
    package func end(_ result: Result<Void, GRPCStatus>) {
        self.finish(result, keepsMessages: true)
    }

    /// Bytes of the messages that wait.
    package var byteCount: Int { self.state.withLock { $0.byteCount } }

    package var isEmpty: Bool { self.state.withLock { $0.messages.isEmpty } }

    /// The next message, or `nil` after the last. One reader at a time.
    func next() async throws -> [UInt8]? {
        if let taken = try self.takeReady() { return taken.message }
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { self.wait($0) }
        } onCancel: {
            self.cancelWaiter()
        }
    }

    /// Wrapped, so that "the end" and "nothing yet" stay apart.
    private struct Taken {
        var message: [UInt8]?
    }

    private func takeReady() throws -> Taken? {
        let (taken, onTake) = try self.state.withLock { state throws -> (Taken?, OnTake?) in
            if let message = state.popFirst() { return (Taken(message: message), state.onTake) }
            guard let end = state.end else {
                // Left by a cancellation that came too late to matter.
                state.isWaiterCancelled = false
                return (nil, nil)
            }
            try end.get()
            return (Taken(message: nil), nil)
        }
        if let message = taken?.message { onTake?(message.count) }
        return taken
    }

    private func wait(_ continuation: UnsafeContinuation<[UInt8]?, any Error>) {
        enum Outcome {
            case wait
            case message([UInt8], OnTake?)
            case end(Result<Void, GRPCStatus>)
            case cancelled
        }
        let outcome = self.state.withLock { state -> Outcome in
            if let message = state.popFirst() { return .message(message, state.onTake) }
            if let end = state.end { return .end(end) }
            if state.isWaiterCancelled {
                state.isWaiterCancelled = false
                return .cancelled
            }
            precondition(state.waiter == nil, "two tasks read one stream")
            state.waiter = continuation
            return .wait
        }
        switch outcome {
        case .wait: break
        case .message(let message, let onTake):
            onTake?(message.count)
            continuation.resume(returning: message)
        case .end(.success): continuation.resume(returning: nil)
        case .end(.failure(let status)): continuation.resume(throwing: status)
        case .cancelled: continuation.resume(throwing: CancellationError())
        }
    }

    private func cancelWaiter() {
        let waiter = self.state.withLock { state -> UnsafeContinuation<[UInt8]?, any Error>? in
            defer { state.waiter = nil }
            if state.waiter == nil { state.isWaiterCancelled = true }
            return state.waiter
        }
        waiter?.resume(throwing: CancellationError())
    }
}

/// The messages that one side of a call receives, in order. For one consumer.
package struct MessageReader: AsyncSequence, Sendable {
    package typealias Element = [UInt8]
    package typealias Failure = any Error

    let messages: InboundMessages

    package init(messages: InboundMessages) {
        self.messages = messages
    }

    /// The next message, or `nil` when the peer has sent its last.
    ///
    /// - Throws: ``GRPCStatus`` when the call ended otherwise, `CancellationError` when the reading task was cancelled.
    package func next() async throws -> [UInt8]? {
        try await self.messages.next()
    }

    package func makeAsyncIterator() -> Iterator { Iterator(reader: self) }

    package struct Iterator: AsyncIteratorProtocol {
        let reader: MessageReader

        package mutating func next() async throws -> [UInt8]? {
            try await self.reader.next()
        }
    }
}
