// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft

extension Replica {
    /// Leases run on the leader's clock, and end by an entry like any other change. A lease whose revocation was lost
    /// is offered again.
    mutating func scanLeases(at moment: Moment) {
        guard isLeader, hasBegunTerm, moment.monotonic >= nextLeaseScan else { return }
        nextLeaseScan = moment.monotonic + configuration.leaseScanInterval
        revokeDueLeases(at: moment)
        noteLeaseRemainders(at: moment)
    }

    /// Goes on where the last scan found more than it could take, as soon as that is done: leases that end together by
    /// the hundred thousand are gone as fast as the log takes it, and clients' writes find their turn in between.
    mutating func continueLeaseScan(at moment: Moment) {
        guard hasMoreDueLeases else { return }
        guard isLeader, hasBegunTerm else { return hasMoreDueLeases = false }
        if revocationsUnderway == 0 { revokeDueLeases(at: moment) }
    }

    private mutating func revokeDueLeases(at moment: Moment) {
        let limit = configuration.limits.leasesPerScan
        var due = store.expiredLeases(now: moment.monotonic, limit: limit, retryAfter: configuration.leaseRetry)
        hasMoreDueLeases = due.count == limit || store.isLeaseScanDue(now: moment.monotonic)
        guard !due.isEmpty else { return }
        let begun = begunLeases()
        if !begun.isEmpty { due.removeAll(where: begun.contains) }
        dueLeaseCount += UInt64(due.count)
        revocationsUnderway += due.count
        for lease in due { enqueue(.write(.leaseRevoke(lease)), at: moment) }
    }

    /// Leases whose term begins with an entry that is not applied yet: what the store knows of their time is old. One
    /// that has run out since it was renewed is not over, and one that a client ends and grants anew would be ended
    /// with its new term before it. Only searched. Complexity: O(entries that are not applied).
    private func begunLeases() -> Set<LeaseID> {
        var leases: Set<LeaseID> = []
        var index = max(applied.index, node.log.base.index) + 1
        while index <= node.log.last {
            let entry = node.log[index]
            if entry.kind == .normal { LogRecord.addBegunLeases(of: entry.data, to: &leases) }
            index = index + 1
        }
        for proposal in queue { LogRecord.addBegunLeases(of: proposal.data, to: &leases) }
        return leases
    }

    /// A write is applied or lost.
    mutating func noteEnd(of write: PendingWrite) {
        guard write.waiter == nil else { return }
        switch write.request {
        case .write(.leaseRevoke): revocationsUnderway -= 1
        case .leaseRemainders(let remainders):
            for remainder in remainders {
                guard let count = notesUnderway[remainder.lease] else { continue }
                notesUnderway[remainder.lease] = count > 1 ? count - 1 : nil
            }
        default: return
        }
    }

    /// A leader among others first makes sure that it still is one: a member that leads already, unheard of here, gives
    /// each lease its whole term from then on, and not from this renewal.
    mutating func renewLease(_ id: LeaseID, for waiter: WaiterID, at moment: Moment, into effects: inout Effects) {
        let renewal = Renewal(lease: id, waiter: waiter)
        if leadersRefusal != nil || isAlone { return renew(renewal, at: moment, into: &effects) }
        guard queuedRenewals.count < configuration.limits.pendingReadsMax else {
            effects.replies.append(.init(waiter: waiter, result: .failure(.tooManyRequests)))
            return
        }
        queuedRenewals.append(renewal)
    }

    /// Answers a renewal, or lets the log say first that the term is whole, or that the lease is gone: one that has run
    /// out would be back after a restart, and whoever was told of its end must not meet it again.
    mutating func renew(_ renewal: Renewal, at moment: Moment, into effects: inout Effects) {
        let (id, waiter) = (renewal.lease, renewal.waiter)
        var error = renewalRefusal
        var (isOver, isNoted) = (false, false)
        if let term = store.leaseTerm(id) {
            isOver = term.expiry <= moment.monotonic
            // Also one that is on its way: what it says is no longer true then.
            isNoted = (term.notedSeconds > 0 || notesUnderway[id] != nil) && !isOver
            // It begins anew with an entry that is not applied: what is over is the term before. The log decides.
            if isOver, begunLeases().contains(id) { (isOver, isNoted) = (false, true) }
        }
        if error == nil, isOver || isNoted { error = congestion }
        if let error {
            effects.replies.append(.init(waiter: waiter, result: .failure(error)))
            return
        }
        if isOver {
            enqueue(.write(.leaseRevoke(id)), for: waiter, at: moment)
            return
        }
        if isNoted {
            enqueue(.leaseRemainders([LeaseRemainder(id, seconds: 0)]), for: waiter, at: moment)
            return
        }
        answer(renewal, at: moment, into: &effects)
    }

