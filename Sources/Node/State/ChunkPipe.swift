// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization

/// Chunks on their way from a thread that reads them to a task that sends them: a few, so that neither waits for the
/// other's every step.
final class ChunkPipe: Sendable {
    enum Outcome {
        case taken
        /// There was no room in time.
        case late
        case abandoned
    }

    private struct State {
        var chunks: [[UInt8]] = []
        var end: Result<Void, any Error>?
        var waiter: CheckedContinuation<[UInt8]?, any Error>?
        var isAbandoned = false
    }

    /// With chunks of a quarter of a megabyte: what a connection takes at once, some times over.
    private static let capacity = 16
    /// How soon a thread that waits for room notices that it need not wait any more.
    private static let look = DispatchTimeInterval.milliseconds(50)

    private let state = Mutex(State())
    private let room = DispatchSemaphore(value: 0)

    init() {
        // Counted up: a semaphore may not end below the value that it began with.
        for _ in 0..<Self.capacity { room.signal() }
    }

    // MARK: The thread

    /// Blocks while there is no room.
    func push(_ chunk: [UInt8], until deadline: ContinuousClock.Instant?, isCancelled: () -> Bool) -> Outcome {
        repeat {
            if isCancelled() || state.withLock({ $0.isAbandoned }) { return .abandoned }
            if let deadline, ContinuousClock.now >= deadline { return .late }
        } while room.wait(timeout: .now() + Self.look) == .timedOut
        let (waiter, isAbandoned) = state.withLock { state in
            if !state.isAbandoned, state.waiter == nil { state.chunks.append(chunk) }
            return (state.waiter.take(), state.isAbandoned)
        }
        if let waiter {
            room.signal()
            waiter.resume(returning: chunk)
        }
        return isAbandoned ? .abandoned : .taken
    }

    /// Nothing follows what was pushed.
    func end(_ result: Result<Void, any Error>) {
        let waiter = state.withLock { state in
            state.end = result
            return state.waiter.take()
        }
        waiter?.resume(with: result.map { nil })
    }

    // MARK: The task

    /// The next chunk; nil behind the last. One task asks.
    func next() async throws -> [UInt8]? {
        try await withCheckedThrowingContinuation { continuation in
            let answer: Result<[UInt8]?, any Error>? = state.withLock { state in
                if !state.chunks.isEmpty { return .success(state.chunks.removeFirst()) }
                if let end = state.end { return end.map { nil } }
                state.waiter = continuation
                return nil
            }
            guard let answer else { return }
            if case .success(.some) = answer { room.signal() }
            continuation.resume(with: answer)
        }
    }

    /// Nobody wants the rest.
    func abandon() {
        state.withLock { state in
            state.isAbandoned = true
            state.chunks = []
        }
    }
}
