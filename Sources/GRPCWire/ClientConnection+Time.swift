// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session
import NIOCore

/// What happens to a client's connection because time passes.
extension ClientConnection {
    /// Ends every call whose deadline has passed.
    func deadlinePassed() {
        self.deadlines.reset()
        let now = NIODeadline.now()
        var next = NIODeadline.distantFuture
        for call in self.calls.values {
            guard let deadline = call.deadline, !call.isComplete else { continue }
            if deadline <= now {
                self.end(call, .deadlineExceeded)
            } else {
                next = min(next, deadline)
            }
        }
        if next != .distantFuture { self.deadlines.add(next, on: self.loop, self.deadlinePassed) }
    }

    /// Tells when no call was open for ``idleTimeout``.
    func scheduleIdleCheck() {
        guard let idleTimeout = self.idleTimeout else { return }
        self.lastUse = .now()
        self.scheduleIdleCheck(in: idleTimeout, idleTimeout)
    }

    private func scheduleIdleCheck(in delay: TimeAmount, _ idleTimeout: TimeAmount) {
        self.idleTimer = self.loop.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            guard self.wire.isOpen else { return }
            let idle = NIODeadline.now() - self.lastUse
            if self.calls.isEmpty, idle >= idleTimeout { self.onChange(self, .idle) }
            guard !self.isDraining else { return }
            let rest = self.calls.isEmpty && idle < idleTimeout ? idleTimeout - idle : idleTimeout
            self.scheduleIdleCheck(in: rest, idleTimeout)
        }
    }

    /// A connection that had no call for this long isn't replaced when it is too old.
    static let unusedTime = TimeAmount.seconds(10)
    /// The pause before a connection that is too old asks again to be replaced: its server takes no new one just now.
    static let agePause = TimeAmount.seconds(5)

    /// Connections that were made together must not all be replaced together.
    static func jittered(_ age: TimeAmount) -> TimeAmount {
        .nanoseconds(age.nanoseconds / 10 * Int64.random(in: 9...11))
    }

    /// Tells when the connection is too old. On the loop.
    func scheduleAge(in delay: TimeAmount) {
        self.ageTimer = self.loop.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            guard self.wire.isOpen, !self.isDraining else { return }
            let isUnused = self.calls.isEmpty && NIODeadline.now() - self.lastUse >= Self.unusedTime
            self.onChange(self, .aged(isUnused: isUnused))
        }
    }
}
