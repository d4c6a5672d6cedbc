// SPDX-License-Identifier: Apache-2.0

import Logging
package import MartletAuth
import NIOCore

/// Writes a line for each denied request, whichever protocol it came by, as far as `AuditThrottle` lets it; what it
/// holds back is told as a number when the minute is over. Confined to the member's loop.
package final class AuditLog {
    private let logger: Logger
    private let eventLoop: any EventLoop
    private var throttle = AuditThrottle()
    private var timer: Scheduled<Void>?

    init(logger: Logger, eventLoop: any EventLoop) {
        self.logger = logger
        self.eventLoop = eventLoop
    }

    package func note(_ record: AuditRecord) {
        tellSuppressed()
        guard throttle.admits(record.user, at: now) else { return schedule() }
        var metadata = Logger.Metadata()
        for (name, value) in record.fields { metadata[name] = .string(value) }
        logger.warning("request denied", metadata: metadata)
    }

    private var now: Duration { .nanoseconds(Int64(clamping: eventLoop.now.uptimeNanoseconds)) }

    private func tellSuppressed() {
        for suppressed in throttle.suppressed(at: now) {
            logger.warning(
                "more requests were denied than lines are written of",
                metadata: [
                    "user": .string(suppressed.user.map { AuditRecord.shown($0) } ?? ""),
                    "suppressed": "\(suppressed.count)",
                ])
        }
    }

    /// The number is told also if nobody is denied any more.
    private func schedule() {
        guard timer == nil, let due = throttle.due else { return }
        timer = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(due - now)) { [weak self] in
            guard let self else { return }
            timer = nil
            tellSuppressed()
        }
    }
}
