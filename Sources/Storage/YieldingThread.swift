// SPDX-License-Identifier: Apache-2.0

import CMartletPosix
import Dispatch
import Synchronization

/// Work that takes long and has time, done piece by piece on a thread of its own, which gets what others leave of the
/// processors. It ends with the last reference, when all that was asked for is done.
package final class YieldingThread: Sendable {
    private final class Jobs: Sendable {
        private struct State {
            var waiting: [@Sendable () -> Void] = []
            var isEnded = false
        }

        private let state = Mutex(State())
        private let wake = DispatchSemaphore(value: 0)

        func add(_ job: @escaping @Sendable () -> Void) {
            state.withLock { $0.waiting.append(job) }
            wake.signal()
        }

        func end() {
            state.withLock { $0.isEnded = true }
            wake.signal()
        }

        func run() {
            while true {
                wake.wait()
                let (jobs, isEnded) = state.withLock { state in
                    defer { state.waiting = [] }
                    return (state.waiting, state.isEnded)
                }
                for job in jobs { job() }
                if isEnded { return }
            }
        }
    }

    private let jobs = Jobs()

    /// - Parameter name: at most 15 bytes.
    package init(_ name: String) throws(StorageError) {
        try WorkerThread.start(name) { [jobs] in
            martlet_yield_to_others()
            jobs.run()
        }
    }

    deinit {
        jobs.end()
    }

    /// Makes the calling thread one that gets what others leave, for as long as it lives.
    package static func yieldFromNowOn() { martlet_yield_to_others() }

    /// Does `body` behind all that was asked for before.
    package func async(_ body: @escaping @Sendable () -> Void) { jobs.add(body) }
}
