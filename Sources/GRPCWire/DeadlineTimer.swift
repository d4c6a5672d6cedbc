// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// One timer for all deadlines of a connection.
///
/// It stands at the earliest deadline that was added since it last fired. Most calls end long before theirs, so it
/// fires rarely; then its connection looks at all open calls, and adds the earliest that is left.
struct DeadlineTimer {
    /// The timer is not finer than this, so that many near deadlines cost few looks.
    static let resolution = TimeAmount.milliseconds(1)

    private var earliest = NIODeadline.distantFuture
    private var timer: Scheduled<Void>?

    /// `action` holds its connection strongly: a weak reference would make each of its retains slow. Whoever owns the
    /// timer cancels it when the connection closes.
    mutating func add(_ deadline: NIODeadline, on loop: LoopExecutor, _ action: @escaping @Sendable () -> Void) {
        guard deadline < self.earliest else { return }
        self.timer?.cancel()
        self.earliest = deadline
        self.timer = loop.eventLoop.assumeIsolated().scheduleTask(
            deadline: max(deadline, .now() + Self.resolution), action)
    }

    /// The timer has fired.
    mutating func reset() {
        self.earliest = .distantFuture
        self.timer = nil
    }

    mutating func cancel() {
        self.timer?.cancel()
        self.reset()
    }
}
