// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import Synchronization

/// Messages from one that reads to several that handle. What waits is bounded by whoever puts it in.
final class MessageChannel<Item: Sendable>: Sendable {
    private struct State {
        var items: Deque<Item> = []
        var waiters: Deque<(id: UInt64, continuation: CheckedContinuation<Item?, any Error>)> = []
        var nextID: UInt64 = 0
        var isClosed = false
        var failure: (any Error)?
    }

    private let state = Mutex(State())

    /// - Returns: Whether it was taken: nothing is, once the channel is closed.
    func send(_ item: Item) -> Bool {
        let (isTaken, waiter) = state.withLock { state in
            if state.isClosed { return (false, nil as CheckedContinuation<Item?, any Error>?) }
            if let waiter = state.waiters.popFirst() { return (true, waiter.continuation) }
            state.items.append(item)
            return (true, nil)
        }
        waiter?.resume(returning: item)
        return isTaken
    }

    /// The next item; `nil` when the channel is closed, or the task cancelled.
    func next() async throws -> Item? {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let now = state.withLock { state -> Result<Item?, any Error>? in
                    if Task.isCancelled { return .success(nil) }
                    if let item = state.items.popFirst() { return .success(item) }
                    if let failure = state.failure { return .failure(failure) }
                    if state.isClosed { return .success(nil) }
                    state.waiters.append((id, continuation))
                    return nil
                }
                if let now { continuation.resume(with: now) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0).continuation }
            }
            waiter?.resume(returning: nil)
        }
    }

    /// Takes nothing more in; those that wait are told.
    ///
    /// - Returns: What nobody has taken.
    @discardableResult
    func close(_ failure: (any Error)? = nil) -> [Item] {
        let (left, waiters) = state.withLock { state in
            state.isClosed = true
            state.failure = state.failure ?? failure
            defer {
                state.items = []
                state.waiters = []
            }
            return (Array(state.items), Array(state.waiters))
        }
        for waiter in waiters {
            if let failure {
                waiter.continuation.resume(throwing: failure)
            } else {
                waiter.continuation.resume(returning: nil)
            }
        }
        return left
    }
}
