// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import NIOCore

extension MemberStore {
    /// Sends what the store has for watchers, and goes on with those that read history.
    func deliverWatches() {
        drainWatchDeliveries()
        guard keyValue.hasWatchesToCatchUp, !isCatchingUp else { return }
        isCatchingUp = true
        catchUpStep()
    }

    /// One bounded step through history; the next one comes when the loop has served others.
    private func catchUpStep() {
        let more = keyValue.catchUpWatches()
        drainWatchDeliveries()
        guard more || keyValue.hasWatchesToCatchUp else {
            isCatchingUp = false
            return
        }
        eventLoop.assumeIsolated().execute { self.catchUpStep() }
    }

    /// What is delivered may itself change the store; those changes wait until the present ones are out, so that every
    /// stream sees them in order.
    private func drainWatchDeliveries() {
        guard !isDelivering else { return }
        isDelivering = true
        defer { isDelivering = false }
        while true {
            let deliveries = keyValue.drainWatchDeliveries()
            guard !deliveries.isEmpty else { return }
            var encoder = WatchEventEncoder()
            for delivery in deliveries {
                // A stream that closed meanwhile has nobody to deliver to.
                watchStreams[delivery.stream]?.deliver(delivery, encoder: &encoder)
            }
        }
    }
}
