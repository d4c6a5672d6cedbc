// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import Synchronization

extension RedisConsumer {
    /// Looks after what is in hand.
    func keep() async {
        while !Task.isCancelled {
            await keepOnce()
            let now = now
            let next = state.withLock { $0.burials.isEmpty ? $0.ledger.nextDue : now }
            await keeperWakeup.wait(next.map { max($0 - now, .zero) })
        }
    }

    /// Does what is due now.
    func keepOnce() async {
        let now = now
        let (orders, burials) = state.withLock { state in
            defer { state.burials = [] }
            return (state.ledger.due(now: now), state.burials)
        }
        for (message, reason) in burials { await bury(message, reason) }
        for order in orders { await carryOut(order) }
        if !orders.isEmpty { roomWakeup.set() }
    }

    private func carryOut(_ order: DeliveryLedger.Order) async {
        switch order {
        case .renew(let ids):
            // What isn't confirmed is no longer in the stream: its handler may finish all the same.
            _ = await renew(ids, ids)
        case .verify(let ids): await verify(ids)
        case .release(let id, let idle):
            do {
                _ = try await release([id], idle: idle, deliveries: nil)
            } catch {
                // Then it can be claimed when its time is over.
                logger.info("message is not given back", metadata: ["id": "\(id)", "error": "\(error)"])
            }
        case .claim(let start, let count): await claim(from: start, count)
        }
    }

    /// - Parameter ours: Those of `asked` that are certainly this consumer's.
    /// - Returns: Those that are no longer in hand.
    private func renew(_ asked: [RedisStreamID], _ ours: [RedisStreamID]) async -> [RedisStreamID] {
        var confirmed: [RedisStreamID] = []
        do {
            for start in stride(from: 0, to: ours.count, by: Self.batch) {
                confirmed += try await client.xclaimIDs(
                    options.stream, options.group, options.consumer, minimumIdle: .zero,
                    Array(ours[start..<min(start + Self.batch, ours.count)]))
            }
        } catch {
            logger.info("messages are not renewed", metadata: ["error": "\(error)"])
            state.withLock { $0.ledger.renewalFailed(asked) }
            // Soon again, but not at once.
            try? await Task.sleep(for: Self.retryPause)
            return []
        }
        let now = now
        return state.withLock { $0.ledger.renewed(asked, confirmed: confirmed, now: now) }
    }

    /// Renews what is still this consumer's; handlers of the rest are cancelled.
    private func verify(_ ids: [RedisStreamID]) async {
        var ours: [RedisStreamID] = []
        do {
            for id in ids {
                let pending = try await client.xpending(
                    options.stream, options.group, .including(id), .including(id), count: 1,
                    consumer: options.consumer)
                if !pending.isEmpty { ours.append(id) }
            }
        } catch {
            logger.info("messages are not renewed", metadata: ["error": "\(error)"])
            state.withLock { $0.ledger.renewalFailed(ids) }
            try? await Task.sleep(for: Self.retryPause)
            return
        }
        for id in await renew(ids, ours) {
            logger.warning("message is lost to another consumer", metadata: ["id": "\(id)"])
            state.withLock { $0.handlers[id] }?.cancel()
        }
    }

    /// Claims what others have left.
    private func claim(from start: RedisStreamID, _ count: Int) async {
        do {
            let found = try await client.xautoclaim(
                options.stream, options.group, options.consumer, minimumIdle: options.rules.claimAfter, start: start,
                count: count)
            if let first = found.claimed.first?.id, let last = found.claimed.last?.id {
                let inHand = state.withLock { $0.ledger.inHand.count }
                let pending = try await client.xpending(
                    options.stream, options.group, .including(first), .including(last),
                    count: found.claimed.count + inHand, consumer: options.consumer)
                let deliveries = Dictionary(pending.map { ($0.id, $0.deliveries) }) { $1 }
                for entry in found.claimed where !entry.isDeleted {
                    // At least the second time: it was somebody's.
                    await accept(entry, deliveries: deliveries[entry.id] ?? 2)
                }
            }
            let now = now
            state.withLock { $0.ledger.claimed(next: found.next, now: now) }
        } catch {
            // A group that is gone is the reader's to make again.
            if (error as? RedisError)?.code != .noGroup {
                logger.info("nothing is claimed", metadata: ["error": "\(error)"])
            }
            let now = now
            state.withLock { $0.ledger.claimFailed(now: now) }
        }
    }

