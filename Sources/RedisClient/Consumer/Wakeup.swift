// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Something to do, told to one task that waits for it. Told before, it doesn't wait; told twice, it comes once.
final class Wakeup: Sendable {
    private struct State {
        var isSet = false
        var waiter: CheckedContinuation<Void, Never>?
        var timer: Scheduled<Void>?
    }

    private let state = Mutex(State())

    func set() {
        let (waiter, timer) = state.withLock { state in
            defer {
                state.isSet = state.waiter == nil
                state.waiter = nil
                state.timer = nil
            }
            return (state.waiter, state.timer)
        }
        timer?.cancel()
        waiter?.resume()
    }

    /// Waits until there is something to do, the time is over, or the task is cancelled.
    ///
    /// - Parameter limit: `nil` waits for ever.
    func wait(_ limit: Duration?) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isSet = state.withLock { state in
                    if state.isSet || Task.isCancelled {
                        state.isSet = false
                        return true
                    }
                    state.waiter = continuation
                    if let limit {
                        state.timer = MultiThreadedEventLoopGroup.singleton.next()
                            .scheduleTask(in: TimeAmount(min(max(limit, .zero), RedisClient.longestTimeout))) {
                                [weak self] in self?.set()
                            }
                    }
                    return false
                }
                if isSet { continuation.resume() }
            }
        } onCancel: {
            set()
        }
    }
}
