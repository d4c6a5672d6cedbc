// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Whether a member could not go on, and those who wait to hear of it.
package final class MemberEnd: Sendable {
    private struct State {
        var failure: MartletStoreError?
        var waiters: [UInt64: CheckedContinuation<MartletStoreError?, Never>] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    package var failure: MartletStoreError? { state.withLock { $0.failure } }

    /// The first failure counts.
    package func fail(_ failure: MartletStoreError) {
        let waiters = state.withLock { state in
            if state.failure == nil { state.failure = failure }
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for waiter in waiters { waiter.resume(returning: failure) }
    }

    /// The failure, once there is one; nil when the task is cancelled.
    package func wait() async -> MartletStoreError? {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (isOver, failure) = state.withLock { state in
                    // Behind the lock: a cancellation that came before finds no waiter, one that comes later does.
                    guard state.failure == nil, !Task.isCancelled else { return (true, state.failure) }
                    state.waiters[id] = continuation
                    return (false, nil)
                }
                if isOver { continuation.resume(returning: failure) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(returning: nil)
        }
    }
}