    // MARK: The ways out of hand

    /// How long ago something counts as delivered that anyone may have at once: longer than anyone waits.
    private static let releasedIdle = Duration.seconds(24 * 3600)

    /// There is room again, for what is read and for what is claimed.
    func wake() {
        roomWakeup.set()
        keeperWakeup.set()
    }

    /// Gives messages back.
    ///
    /// A server that knows `XNACK` makes them nobody's; another keeps them with this consumer's name, and lets them
    /// count as delivered so long ago that anyone may claim them.
    ///
    /// - Parameters:
    ///   - idle: How long ago they count as delivered.
    ///   - deliveries: How often they count as delivered; `nil` leaves that.
    /// - Returns: Whether something was pending.
    func release(_ ids: [RedisStreamID], idle: Duration, deliveries: Int?) async throws -> Bool {
        if idle >= options.rules.claimAfter, state.withLock({ $0.canRelease }) {
            do {
                return try await client.xnack(
                    options.stream, options.group, .fail, ids, deliveries: deliveries) > 0
            } catch let error as RedisError where error.isNotSupported {
                state.withLock { $0.canRelease = false }
            }
        }
        let released = try await client.xclaimIDs(
            options.stream, options.group, options.consumer, minimumIdle: .zero, ids
        ) {
            // Others may claim later than this one.
            $0.idle = idle >= options.rules.claimAfter ? max(idle, Self.releasedIdle) : idle
            $0.deliveries = deliveries
        }
        return !released.isEmpty
    }

    /// Gives a message back that came in vain, or failed.
    ///
    /// - Parameter isUntouched: Whether nobody has begun with it: then this delivery doesn't count.
    func release(_ message: RedisConsumerMessage, isUntouched: Bool) async {
        state.withLock { $0.ledger.finished(message.entry.id) }
        do {
            _ = try await release(
                [message.entry.id], idle: options.rules.claimAfter,
                deliveries: isUntouched ? max(0, message.deliveries - 1) : nil)
        } catch {
            logger.info("message is not given back", metadata: ["id": "\(message.entry.id)", "error": "\(error)"])
        }
        wake()
    }

    /// Puts a message away, and acknowledges it with the same step.
    func bury(_ message: RedisConsumerMessage, _ reason: String) async {
        let id = message.entry.id
        defer {
            state.withLock { $0.ledger.finished(id) }
            wake()
        }
        let metadata: Logger.Metadata = ["id": "\(id)", "reason": "\(reason)"]
        do {
            guard let target = options.deadLetterStream else {
                logger.warning("message is dropped", metadata: metadata)
                try await client.xack(options.stream, options.group, [id])
                return
            }
            logger.warning("message is a dead letter", metadata: metadata)
            let fields =
                [
                    RedisField("Dead-Letter-Stream", options.stream), RedisField("Dead-Letter-Group", options.group),
                    RedisField("Dead-Letter-Id", "\(id)"), RedisField("Dead-Letter-Reason", reason),
                ] + message.entry.fields
            let replies = try await client.transaction([
                .xadd(target, fields), .xack(options.stream, options.group, [id]),
            ])
            if let error = replies?.first?.error {
                // It was acknowledged all the same: it becomes pending again.
                try await client.xclaimIDs(
                    options.stream, options.group, options.consumer, minimumIdle: .zero, [id]
                ) {
                    $0.force = true
                    $0.deliveries = message.deliveries
                }
                throw error
            }
        } catch {
            // If it is still pending it is claimed again, and comes here again.
            logger.warning(
                "message is not put away", metadata: metadata.merging(["error": "\(error)"]) { $1 })
        }
    }
}
