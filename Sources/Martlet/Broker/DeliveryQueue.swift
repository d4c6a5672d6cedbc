// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import Synchronization

/// The messages that wait for the subscribers of one queue, and who handles which.
///
/// Members take turns. Each handles as many messages at once as it likes; a message that is to come again waits its
/// pause and then goes behind those that wait. What waits, pauses included, is bounded.
package final class DeliveryQueue: Sendable {
    package typealias Deliver = @Sendable (BrokerDelivery) async -> DeliveryOutcome

    /// Messages that may wait: a second's worth of a busy topic. Behind that, publishers are told to slow down.
    package static let maximumMessages = 10_000
    /// Bytes of messages that may wait.
    package static let maximumBytes = 64 << 20

    private struct Waiting {
        var message: BrokerMessage
        var count: Int
    }

    private struct Member {
        var id: UInt64
        var concurrency: Int
        var deliver: Deliver
        var active = 0
        /// Those that handle messages now.
        var workers: Set<UInt64> = []
        var tasks: [UInt64: Task<Void, Never>] = [:]
        var hasLeft = false
    }

    private struct Job {
        var member: UInt64
        var worker: UInt64
        var deliver: Deliver
        var waiting: Waiting
    }

    private struct State {
        var waiting: Deque<Waiting> = []
        /// Of what waits, and of what pauses.
        var messages = 0
        var bytes = 0
        var members: [Member] = []
        var turn = 0
        /// Messages that are to come again, by a number of their own; `nil` where there is no task yet.
        var pauses: [UInt64: Task<Void, Never>?] = [:]
        var nextID: UInt64 = 0

        mutating func makeID() -> UInt64 {
            self.nextID += 1
            return self.nextID
        }

        func position(of member: UInt64) -> Int? { self.members.firstIndex { $0.id == member } }
    }

    private let topic: String
    private let maximumMessages: Int
    private let state = Mutex(State())

    package init(topic: String, maximumMessages: Int = DeliveryQueue.maximumMessages) {
        self.topic = topic
        self.maximumMessages = maximumMessages
    }

    /// Whether a message of so many bytes would still be taken.
    package func hasRoom(bytes: Int) -> Bool {
        self.state.withLock { self.hasRoom($0, bytes: bytes) }
    }

    private func hasRoom(_ state: State, bytes: Int) -> Bool {
        // One message that is too large by itself is taken when nothing else waits.
        state.messages < self.maximumMessages && (state.messages == 0 || state.bytes + bytes <= Self.maximumBytes)
    }

    /// Puts a message behind the others.
    ///
    /// - Returns: Whether there was room. ``pump()`` starts its delivery.
    package func offer(_ message: BrokerMessage) -> Bool {
        self.state.withLock { state in
            guard self.hasRoom(state, bytes: message.body.count) else { return false }
            state.messages += 1
            state.bytes += message.body.count
            state.waiting.append(Waiting(message: message, count: 1))
            return true
        }
    }

    /// Hands waiting messages to members that have nothing better to do.
    package func pump() {
        while let job = self.state.withLock({ Self.nextJob(&$0) }) { self.start(job) }
    }

    // MARK: Members

    /// Adds a member; messages may come before this returns.
    package func join(concurrency: Int, _ deliver: @escaping Deliver) -> UInt64 {
        let id = self.state.withLock { state in
            let id = state.makeID()
            state.members.append(Member(id: id, concurrency: max(1, concurrency), deliver: deliver))
            return id
        }
        self.pump()
        return id
    }

    /// Gives a member no more messages, waits for those that it has, and cancels what is left at the limit. With the
    /// last member all goes that waits or pauses.
    ///
    /// - Returns: Whether members are left.
    @discardableResult
    package func leave(_ member: UInt64, limit: Duration) async -> Bool {
        self.state.withLock { state in
            if let position = state.position(of: member) { state.members[position].hasLeft = true }
        }
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: limit)
        // Polled: it happens once in the life of a subscription.
        while self.state.withLock({ self.isBusy(member, $0) }), clock.now < end, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(2))
        }
        let (tasks, pauses, hasMembers) = self.state.withLock { Self.remove(member, &$0) }
        for task in tasks + pauses { task.cancel() }
        // These run nothing of anybody else's, and end at once.
        for pause in pauses { await pause.value }
        return hasMembers
    }

    private static func remove(
        _ member: UInt64, _ state: inout State
    ) -> (tasks: [Task<Void, Never>], pauses: [Task<Void, Never>], hasMembers: Bool) {
        guard let position = state.position(of: member) else { return ([], [], !state.members.isEmpty) }
        let tasks = Array(state.members.remove(at: position).tasks.values)
        guard state.members.isEmpty else { return (tasks, [], true) }
        state.waiting = []
        state.messages = 0
        state.bytes = 0
        let pauses = state.pauses.values.compactMap { $0 }
        state.pauses = [:]
        return (tasks, pauses, false)
    }

    /// Lets a member handle what waits, at most until the limit, and then leave.
    package func finish(_ member: UInt64, limit: Duration) async {
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: limit)
        // Polled: it happens once in the life of a subscription.
        while self.state.withLock({ $0.messages > 0 || self.isBusy(member, $0) }), clock.now < end, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(2))
        }
        await self.leave(member, limit: max(.zero, clock.now.duration(to: end)))
    }

    /// Whether nobody is left to take messages.
    package var isEmpty: Bool { self.state.withLock { $0.members.isEmpty } }

    private func isBusy(_ member: UInt64, _ state: State) -> Bool {
        state.position(of: member).map { state.members[$0].active > 0 } ?? false
    }

    // MARK: Deliveries

    private static func nextJob(_ state: inout State) -> Job? {
        guard !state.waiting.isEmpty else { return nil }
        for offset in 0..<state.members.count {
            let position = (state.turn + offset) % state.members.count
            let member = state.members[position]
            guard !member.hasLeft, member.active < member.concurrency else { continue }
            state.turn = position + 1
            guard let job = self.takeJob(&state, position) else { return nil }
            state.members[position].workers.insert(job.worker)
            return job
        }
        return nil
    }

    private static func takeJob(_ state: inout State, _ position: Int) -> Job? {
        guard let waiting = state.waiting.popFirst() else { return nil }
        state.messages -= 1
        state.bytes -= waiting.message.body.count
        state.members[position].active += 1
        return Job(
            member: state.members[position].id, worker: state.makeID(), deliver: state.members[position].deliver,
            waiting: waiting)
    }

    /// Unstructured by design: the queue counts its tasks, and cancels them when their member leaves.
    private func start(_ job: Job) {
        let task = Task { await self.work(job) }
        let hasGone = self.state.withLock { state in
            guard let position = state.position(of: job.member) else { return true }
            // One that has ended already stays out of the table.
            if state.members[position].workers.contains(job.worker) { state.members[position].tasks[job.worker] = task }
            return false
        }
        if hasGone { task.cancel() }
    }

    /// Handles a message, and then others for as long as there are some.
    private func work(_ first: Job) async {
        var job = first
        while true {
            let delivery = BrokerDelivery(
                topic: self.topic, message: job.waiting.message, deliveryCount: job.waiting.count)
            let outcome = await job.deliver(delivery)
            guard let next = self.finish(job, outcome) else { return }
            job = next
        }
    }

    /// Notes the end of a delivery.
    ///
    /// - Returns: The next message for the same member.
    private func finish(_ job: Job, _ outcome: DeliveryOutcome) -> Job? {
        if case .redeliver(let pause) = outcome { self.redeliver(job.waiting, after: pause) }
        return self.state.withLock { state in
            guard let position = state.position(of: job.member) else { return nil }
            state.members[position].active -= 1
            guard !state.members[position].hasLeft, var next = Self.takeJob(&state, position) else {
                state.members[position].workers.remove(job.worker)
                state.members[position].tasks[job.worker] = nil
                return nil
            }
            next.worker = job.worker
            return next
        }
    }

    private func redeliver(_ waiting: Waiting, after pause: Duration) {
        var waiting = waiting
        waiting.count += 1
        let again = waiting
        let id = self.state.withLock { state -> UInt64? in
            guard !state.members.isEmpty else { return nil }
            // It keeps its place among what is bounded, even above the bound: it was here before.
            state.messages += 1
            state.bytes += again.message.body.count
            let id = state.makeID()
            state.pauses[id] = .some(nil)
            return id
        }
        guard let id else { return }
        // Unstructured by design: the queue cancels it, and waits for it, when its last member leaves.
        let task = Task {
            if pause > .zero { try? await Task.sleep(for: pause.sleepable) }
            let isWanted = self.state.withLock { state in
                guard state.pauses.removeValue(forKey: id) != nil else { return false }
                state.waiting.append(again)
                return true
            }
            if isWanted { self.pump() }
        }
        let isWanted = self.state.withLock { state in
            // It may be over already, or the last member gone.
            guard state.pauses[id] != nil else { return false }
            state.pauses[id] = task
            return true
        }
        if !isWanted { task.cancel() }
    }

    /// Messages that pause before they come again.
    package var pausing: Int { self.state.withLock { $0.pauses.count } }
}
