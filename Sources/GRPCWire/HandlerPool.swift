// SPDX-License-Identifier: Apache-2.0

import DequeModule
import Dispatch
import Synchronization

/// Where a handler runs.
package struct HandlerPool: Sendable {
    enum Kind: Sendable {
        case loop
        case executor(any TaskExecutor)
    }

    let kind: Kind

    /// On the event loop of its connection: the fastest place, for handlers that compute little and never block.
    package static let loop = HandlerPool(kind: .loop)
    /// On Swift's own thread pool: for handlers that compute for long.
    package static let concurrentPool = HandlerPool(kind: .executor(globalConcurrentExecutor))
    /// On threads that may block: for handlers that call synchronous I/O or sleep their thread.
    package static let blockingPool = HandlerPool(kind: .executor(BlockingExecutor.shared))
    /// Runs a part of a handler here whose task runs elsewhere.
    package func run<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        switch self.kind {
        case .loop: try await body()
        case .executor(let executor): try await withTaskExecutorPreference(executor) { try await body() }
        }
    }

    /// On an executor of the user's.
    package static func custom(_ executor: any TaskExecutor) -> HandlerPool {
        HandlerPool(kind: .executor(executor))
    }
}

/// Threads that may block, at most ``maximumThreads`` at once; more jobs wait in order.
final class BlockingExecutor: TaskExecutor {
    /// Enough for handlers that wait for disks and databases; each thread costs its stack.
    static let maximumThreads = 64

    static let shared = BlockingExecutor()

    private struct State {
        var jobs: Deque<UnownedJob> = []
        var threads = 0
    }

    private let state = Mutex(State())

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let mustStart = self.state.withLock { state in
            state.jobs.append(job)
            guard state.threads < Self.maximumThreads else { return false }
            state.threads += 1
            return true
        }
        // A serial queue gets a thread of its own at once; the global queue waits to see whether others block.
        if mustStart { DispatchQueue(label: "martlet.blocking").async { self.work() } }
    }

    /// Runs jobs until none waits.
    private func work() {
        while let job = self.nextJob() {
            job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }

    private func nextJob() -> UnownedJob? {
        self.state.withLock { state in
            if let job = state.jobs.popFirst() { return job }
            state.threads -= 1
            return nil
        }
    }
}
