// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft

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
        guard !queuedReads.isEmpty else { return }
        let context = ReadContext(nextContext)
        nextContext &+= 1
        do throws(RequestError) {
            try node.readIndex(context)
            askedReads.append((context, queuedReads))
        } catch {
            switch error {
            case .noLeader: refuse(queuedReads, .noLeader, into: &effects)
            case .tooManyReads: refuse(queuedReads, .tooManyRequests, into: &effects)
            case .transferring, .tooMuchUncommitted, .configurationChangePending:
                preconditionFailure("a read was refused as a proposal: \(error)")
            }
        }
        queuedReads = []
    }

    /// An answer to a question that was given up is late: nobody waits.
    mutating func noteReadable(_ state: ReadState) {
        guard let place = askedReads.firstIndex(where: { $0.context == state.context }) else { return }
        let waiters = askedReads.remove(at: place).waiters
        let position = indexedReads.firstIndex { $0.index > state.index } ?? indexedReads.count
        indexedReads.insert((state.index, waiters), at: position)
    }

    mutating func abandonRead(_ context: ReadContext, into effects: inout Effects) {
        guard let place = askedReads.firstIndex(where: { $0.context == context }) else { return }
        refuse(askedReads.remove(at: place).waiters, .leaderChanged, into: &effects)
    }

    mutating func releaseReads(into effects: inout Effects) {
        var done = 0
        while done < indexedReads.count, indexedReads[done].index <= applied.index {
            for waiter in indexedReads[done].waiters { effects.reads.append(.init(waiter: waiter, error: nil)) }
            waitingReadCount -= indexedReads[done].waiters.count
            done += 1
        }
        indexedReads.removeSubrange(0..<done)
    }

    private mutating func refuse(_ waiters: [WaiterID], _ error: ReplicaError, into effects: inout Effects) {
        for waiter in waiters { effects.reads.append(.init(waiter: waiter, error: error)) }
        waitingReadCount -= waiters.count
    }
}
