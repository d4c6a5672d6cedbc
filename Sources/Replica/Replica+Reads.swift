// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft

/// Reads of one turn, which share a question to the leader. Also renewals of leases: who renews one must know that
/// nobody else leads by then, and so counts its time.
struct ReadBatch: Sendable {
    var waiters: [WaiterID]
    var renewals: [Renewal] = []
    /// Slots of Redis's clients.
    var commands: [Int] = []
    /// In ticks.
    var began: Int
    var asked = 0
    /// `nil` while there is nobody to ask.
    var context: ReadContext?
    /// What must be applied, once that is known.
    var index = LogIndex.zero
}

struct Renewal: Sendable {
    var lease: LeaseID
    var waiter: WaiterID
}

extension Replica {
    mutating func enqueueRead(for waiter: WaiterID, into effects: inout Effects) {
        var error: ReplicaError?
        switch phase {
        case .ended: error = .stopped
        case .created, .bootstrapping: error = .noLeader
        case .running: if waitingReadCount >= configuration.limits.pendingReadsMax { error = .tooManyRequests }
        }
        if let error {
            effects.reads.append(.init(waiter: waiter, error: error))
            return
        }
        waitingReadCount += 1
        queuedReads.append(waiter)
    }

    /// All reads of a turn share one question.
    mutating func askReads(into effects: inout Effects) {
        guard !queuedReads.isEmpty || !queuedRenewals.isEmpty || !queuedCommandReads.isEmpty else { return }
        let batch = ReadBatch(
            waiters: queuedReads, renewals: queuedRenewals, commands: queuedCommandReads, began: ticks)
        (queuedReads, queuedRenewals, queuedCommandReads) = ([], [], [])
        ask(batch, into: &effects)
    }

    private mutating func ask(_ batch: ReadBatch, into effects: inout Effects) {
        var batch = batch
        let context = ReadContext(nextContext)
        nextContext &+= 1
        do throws(RequestError) {
            try node.readIndex(context)
            batch.context = context
            batch.asked = ticks
            askedReads.append(batch)
        } catch {
            switch error {
            case .noLeader:
                if isAlone { return refuse(batch, .noLeader, into: &effects) }
                batch.context = nil
                askedReads.append(batch)
            case .tooManyReads: refuse(batch, .tooManyRequests, into: &effects)
            case .transferring, .tooMuchUncommitted, .configurationChangePending:
                preconditionFailure("a read was refused as a proposal: \(error)")
            }
        }
    }

    /// Another leader is known: what was asked of the one before will hardly be answered.
    mutating func askAnew(into effects: inout Effects) {
        guard !askedReads.isEmpty else { return }
        let batches = askedReads
        askedReads = []
        for batch in batches { ask(batch, into: &effects) }
    }

    /// Questions to another member may be lost on the way, or the answers. A leader repeats its rounds by itself.
    mutating func askAgain(into effects: inout Effects) {
        guard let leader = node.leader, !askedReads.isEmpty else { return }
        let isOwn = leader == configuration.member
        let late = ticks - configuration.readRetryTicks
        let batches = askedReads
        askedReads = []
        for batch in batches {
            if batch.context == nil || !isOwn && batch.asked <= late {
                ask(batch, into: &effects)
            } else {
                askedReads.append(batch)
            }
        }
    }

    /// An answer to a question that was given up is late: nobody waits.
    mutating func noteReadable(_ state: ReadState) {
        guard let place = askedReads.firstIndex(where: { $0.context == state.context }) else { return }
        var batch = askedReads.remove(at: place)
        batch.index = state.index
        let position = indexedReads.firstIndex { $0.index > state.index } ?? indexedReads.count
        indexedReads.insert(batch, at: position)
    }

    /// This member no longer leads. Another is asked when there is one.
    mutating func abandonRead(_ context: ReadContext, into effects: inout Effects) {
        guard let place = askedReads.firstIndex(where: { $0.context == context }) else { return }
        if isAlone { return refuse(askedReads.remove(at: place), .leaderChanged, into: &effects) }
        askedReads[place].context = nil
    }

    mutating func releaseReads(at moment: Moment, into effects: inout Effects) {
        var done = 0
        var slots: [Int] = []
        while done < indexedReads.count, indexedReads[done].index <= applied.index {
            for waiter in indexedReads[done].waiters { effects.reads.append(.init(waiter: waiter, error: nil)) }
            for renewal in indexedReads[done].renewals { renew(renewal, at: moment, into: &effects) }
            slots += indexedReads[done].commands
            waitingReadCount -= indexedReads[done].waiters.count
            done += 1
        }
        indexedReads.removeSubrange(0..<done)
        if slots.isEmpty { return }
        for slot in slots { read(slot, at: moment, into: &effects) }
        // Behind what they read there may be something to propose.
        if !commands.parts.isEmpty || !queue.isEmpty { effects.hasWork = true }
    }

    mutating func expireReads(begunBy limit: Int, into effects: inout Effects) {
        func isOld(_ batch: ReadBatch) -> Bool { batch.began <= limit }
        let old = askedReads.filter(isOld) + indexedReads.filter(isOld)
        guard !old.isEmpty else { return }
        askedReads.removeAll(where: isOld)
        indexedReads.removeAll(where: isOld)
        for batch in old { refuse(batch, .timedOut(.unknown), into: &effects) }
    }

    private mutating func refuse(_ batch: ReadBatch, _ error: ReplicaError, into effects: inout Effects) {
        for waiter in batch.waiters { effects.reads.append(.init(waiter: waiter, error: error)) }
        for renewal in batch.renewals {
            effects.replies.append(.init(waiter: renewal.waiter, result: .failure(error)))
        }
        if !batch.commands.isEmpty {
            // They only read, whatever has become of the question.
            var cause = error
            if case .timedOut = error { cause = node.leader == nil ? .noLeader : .timedOut(.notProposed) }
            for slot in batch.commands { fail(slot, cause, into: &effects) }
        }
        waitingReadCount -= batch.waiters.count
    }

    /// All who wait for a read, and for a renewal.
    mutating func takeReaders() -> (reads: [WaiterID], renewals: [WaiterID]) {
        let batches = askedReads + indexedReads
        let readers = (
            queuedReads + batches.flatMap(\.waiters),
            queuedRenewals.map(\.waiter) + batches.flatMap { $0.renewals.map(\.waiter) }
        )
        (queuedReads, queuedRenewals, askedReads, indexedReads, waitingReadCount) = ([], [], [], [], 0)
        queuedCommandReads = []
        return readers
    }
}
