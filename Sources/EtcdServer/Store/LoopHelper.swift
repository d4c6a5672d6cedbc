// SPDX-License-Identifier: Apache-2.0

import Dispatch
import NIOCore

/// Does on threads beside the loop what would hold it up: hashing passwords, reading long ranges. Few jobs at a time,
/// so that a storm of them leaves the loop a core to itself. Confined to the loop.
final class LoopHelper {
    private let eventLoop: any EventLoop
    private let queue: DispatchQueue
    private let maximumWaiting: Int
    private var runningCount = 0
    /// Oldest first.
    private var waiting: [() -> Void] = []

    private static let width = max(System.coreCount / 2, 1)

    /// - Parameters:
    ///   - name: of the threads' queue.
    ///   - maximumWaiting: jobs that wait for a thread; more are refused.
    init(_ name: String, maximumWaiting: Int, on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.maximumWaiting = maximumWaiting
        queue = DispatchQueue(label: "martlet.\(name)", attributes: .concurrent)
    }

    /// Runs `work` on a thread, and then `answer` on the loop.
    ///
    /// - Returns: false if too much waits already: then neither runs.
    func run<Value: Sendable>(
        _ work: @escaping @Sendable () -> Value, then answer: @escaping (Value) -> Void
    ) -> Bool {
        guard waiting.count < maximumWaiting else { return false }
        waiting.append { [self] in start(work, answer) }
        startNext()
        return true
    }

    private func startNext() {
        guard runningCount < Self.width, !waiting.isEmpty else { return }
        runningCount += 1
        waiting.removeFirst()()
    }

    private func start<Value: Sendable>(_ work: @escaping @Sendable () -> Value, _ answer: @escaping (Value) -> Void) {
        let loop = eventLoop
        let bound = NIOLoopBound((helper: self, answer: answer), eventLoop: loop)
        queue.async {
            let value = work()
            loop.execute {
                bound.value.helper.runningCount -= 1
                bound.value.helper.startNext()
                bound.value.answer(value)
            }
        }
    }
}
