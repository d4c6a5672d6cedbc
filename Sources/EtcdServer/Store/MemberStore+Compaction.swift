// SPDX-License-Identifier: Apache-2.0

import MartletKeyValue
import NIOCore

extension MemberStore {
    /// Versions removed by one step, so that no step holds the loop for long.
    private static let versionsPerStep = 1000

    func startReclaiming() {
        guard !isReclaiming else { return }
        isReclaiming = true
        reclaimStep()
    }

    /// Removes some of what compactions left behind; goes on when the loop has served others.
    private func reclaimStep() {
        guard keyValue.reclaimCompacted(limit: Self.versionsPerStep) else {
            eventLoop.assumeIsolated().execute { self.reclaimStep() }
            return
        }
        isReclaiming = false
        let waiting = pendingCompactions
        pendingCompactions = []
        for (response, reply) in waiting {
            deliver(.success(.compact(response)), to: reply)
        }
    }
}
