// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A value that one task waits for and any thread provides, once. Cancelling the task frees it.
final class Awaited<Value: Sendable>: Sendable {
    private struct State {
        var result: Result<Value, any Error>?
        var waiter: UnsafeContinuation<Value, any Error>?
    }

    private let state = Mutex(State())

    /// Provides the value or the error. Only the first call counts, the waiter's cancellation among them.
    func finish(_ result: Result<Value, any Error>) {
        let waiter = self.state.withLock { state -> UnsafeContinuation<Value, any Error>? in
            guard state.result == nil else { return nil }
            state.result = result
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(with: result)
    }

    /// One task waits, and once.
    ///
    /// - Throws: What ``finish(_:)`` was given, or `CancellationError`.
    func value() async throws -> Value {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let known = self.state.withLock { state -> Result<Value, any Error>? in
                    if state.result == nil { state.waiter = continuation }
                    return state.result
                }
                if let known { continuation.resume(with: known) }
            }
        } onCancel: {
            self.finish(.failure(CancellationError()))
        }
    }
}

/// The tasks that wait for room in one stream's outbound body. Touched only on its connection's loop.
struct WaitingWriters {
    private var writers: [Awaited<Void>] = []

    var isEmpty: Bool { self.writers.isEmpty }

    mutating func append(_ writer: Awaited<Void>) { self.writers.append(writer) }

    /// Lets all go on, or fail.
    mutating func finish(_ result: Result<Void, any Error>) {
        guard !self.writers.isEmpty else { return }
        let waiting = self.writers
        self.writers = []
        for writer in waiting { writer.finish(result) }
    }
}
