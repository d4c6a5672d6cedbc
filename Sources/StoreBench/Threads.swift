// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Runs a body in threads of their own, all at once. Their connections are made before the time is taken.
///
/// - Parameter body: Prepares, waits at the gate for the others, and goes on.
/// - Returns: What the bodies returned; when the gate was opened, and the seconds and the processor time of `process`
///   since.
func inThreads<Output: Sendable>(
    _ count: Int, measuring process: Int, _ body: @escaping @Sendable (Int, Gate) -> Output
) -> (outputs: [Output], start: UInt64, seconds: Double, processorSeconds: Double) {
    let (gate, ended, outputs) = (Gate(parties: count + 1), DispatchSemaphore(value: 0), Outputs<Output>())
    for number in 0..<count {
        Thread.detachNewThread {
            let output = body(number, gate)
            outputs.all.withLock { $0.append(output) }
            ended.signal()
        }
    }
    let start = gate.wait()
    let startTime = processorSeconds(of: process)
    for _ in 0..<count { ended.wait() }
    let seconds = Double(monotonicTime() - start) / 1e9
    return (outputs.all.withLock { $0 }, start, seconds, processorSeconds(of: process) - startTime)
}

private final class Outputs<Output: Sendable>: Sendable {
    let all = Mutex<[Output]>([])
}

/// Opens when all have come.
///
/// `@unchecked Sendable`: what varies is touched only while the condition is locked.
final class Gate: @unchecked Sendable {
    private let condition = NSCondition()
    private var missing: Int
    private var opened: UInt64 = 0

    init(parties: Int) {
        self.missing = parties
    }

    /// - Returns: When it was opened, the same for all.
    @discardableResult
    func wait() -> UInt64 {
        self.condition.lock()
        defer { self.condition.unlock() }
        self.missing -= 1
        if self.missing == 0 {
            self.opened = monotonicTime()
            self.condition.broadcast()
        }
        while self.missing > 0 { self.condition.wait() }
        return self.opened
    }
}
