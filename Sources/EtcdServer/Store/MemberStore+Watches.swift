// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdAPI
import MartletKeyValue
import MartletNode
import SwiftProtobuf

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
        member.workTurns.next { self.catchUpStep() }
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
            var touched: [any WatchSink] = []
            for delivery in deliveries {
                // A stream that closed meanwhile has nobody to deliver to.
                guard let sink = watchStreams[delivery.stream] else { continue }
                if sink.deliver(delivery, encoder: &watchEncoder) { touched.append(sink) }
            }
            for sink in touched { sink.flush() }
        }
    }

    /// The encoding of a WatchResponse that has a header only. All watchers of a change ask for the same one.
    func watchResponseHead(revision: Int64) -> [UInt8] {
        if let known = lastWatchHead, known.revision == revision { return known.bytes }
        let bytes = responseHead.begin(revision, reserving: 0)
        lastWatchHead = (revision, bytes)
        return bytes
    }
}
