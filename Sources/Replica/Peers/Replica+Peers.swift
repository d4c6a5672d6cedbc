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
        if takesClock(message, at: moment, into: &effects) { return }
        guard case .proposal(var proposals) = message.body, isLeader else { return node.step(message) }
        // Records of this member's own that are closed already have earlier stamps than what follows gets.
        proposeQueued(into: &effects)
        lookBeforeStamping()
        let time = clocks.wallMilliseconds(at: moment)
        for place in proposals.indices where proposals[place].kind == .normal {
            let data = proposals[place].data
            if let stamped = LogRecord.restamped(data, lastStamp: &lastStamp, wallMilliseconds: time) {
                proposals[place] = Proposal(data: stamped)
            } else if let unstamped = LogRecord.unstamped(data, above: max(lastStamp, time)) {
                // It was stamped by a member that led until just now, by a clock that nobody bears out any more.
                proposals[place] = Proposal(data: unstamped)
            } else {
                // What this leader adds behind it must not be earlier.
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
            // What was stamped and never came into the log binds nobody: it may have been by a clock that was wrong.
            lastStamp = cluster.stamp
            unstampQueued()
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

    /// Whoever stamps as a leader does this first: it may lead since an earlier message of this turn, of which it is
    /// told only when that ends.
    mutating func lookBeforeStamping() {
        if isLeader, !isLeading { noteUnappliedStamps() }
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

    /// What waits is proposed when another leads, or this one again; nothing says what its stamps are worth then.
    private mutating func unstampQueued() {
        for place in queuedWrites.indices where queuedWrites[place].stamp > 0 && !queuedWrites[place].isKeyspaceRecord {
            guard let unstamped = LogRecord.unstamped(queue[place].data, above: 0) else { continue }
            queue[place] = Proposal(data: unstamped)
            queuedWrites[place].stamp = 0
        }
    }

    // MARK: Time

    /// Of two voters this one was removed, or it was replaced: until others hear that this is committed, they count it,
    /// and may be too few to lead. Whoever led, and may have been restarted since, can be the only one that knows. It
    /// tells it with each tick, and when another one has heard it, its answer ends this member; ten minutes are for the
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
        askClocks(at: moment, into: &effects)
        publishIfDue(at: moment)
        publishRefusedVersion(at: moment)
        guard !isAlone || !forwarded.isEmpty else { return }
        let limit = ticks - configuration.requestTicks
        expireWrites(begunBy: limit, into: &effects)
        expireReplacement(begunBy: limit, into: &effects)
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
    func timeoutCause(since began: Int) -> TimeoutCause {
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
        }
    }

    /// Nor are its next commands.
    mutating func fail(upTo end: Int, of request: CommandRequest, _ error: ReplicaError) {
        for item in request.items[next..<end] {
            reply.refuse(item.entry, error.commandText, mayTakeEffect: error.isUncertain)
        }
        next = end
    }
}
