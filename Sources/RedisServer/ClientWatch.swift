// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Closes clients whose time is over: idle ones, and those who leave too much unread for too long.
///
/// It looks again when the first of them may be due, once a second at most: so idle time costs a connection nothing
/// while it is used, and nothing at all where there is no limit to it.
struct ClientWatch {
    fileprivate var scheduled: Scheduled<Void>?
    /// Clients that had more to read than they may have for long, when that was looked at last.
    fileprivate var crowded: Set<UInt64> = []

    /// Source: Redis counts whole seconds here.
    fileprivate static let shortestPause = TimeAmount.seconds(1)
}

extension ClientHub {
    /// A client begins to have more to read than it may have for long.
    func watchOutput(of client: UInt64) {
        if watch.crowded.insert(client).inserted { watchAnew() }
    }

    /// To be called when there is one more to look after, or limits have changed.
    func watchAnew() {
        watch.scheduled?.cancel()
        watch.scheduled = nil
        guard let pause = pause(.now()) else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        watch.scheduled = loop.scheduleTask(in: pause) {
            bound.value.closeOverdue()
            bound.value.watchAnew()
        }
    }

    /// As above, of a client that has just come: nobody is due before those who are known.
    func watchNewcomer() {
        if watch.scheduled == nil, settings.limits.idleSeconds > 0 { watchAnew() }
    }

    func endWatch() {
        watch.scheduled?.cancel()
        watch.scheduled = nil
    }

    private var idleTime: TimeAmount? {
        settings.limits.idleSeconds == 0 ? nil : .seconds(Int64(settings.limits.idleSeconds))
    }

    /// Until somebody may be due; `nil`: nobody will be.
    private func pause(_ now: NIODeadline) -> TimeAmount? {
        if !watch.crowded.isEmpty { return ClientWatch.shortestPause }
        guard let idleTime, let oldest = connections.values.lazy.map(\.lastActive).min() else { return nil }
        return max(ClientWatch.shortestPause, oldest + idleTime - now)
    }

    private func closeOverdue() {
        let now = NIODeadline.now()
        for client in watch.crowded {
            guard let connection = connections[client] else {
                watch.crowded.remove(client)
                continue
            }
            if connection.leavesTooMuch(now) {
                connection.endForOutput()
            } else if !connection.isCrowded {
                watch.crowded.remove(client)
            }
        }
        guard let idleTime else { return }
        for connection in connections.values where now - connection.lastActive > idleTime {
            // Who waits for something, or is told what others do, has nothing to send.
            if connection.isWaiting || connection.isTold {
                connection.lastActive = now
            } else {
                connection.end()
            }
        }
    }
}
