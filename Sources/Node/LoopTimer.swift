// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// Runs an action again and again on an event loop. Confined to that loop; ends when cancelled.
package final class LoopTimer {
    private let eventLoop: any EventLoop
    private let period: TimeAmount
    private let action: () -> Void
    private var next: Scheduled<Void>?

    /// The action runs first after one period.
    package init(period: TimeAmount, on eventLoop: any EventLoop, action: @escaping () -> Void) {
        self.period = period
        self.eventLoop = eventLoop
        self.action = action
        scheduleNext()
    }

    package func cancel() {
        next?.cancel()
        next = nil
    }

    private func scheduleNext() {
        next = eventLoop.assumeIsolated().scheduleTask(in: period) { [weak self] in
            guard let self, next != nil else { return }
            scheduleNext()
            action()
        }
    }
}
