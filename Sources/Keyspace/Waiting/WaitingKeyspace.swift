// SPDX-License-Identifier: Apache-2.0

public import MartletRESPCodec

/// A keyspace and those who wait in it, where commands take effect at once: a process without a log.
///
/// What it does about those who wait is the same with a log: see `BlockedReaders`. There, a waiter's command is
/// proposed where it is run here.
public struct WaitingKeyspace: Sendable {
    /// The reply to a command that had to wait.
    public struct Answer: Hashable, Sendable {
        public var client: UInt64
        public var bytes: [UInt8]
        /// Of errors among them, by the commands' numbers.
        public var failures: [ReplyFailure] = []
        public var lookups = KeyLookups()
    }

    /// How a wait is ended from outside.
    public enum Unblocking: Hashable, Sendable {
        /// As if its time were over.
        case timeout
        case error
    }

    public var keyspace: Keyspace
    public private(set) var blocked = BlockedReaders()
    /// Answers since somebody last took them, in order.
    public var answers: [Answer] = []

    public init(_ keyspace: Keyspace = Keyspace()) {
        self.keyspace = keyspace
    }

    // MARK: Commands

    /// Carries out a command. If it waits its reply becomes one of `answers`.
    ///
    /// - Parameter ticks: the clock of timeouts, in milliseconds.
    public mutating func run(
        _ entry: CommandEntry, _ call: Call, ticks: Int64, _ reply: inout ReplyWriter
    ) -> CommandOutcome {
        let outcome = outcome(entry, call, &reply)
        guard outcome == .waits else { return outcome }
        guard let waiter = keyspace.waiter(entry, call, ticks: ticks, isRESP3: reply.isRESP3) else {
            reply.nullArray()
            return .replied
        }
        blocked.add(waiter)
        return .waits
    }

    private mutating func outcome(
        _ entry: CommandEntry, _ call: Call, _ reply: inout ReplyWriter
    ) -> CommandOutcome {
        if entry.isRead { return keyspace.read(entry, call, &reply) }
        if entry.flags.contains(.blocking), let outcome = keyspace.vainOutcome(entry, call, &reply) { return outcome }
        return keyspace.apply(entry, call, &reply)
    }

    // MARK: Those who wait

    /// Answers whoever can be answered after what has happened. To be called after each command or transaction.
    public mutating func serve(now: Int64, seed: UInt64 = 0) {
        if blocked.isEmpty {
            keyspace.signals.removeAll(keepingCapacity: true)
            return
        }
        wake()
        while let waiter = blocked.next() {
            guard let entry = CommandTable.shared.entry(waiter.arguments) else { preconditionFailure("no command") }
            let call = Call(
                keyspace.arguments(of: waiter, now: now), database: waiter.database, now: now, seed: seed,
                client: waiter.client)
            var reply = ReplyWriter(isRESP3: waiter.isRESP3)
            var outcome = outcome(entry, call, &reply)
            if keyspace.leavesAlone(waiter, reply, now: now) { outcome = .waits }
            if outcome == .waits {
                blocked.settle(isServed: false, due: keyspace.due(call), looked: keyspace.lookedOn(waiter, now: now))
            } else {
                answers.append(
                    Answer(
                        client: waiter.client, bytes: reply.bytes, failures: reply.failures, lookups: reply.lookups))
                blocked.settle(isServed: true)
            }
            // What it did may concern others.
            wake()
        }
    }

    private mutating func wake() {
        blocked.wake(keyspace.signals)
        keyspace.signals.removeAll(keepingCapacity: true)
    }

    /// Lets time pass: ends waits, hands over pending entries that have come of age, does what is due by itself.
    public mutating func tick(now: Int64, ticks: Int64, seed: UInt64 = 0) {
        if let due = keyspace.nextDue, due <= now { keyspace.carryOutDue(now: now) }
        for waiter in blocked.removeTimedOut(ticks: ticks) { end(waiter, .timeout) }
        blocked.wakeClaims(now: now)
        serve(now: now, seed: seed)
    }

    /// Ends a client's wait; whether it waited.
    public mutating func unblock(_ client: UInt64, _ unblocking: Unblocking) -> Bool {
        guard let waiter = blocked.remove(client) else { return false }
        end(waiter, unblocking)
        return true
    }

    /// Forgets a client that has gone.
    public mutating func remove(_ client: UInt64) {
        blocked.remove(client)
    }

    private mutating func end(_ waiter: Waiter, _ unblocking: Unblocking) {
        answers.append(Answer(client: waiter.client, bytes: waiter.reply(unblocking)))
    }
}

extension Waiter {
    /// The reply to a wait that is ended from outside.
    public func reply(_ unblocking: WaitingKeyspace.Unblocking) -> [UInt8] {
        var reply = ReplyWriter(isRESP3: isRESP3)
        switch unblocking {
        case .timeout: reply.nullArray()
        case .error: reply.error("UNBLOCKED client unblocked via CLIENT UNBLOCK")
        }
        return reply.bytes
    }
}
