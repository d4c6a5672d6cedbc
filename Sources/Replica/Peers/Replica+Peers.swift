// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRESPCodec
import MartletRaft

extension Replica {
    /// Takes what another member says. Before the member runs it is as if the message had been lost.
    mutating func receive(_ message: Message, at moment: Moment, into effects: inout Effects) {
        guard case .running = phase else { return }
        // Its state has to come with it.
        if case .snapshot = message.body { return }
        contacts.note(message.from, at: ticks, silence: node.settings.electionTicks)
        guard case .proposal(var proposals) = message.body, isLeader else { return node.step(message) }
        // Records of this member's own that are closed already have earlier stamps than what follows gets.
        proposeQueued(into: &effects)
        // It leads since an earlier message of this turn.
        if !isLeading { noteUnappliedStamps() }
        for place in proposals.indices where proposals[place].kind == .normal {
            let data = proposals[place].data
            if let stamped = LogRecord.restamped(data, lastStamp: &lastStamp, at: moment) {
                proposals[place] = Proposal(data: stamped)
            } else {
                // Of one that led until just now it may bear its stamp: what this leader adds behind it must not be
                // earlier.
                lastStamp = max(lastStamp, (try? LogRecord.stamp(of: data)) ?? 0)
            }
        }
        var stamped = message
        stamped.body = .proposal(proposals)
        node.step(stamped)
    }

    /// What goes with another role, or another leader.
    mutating func note(_ state: SoftState, at moment: Moment, into effects: inout Effects) {
        effects.role = state
        isRaisingNoSpace = false
        if state.role == .leader {
            becomeLeader()
        } else {
            loseLeadership(into: &effects)
        }
        if let leader = state.leader {
            leaderSince = ticks
            askAnew(into: &effects)
            mustWakeAll = !commands.blocked.isEmpty
            publishIfDue(at: moment)
            endTransfers(leader, into: &effects)
        }
    }

    /// What rests on the state waits for `beginTerm`.
    private mutating func becomeLeader() {
        isLeading = true
        hasBegunTerm = false
        noteUnappliedStamps()
    }

    /// What a new leader adds to the log must not be stamped earlier than what it finds there. Complexity: O(entries
    /// that are not applied).
    private mutating func noteUnappliedStamps() {
        var index = max(applied.index, node.log.base.index) + 1
        while index <= node.log.last {
            let entry = node.log[index]
            if entry.kind == .normal, !entry.data.isEmpty {
                lastStamp = max(lastStamp, (try? LogRecord.stamp(of: entry.data)) ?? 0)
            }
            index = index + 1
        }
    }

    /// What waits in the log may still be committed by another leader. Nobody waits for it among Redis's clients: their
    /// replies are made of plans that go with the order of the own log. Those who have not been proposed yet, and those
    /// who wait for what isn't there, wait for the next leader.
    private mutating func loseLeadership(into effects: inout Effects) {
        guard isLeading else { return }
        isLeading = false
        hasBegunTerm = false
        for place in pendingHead..<pending.count where pending[place].isKeyspaceRecord && !pending[place].isAbandoned {
            pending[place].isAbandoned = true
            lose(commands.takePlan(), .timedOut(.leaderFailed), into: &effects)
        }
        dropLeadersOwn(includingCommands: true, into: &effects)
    }

    // MARK: Time

    /// Of two voters the leader was removed: until the other one hears that this is committed, it counts two, and
    /// can't lead. It hears it with each tick, and once it has, its answer ends this member; ten minutes are for the
    /// case that nobody ever answers.
    static let farewellTicksMax = 6_000

    /// One tick: gives up what has waited for too long, and asks again where an answer may be lost. A member that is
    /// alone waits for nobody, but for what it had asked of others when there were some.
    mutating func passTick(at moment: Moment, into effects: inout Effects) {
        ticks += 1
        node.tick()
        if let removedAt {
            let rest = owesFarewell ? Self.farewellTicksMax : node.settings.electionTicks
            if ticks - removedAt >= rest {
                effects.failure = .removed
                return
            }
            if owesFarewell { node.tellVotersCommitted() }
        }
        publishIfDue(at: moment)
        guard !isAlone || !forwarded.isEmpty else { return }
        let limit = ticks - configuration.requestTicks
        expireWrites(begunBy: limit, into: &effects)
        expireReads(begunBy: limit, into: &effects)
        expireHeld(begunBy: limit, into: &effects)
        checkTransfers(into: &effects)
        askAgain(into: &effects)
    }

    private mutating func expireWrites(begunBy limit: Int, into effects: inout Effects) {
        for place in pendingHead..<pending.count {
            guard pending[place].began <= limit else { break }
            guard !pending[place].isAbandoned, !pending[place].isKeyspaceRecord, let waiter = pending[place].waiter
            else { continue }
            pending[place].isAbandoned = true
            let cause = timeoutCause(since: pending[place].began)
            effects.replies.append(.init(waiter: waiter, result: .failure(.timedOut(cause))))
        }
        while let write = forwarded.takeFirst(begunBy: limit) {
            pendingBytes -= write.byteCount
            if case .write(.alarm) = write.request { isRaisingNoSpace = false }
            let cause = timeoutCause(since: write.began)
            if write.isKeyspaceRecord {
                lose(commands.takeForwarded(write.recordID), .timedOut(cause), into: &effects)
            }
            guard let waiter = write.waiter else { continue }
            effects.replies.append(.init(waiter: waiter, result: .failure(.timedOut(cause))))
        }
        var old = 0
        while old < queuedWrites.count, queuedWrites[old].began <= limit, !queuedWrites[old].isKeyspaceRecord {
            refuseQueued(queuedWrites[old], .timedOut(.notProposed), into: &effects)
            old += 1
        }
        queuedWrites.removeFirst(old)
        queue.removeFirst(old)
    }

    /// Source: etcd v3_server `parseProposeCtxErr`.
    private func timeoutCause(since began: Int) -> TimeoutCause {
        let election = node.settings.electionTicks
        guard let leader = node.leader else { return .unknown }
        if began < leaderSince, began > leaderSince - 2 * election { return .leaderFailed }
        func isHeard(_ member: MemberID) -> Bool {
            contacts.heardSince(member, at: ticks, silence: election).map { $0 <= began } ?? false
        }
        if leader == configuration.member {
            let isConnected = node.configuration.hasMajority { $0 == leader || isHeard($0) }
            return isConnected ? .unknown : .connectionLost
        }
        return isHeard(leader) ? .unknown : .connectionLost
    }
}

extension CommandQueue.Running {
    /// The rest of it is not carried out.
    mutating func fail(_ error: ReplicaError) {
        switch content {
        case .commands(let request): fail(upTo: request.items.count, of: request, error)
        case .transaction: reply.error(error.commandText)
        case .store: storeResult = .failure(error)
        }
    }

    /// Nor are its next commands.
    mutating func fail(upTo end: Int, of request: CommandRequest, _ error: ReplicaError) {
        for item in request.items[next..<end] {
            reply.refuse(item.entry, error.commandText, mayTakeEffect: error.isUncertain)
        }
        next = end
    }

    /// The answer to a transaction over keys and streams.
    func storeReply(to waiter: WaiterID) -> Effects.Reply {
        guard let storeResult else { preconditionFailure("a transaction without a result") }
        return Effects.Reply(waiter: waiter, result: storeResult.map { .transact($0) })
    }
}
