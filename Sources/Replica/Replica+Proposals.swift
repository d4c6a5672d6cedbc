// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRaft

extension Replica {
    /// Queues a client's write, or refuses it.
    mutating func enqueue(_ write: Write, for waiter: WaiterID, at moment: Moment, into effects: inout Effects) {
        if let error = refusal(of: write, at: moment) {
            effects.replies.append(.init(waiter: waiter, result: .failure(error)))
            return
        }
        let header = nextHeader(write.identity)
        let stamp = optionalStamp(at: moment)
        enqueue(.write(write.request), header, stamp, LogRecord.bytes(write, header: header, stamp: stamp), waiter)
    }

    private mutating func refusal(of write: Write, at moment: Moment) -> ReplicaError? {
        if let error = unavailability { return error }
        if write.bytes.count + RecordField.headBytes + RecordField.tailBytes > configuration.limits.requestBytesMax {
            return .requestTooLarge
        }
        if let error = congestion { return error }
        if uncheckpointedBytes >= configuration.limits.uncheckpointedBytesMax, !write.request.freesMemory {
            return .tooManyRequests
        }
        if case .compact(_, physical: true) = write.request,
            physicalCompactions.count >= configuration.limits.physicalCompactionsMax
        {
            return .tooManyRequests
        }
        if let error = cluster.alarms.refusal(of: write.request) { return error }
        return hasSpace(for: write.request, at: moment) ? nil : .noSpace
    }

    /// Why nothing can be proposed now. Where others may lead a write goes to the leader, or waits for one.
    var unavailability: ReplicaError? {
        switch phase {
        case .ended: .stopped
        case .created, .bootstrapping: .noLeader
        case .running: isLeader || !isAlone ? nil : .noLeader
        }
    }

    /// Why this member can't do now what the leader alone does.
    var leadersRefusal: ReplicaError? {
        if let unavailability { return unavailability }
        return isLeader ? nil : .notLeader(node.leader)
    }

    /// Whether too much is proposed and not applied.
    var congestion: ReplicaError? {
        let waiting = pending.count - pendingHead + queuedWrites.count + forwarded.count
        let limits = configuration.limits
        return waiting >= limits.pendingWritesMax || pendingBytes >= limits.pendingBytesMax ? .tooManyRequests : nil
    }

    /// What the member itself proposes; mostly nobody waits for it.
    ///
    /// - Parameter isLeadersOwn: whether only a leader may say it, of itself.
    mutating func enqueue(
        _ request: LogRecord.Request, for waiter: WaiterID? = nil, isLeadersOwn: Bool = true, at moment: Moment
    ) {
        let header = nextHeader(ownIdentity)
        let stamp = optionalStamp(at: moment)
        let record = LogRecord(header: header, stamp: stamp, request: request)
        enqueue(request, header, stamp, record.encoded(), waiter)
        queuedWrites[queuedWrites.count - 1].isLeadersOwn = isLeadersOwn
    }

    mutating func enqueue(
        _ request: LogRecord.Request, _ header: LogRecord.Header, _ stamp: UInt64, _ bytes: [UInt8],
        _ waiter: WaiterID?
    ) {
        pendingBytes += bytes.count
        queuedWrites.append(
            PendingWrite(
                waiter: waiter, request: request, identity: header.identity, stamp: stamp, byteCount: bytes.count,
                began: ticks))
        queue.append(Proposal(data: bytes))
    }

    mutating func nextHeader(_ identity: AuthIdentity) -> LogRecord.Header {
        defer { nextRecordID &+= 1 }
        return LogRecord.Header(id: nextRecordID, identity: identity)
    }

    /// The wall clock as far as the members' clocks bear it out, but never below what is in the log. Only a leader
    /// knows what that is, so only its records bear one.
    mutating func stamp(at moment: Moment) -> UInt64 {
        lookBeforeStamping()
        lastStamp = max(lastStamp, clocks.wallMilliseconds(at: moment))
        return lastStamp
    }

    /// The stamp of a record in which nothing goes by time: none until a majority's clocks are known, for what is in
    /// the log holds for all time to come.
    private mutating func optionalStamp(at moment: Moment) -> UInt64 {
        isLeader && clocks.isBorneOut(at: moment) ? stamp(at: moment) : 0
    }

    /// Hands to Raft what waits for it.
    mutating func proposeQueued(into effects: inout Effects) {
        if !queue.isEmpty { proposeQueue(into: &effects) }
        if !waitingChanges.isEmpty { proposeChange(into: &effects) }
    }

    /// Raft takes all of the queue or nothing.
    private mutating func proposeQueue(into effects: inout Effects) {
        if !isLeader, !isAlone { return forwardQueue(into: &effects) }
        var outcome: ReplicaError?
        do throws(RequestError) {
            switch try node.propose(queue) {
            case .appended(let first):
                giveUpOverwritten(from: first.index, into: &effects)
                let begin = pending.count
                // Mostly everything before is answered: then nothing is copied.
                if pending.isEmpty { swap(&pending, &queuedWrites) } else { pending.append(contentsOf: queuedWrites) }
                for (offset, place) in (begin..<pending.count).enumerated() {
                    pending[place].id = EntryID(index: first.index + offset, term: first.term)
                }
            case .forwarded:
                preconditionFailure("a \(node.role) proposed what it was to refuse")
            }
        } catch {
            switch error {
            case .noLeader: outcome = .noLeader
            // It waits for the next leader, or for this one to go on.
            case .transferring: return
            case .tooMuchUncommitted, .configurationChangePending, .tooManyReads: outcome = .tooManyRequests
            }
        }
        if let outcome {
            let records = queuedWrites.count { $0.isKeyspaceRecord }
            for plan in commands.takeNewest(records) { lose(plan, outcome, into: &effects) }
            for write in queuedWrites { refuseQueued(write, outcome, into: &effects) }
        }
        queue.removeAll(keepingCapacity: true)
        queuedWrites.removeAll(keepingCapacity: true)
    }

