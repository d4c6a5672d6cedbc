// SPDX-License-Identifier: Apache-2.0

import Dispatch
import NIOCore

/// Hashes and checks passwords on threads beside the loop: a good part of a second of work each. Few at a time, so that
/// a storm of logins leaves the loop a core to itself. Confined to the loop.
final class PasswordWorker {
    private let eventLoop: any EventLoop
    private let queue = DispatchQueue(label: "martlet.passwords", attributes: .concurrent)
    private var runningCount = 0
    /// Oldest first.
    private var waiting: [() -> Void] = []

    private static let width = max(System.coreCount / 2, 1)
    /// Who stands behind so many at etcd's cost waits a minute: its client has long given up.
    private static let waitingMax = 1024

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Runs `work` on a thread, and then `answer` on the loop.
    ///
    /// - Returns: false if too much waits already: then neither runs.
    func run<Value: Sendable>(
        _ work: @escaping @Sendable () -> Value, then answer: @escaping (Value) -> Void
    ) -> Bool {
        guard waiting.count < Self.waitingMax else { return false }
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
        let bound = NIOLoopBound((worker: self, answer: answer), eventLoop: loop)
        queue.async {
            let value = work()
            loop.execute {
                bound.value.worker.runningCount -= 1
                bound.value.worker.startNext()
                bound.value.answer(value)
            }
        }
    }
}
