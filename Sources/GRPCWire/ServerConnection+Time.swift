// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session
import NIOCore

extension ServerConnection {
    /// Answers every call whose deadline has passed with status 4, without waiting for its handler.
    func deadlinePassed() {
        self.deadlines.reset()
        let now = NIODeadline.now()
        var next = NIODeadline.distantFuture
        for call in self.calls.values {
            guard let deadline = call.deadline, !call.isFinished else { continue }
            if deadline <= now {
                self.finish(call, .deadlineExceeded)
            } else {
                next = min(next, deadline)
            }
        }
        if next != .distantFuture { self.deadlines.add(next, on: self.loop, self.deadlinePassed) }
    }
}

/// The two steps of a drain. Source: RFC 9113 §6.8.
extension ServerConnection {
    /// The payload of the ping whose answer shows that the client has seen the shutdown notice.
    static let drainPayload: UInt64 = 0x6d61_7274_6c65_7401

    /// Tells the client to open no more calls here; those it opened before it read this are still served.
    func announceDrain() {
        guard case .none = self.drain else { return }
        self.drain = .announcing
        self.wire.session.announceShutdown()
        self.wire.markDirty()
    }

    func pingAfterNotice() {
        guard case .announcing = self.drain else { return }
        self.drain = .announced
        self.wire.session.ping(payload: Self.drainPayload)
        self.wire.markDirty()
    }

    func pingAcknowledged(_ payload: UInt64) {
        guard payload == Self.drainPayload, case .announced = self.drain else { return }
        self.drain = .draining
        self.wire.session.goAway(.noError)
        self.wire.markDirty()
        self.closeIfDrained()
    }

    func closeIfDrained() {
        guard case .draining = self.drain, !self.hasOpenStreams else { return }
        self.wire.terminate(.noError)
    }

    /// Ends what is left of the calls.
    func abandon() {
        for call in self.calls.values {
            self.finish(call, GRPCStatus(.unavailable, "server is shutting down"))
        }
        // No `terminate`: nghttp2 would drop the statuses just submitted.
        self.wire.session.goAway(.noError)
        self.wire.closeWhenFlushed()
    }
}