    /// Ends the wait for what this member proposed at these places or behind in an earlier term: its log holds it no
    /// longer, and waiting writes follow each other in the order of the log. Another's log may hold it, so nobody knows
    /// whether it takes effect. Redis's clients have heard when leadership was lost.
    mutating func giveUpOverwritten(from index: LogIndex, into effects: inout Effects) {
        while pending.count > pendingHead, pending[pending.count - 1].id.index >= index {
            let write = pending.removeLast()
            pendingBytes -= write.byteCount
            noteEnd(of: write)
            guard !write.isAbandoned, let waiter = write.waiter else { continue }
            effects.replies.append(.init(waiter: waiter, result: .failure(.timedOut(.leaderFailed))))
        }
    }

    /// Says that what was queued is not proposed. The plan of a keyspace record is the caller's affair.
    mutating func refuseQueued(_ write: PendingWrite, _ error: ReplicaError, into effects: inout Effects) {
        isRaisingNoSpace = false
        if case .clusterVersion = write.request { isVersionRefused = true }
        pendingBytes -= write.byteCount
        noteEnd(of: write)
        guard let waiter = write.waiter else { return }
        effects.replies.append(.init(waiter: waiter, result: .failure(error)))
    }

    /// What was proposed as this entry. What was proposed as an earlier one, or as this one in another term, has been
    /// replaced: it is lost, and its waiter told, unless it has heard already.
    mutating func takePending(_ id: EntryID, into effects: inout Effects) -> PendingWrite? {
        while pendingHead < pending.count, pending[pendingHead].id.index <= id.index {
            // Taken out: its bytes are held no longer.
            var write = PendingWrite(request: nil, byteCount: 0)
            swap(&write, &pending[pendingHead])
            pendingHead += 1
            pendingBytes -= write.byteCount
            noteEnd(of: write)
            if write.id == id { return write.isAbandoned ? nil : write }
            if write.isAbandoned { continue }
            if write.isKeyspaceRecord { lose(commands.takePlan(), .leaderChanged, into: &effects) }
            if let waiter = write.waiter {
                effects.replies.append(.init(waiter: waiter, result: .failure(.leaderChanged)))
            }
        }
        return nil
    }

    /// Gives up the places of answered writes: where writes never stop coming, the waiting ones never end. Complexity:
    /// O(1), amortised.
    mutating func forgetAnswered() {
        if pendingHead == pending.count {
            pending.removeAll(keepingCapacity: true)
            pendingHead = 0
        } else if pendingHead > Self.answeredKeptMax, pendingHead * 2 >= pending.count {
            pending.removeFirst(pendingHead)
            pendingHead = 0
        }
    }

    /// Answered writes whose places may stay in front of the waiting ones.
    static let answeredKeptMax = 1024

    /// Proposes the member's name and addresses, anew until they are applied: nobody minds if they are there twice.
    mutating func publishIfDue(at moment: Moment) {
        guard !isPublished, node.leader != nil, ticks >= nextPublication else { return }
        nextPublication = ticks + configuration.requestTicks
        let attributes = MemberAttributes(
            member: configuration.member.rawValue, name: configuration.name, clientURLs: configuration.clientURLs,
            version: configuration.clusterVersion, recordFormat: configuration.recordFormat)
        enqueue(.memberAttributes(attributes), isLeadersOwn: false, at: moment)
        queuedWrites[queuedWrites.count - 1].isPublication = true
    }

    /// A leader says what version the cluster has, when all members have told theirs.
    mutating func publishVersion(at moment: Moment) {
        guard isLeader, hasBegunTerm,
            let version = cluster.nextVersion(configuration.clusterVersion, of: configuration.member),
            version != proposedVersion
        else { return }
        proposedVersion = version
        enqueue(.clusterVersion(version), at: moment)
    }

    /// Proposes the version again that found no room. Once a tick: where there is none, there may soon be.
    mutating func publishRefusedVersion(at moment: Moment) {
        guard isVersionRefused else { return }
        isVersionRefused = false
        proposedVersion = ""
        publishVersion(at: moment)
    }

    /// Whether all members read records of a format.
    func allRead(_ format: KeyspaceRecord.Format) -> Bool {
        cluster.reads(format, own: configuration.recordFormat, of: configuration.member)
    }
}

extension WriteRequest {
    /// Whether to refuse it for want of memory would be to refuse the remedy.
    var freesMemory: Bool {
        switch self {
        case .compact, .leaseRevoke, .alarm: true
        case .put, .deleteRange, .txn, .leaseGrant, .auth, .downgrade: false
        }
    }
}
