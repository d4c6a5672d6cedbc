// SPDX-License-Identifier: Apache-2.0

/// What one consumer of a group has in hand, and when it has to do what: renew its messages, give them back, look for
/// those of consumers that have died, put away what fails again and again. A value without a clock.
///
/// A message that nobody has renewed for `claimAfter` may be claimed by any consumer. So its owner renews it three
/// times as often; and where it couldn't, asks whether it is still the owner before it does.
package struct DeliveryLedger: Sendable {
    package struct Rules: Sendable {
        /// Messages in hand: those that are handled, and those that wait for it.
        package var maximumMessages = 16
        /// How long a message is its owner's without a renewal.
        package var claimAfter = Duration.seconds(30)
        /// Between two looks at what others may have left.
        package var claimInterval = Duration.seconds(1)
        /// How often a message is delivered before it is put away.
        package var maximumDeliveries = 5

        package init() {}

        /// Messages are renewed when they have been for so long. A third: two renewals may fail.
        var renewAfter: Duration { claimAfter / 3 }
    }

    /// Something to be done at a server.
    package enum Order: Sendable, Hashable {
        /// Say that these are still worked on.
        case renew([RedisStreamID])
        /// Ask which of these are still this consumer's, and renew those: they could have been claimed meanwhile.
        case verify([RedisStreamID])
        /// Let it count as delivered so long ago, so that it can be claimed when its pause is over.
        case release(RedisStreamID, idle: Duration)
        /// Look for idle messages from here on, and claim at most so many.
        case claim(from: RedisStreamID, count: Int)
    }

    package enum Arrival: Sendable, Hashable {
        case handle
        /// It has been delivered too often.
        case bury
        /// It is in hand already.
        case ignore
    }

    package enum Failure: Sendable, Hashable {
        /// It has been delivered often enough.
        case bury
        case release(idle: Duration)
        /// Its pause is so long that it is renewed for a while before it is released.
        case park
        /// It isn't this consumer's any more.
        case ignore
    }

    private struct Holding: Sendable {
        var deliveries: Int
        /// When the server last heard that it is worked on.
        var renewedAt: Duration
        /// When a pause ends, of a message that failed.
        var dueAt: Duration?
        /// A renewal is under way.
        var isBeingRenewed = false
    }

    package let rules: Rules
    private var holdings: [RedisStreamID: Holding] = [:]
    private var cursor = RedisStreamID.zero
    private var nextClaim: Duration
    private var isClaiming = false
    private var isStopping = false

    package init(_ rules: Rules, now: Duration) {
        self.rules = rules
        // At once: a consumer that starts is often one that died before.
        nextClaim = now
    }

    /// How many messages may be asked for now.
    package var room: Int { isStopping ? 0 : max(0, rules.maximumMessages - holdings.count) }

    /// In the order of their IDs.
    package var inHand: [RedisStreamID] { holdings.keys.sorted() }

    package func deliveries(of id: RedisStreamID) -> Int? { holdings[id]?.deliveries }

    // MARK: What happened

    /// A message came.
    ///
    /// - Parameter deliveries: How often it has been delivered, this time included.
    package mutating func arrived(_ id: RedisStreamID, deliveries: Int, now: Duration) -> Arrival {
        if holdings[id] != nil {
            // Claimed from itself, after a time without renewals: it is handled already.
            holdings[id]?.renewedAt = now
            holdings[id]?.deliveries = deliveries
            return .ignore
        }
        holdings[id] = Holding(deliveries: deliveries, renewedAt: now)
        return deliveries > rules.maximumDeliveries ? .bury : .handle
    }

    /// It is acknowledged, put away, or released: it is no longer in hand.
    package mutating func finished(_ id: RedisStreamID) { holdings[id] = nil }

    /// Its handler failed; it is to come again after a pause.
    package mutating func failed(_ id: RedisStreamID, pause: Duration, now: Duration) -> Failure {
        guard let holding = holdings[id] else { return .ignore }
        if holding.deliveries >= rules.maximumDeliveries { return .bury }
        if pause > rules.claimAfter {
            holdings[id]?.dueAt = now + pause
            return .park
        }
        return .release(idle: release(id, pause, now))
    }

    /// Takes it out of hand, and looks for it when its pause is over.
    private mutating func release(_ id: RedisStreamID, _ pause: Duration, _ now: Duration) -> Duration {
        holdings[id] = nil
        let pause = max(.zero, min(pause, rules.claimAfter))
        nextClaim = min(nextClaim, now + pause)
        return rules.claimAfter - pause
    }

    /// Renewals came through, and some didn't.
    ///
    /// - Returns: Those that are gone: no longer in hand.
    package mutating func renewed(
        _ asked: [RedisStreamID], confirmed: [RedisStreamID], now: Duration
    ) -> [RedisStreamID] {
        let confirmed = Set(confirmed)
        var lost: [RedisStreamID] = []
        for id in asked where holdings[id] != nil {
            holdings[id]?.isBeingRenewed = false
            if confirmed.contains(id) {
                holdings[id]?.renewedAt = now
            } else {
                holdings[id] = nil
                lost.append(id)
            }
        }
        return lost
    }

    /// A renewal didn't come through: nothing is known.
    package mutating func renewalFailed(_ asked: [RedisStreamID]) {
        for id in asked { holdings[id]?.isBeingRenewed = false }
    }

    /// A look at what others left is done.
    ///
    /// - Parameter next: Where to go on; zero at the end.
    package mutating func claimed(next: RedisStreamID, now: Duration) {
        isClaiming = false
        cursor = next
        // A walk that was begun goes on at once: its part took the server little time.
        if next == .zero { nextClaim = now + rules.claimInterval }
    }

    package mutating func claimFailed(now: Duration) {
        isClaiming = false
        nextClaim = now + rules.claimInterval
    }

    /// Nothing more is to come in.
    package mutating func stop() { isStopping = true }

    // MARK: What is due

    /// What is to be done now. Each renewal and claim is to be reported before the next is ordered.
    package mutating func due(now: Duration) -> [Order] {
        var orders: [Order] = []
        var renewals: [RedisStreamID] = []
        var doubtful: [RedisStreamID] = []
        for id in inHand {
            guard let holding = holdings[id], !holding.isBeingRenewed else { continue }
            if let due = holding.dueAt, due - rules.claimAfter <= now {
                orders.append(.release(id, idle: release(id, due - now, now)))
                continue
            }
            let age = now - holding.renewedAt
            if age >= rules.claimAfter {
                doubtful.append(id)
            } else if age >= rules.renewAfter {
                renewals.append(id)
            } else {
                continue
            }
            holdings[id]?.isBeingRenewed = true
        }
        if !renewals.isEmpty { orders.append(.renew(renewals)) }
        if !doubtful.isEmpty { orders.append(.verify(doubtful)) }
        if nextClaim <= now, !isClaiming, room > 0 {
            isClaiming = true
            orders.append(.claim(from: cursor, count: room))
        }
        return orders
    }

    /// When something will be due next; `nil` as long as nothing changes.
    package var nextDue: Duration? {
        var next = isStopping || isClaiming || room == 0 ? nil : nextClaim
        for holding in holdings.values where !holding.isBeingRenewed {
            var at = holding.renewedAt + rules.renewAfter
            if let due = holding.dueAt { at = min(at, due - rules.claimAfter) }
            next = min(next ?? at, at)
        }
        return next
    }
}