    /// Why this member can't say how long a lease has: who doesn't lead, or doesn't yet, counts no lease's time.
    private var renewalRefusal: ReplicaError? { leadersRefusal ?? (hasBegunTerm ? nil : .leaderChanged) }

    /// Starts the term anew, where it is counted. Whoever knows nothing of the lease's time must not say that it is
    /// over: another member counts it, from its beginning.
    private mutating func answer(_ renewal: Renewal, at moment: Moment, into effects: inout Effects) {
        let result: Result<WriteResponse, ReplicaError>
        if let error = renewalRefusal {
            result = .failure(error)
        } else {
            let ttl = store.keepAliveLease(renewal.lease, now: moment.monotonic)
            result = .success(.leaseRenewal(ttlSeconds: ttl))
        }
        effects.replies.append(.init(waiter: renewal.waiter, result: result))
    }

    // MARK: Remainders

    /// All leases may be due for a note from now on.
    mutating func beginLeaseNotes(at moment: Moment) {
        leaseNotes = LeaseNoteQueue()
        for lease in store.leaseIDs() { expectLeaseNote(lease, at: moment) }
    }

    /// Puts a lease with a long term behind those whose note is due earlier.
    mutating func expectLeaseNote(_ id: LeaseID, at moment: Moment) {
        guard isLeader, hasBegunTerm, let interval = configuration.leaseNoteInterval, let term = store.leaseTerm(id),
            .seconds(term.grantedSeconds) > interval
        else { return }
        leaseNotes.append(.init(due: moment.monotonic + interval, lease: id, serial: term.serial))
        // So that leases which are gone before their note never outnumber the others for long.
        if leaseNotes.count > 2 * store.leaseCount + 64 {
            let store = store
            leaseNotes.keep { store.leaseTerm($0.lease)?.serial == $0.serial }
        }
    }

    /// Tells the log what is left of leases whose time for that has come. Source: etcd lessor
    /// `checkpointScheduledLeases`.
    private mutating func noteLeaseRemainders(at moment: Moment) {
        var remainders: [LeaseRemainder] = []
        guard leaseNotes.hasDue(at: moment.monotonic) else { return }
        let begun = begunLeases()
        for _ in 0..<configuration.limits.leaseNotesPerScan {
            guard let item = leaseNotes.removeFirst(dueAt: moment.monotonic) else { break }
            guard let term = store.leaseTerm(item.lease), term.serial == item.serial else { continue }
            let left = (term.expiry - moment.monotonic).components
            let seconds = left.seconds + (left.attoseconds > 0 ? 1 : 0)
            // It is about to be revoked.
            guard seconds > 0 else { continue }
            if !begun.contains(item.lease), seconds < (term.notedSeconds > 0 ? term.notedSeconds : term.grantedSeconds)
            {
                remainders.append(LeaseRemainder(item.lease, seconds: seconds))
            }
            expectLeaseNote(item.lease, at: moment)
        }
        guard !remainders.isEmpty else { return }
        for remainder in remainders { notesUnderway[remainder.lease, default: 0] += 1 }
        enqueue(.leaseRemainders(remainders), at: moment)
    }

    /// - Parameter waiter: who waits for the renewal that the record was made for. The member may have lost the lead
    ///   since it was proposed.
    mutating func apply(
        _ remainders: [LeaseRemainder], for waiter: WaiterID?, at moment: Moment, into effects: inout Effects
    ) {
        for remainder in remainders { store.noteLeaseRemaining(remainder.lease, seconds: remainder.seconds) }
        guard let waiter, let renewed = remainders.first?.lease else { return }
        answer(Renewal(lease: renewed, waiter: waiter), at: moment, into: &effects)
    }
}

/// When the log is next told what is left of a lease. All wait equally long, so the first to come is the first due.
struct LeaseNoteQueue: Sendable {
    struct Item: Sendable {
        var due: Duration
        var lease: LeaseID
        /// Tells the lease from later ones of the same ID.
        var serial: UInt64
    }

    private var items: [Item] = []
    private var head = 0

    var count: Int { items.count - head }

    mutating func append(_ item: Item) { items.append(item) }

    func hasDue(at now: Duration) -> Bool { head < items.count && items[head].due <= now }

    /// `nil` if the first is not due. Complexity: O(1), amortised.
    mutating func removeFirst(dueAt now: Duration) -> Item? {
        guard head < items.count, items[head].due <= now else { return nil }
        defer {
            head += 1
            if head * 2 >= items.count {
                items.removeFirst(head)
                head = 0
            }
        }
        return items[head]
    }

    mutating func keep(_ isKept: (Item) -> Bool) {
        items = items[head...].filter(isKept)
        head = 0
    }
}
