// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

extension Replica {
    /// Queues a change of the members, or refuses it.
    mutating func enqueueChange(_ request: MemberRequest, for waiter: WaiterID, into effects: inout Effects) {
        var error = leadersRefusal ?? congestion
        if error == nil, waitingChanges.count >= configuration.limits.pendingChangesMax { error = .tooManyRequests }
        let change = request.change(id: nextRecordID)
        if error == nil { error = refusal(of: change) }
        if let error {
            effects.replies.append(.init(waiter: waiter, result: .failure(error)))
            return
        }
        nextRecordID &+= 1
        waitingChanges.append((waiter, change))
    }

    /// Proposes the next change, if none is under way. By itself: Raft takes a bundle as a whole or not at all.
    mutating func proposeChange(into effects: inout Effects) {
        guard let (waiter, change) = waitingChanges.first else { return }
        guard isLeader || isAlone else { return refuseChanges(.leaderChanged, into: &effects) }
        // It goes on when the one before is applied, and when leadership is settled.
        guard node.mayChangeMembers else { return }
        let data = change.encoded()
        // Others have been made since it was asked for.
        if let error = refusal(of: change) {
            waitingChanges.removeFirst()
            return effects.replies.append(.init(waiter: waiter, result: .failure(error)))
        }
        var outcome: ReplicaError?
        do throws(RequestError) {
            switch try node.propose([Proposal(kind: .configurationChange, data: data)]) {
            case .appended(let id):
                giveUpOverwritten(from: id.index, into: &effects)
                pendingBytes += data.count
                pending.append(
                    PendingWrite(id: id, waiter: waiter, request: nil, byteCount: data.count, began: ticks))
            case .forwarded:
                preconditionFailure("a \(node.role) proposed what it was to refuse")
            }
        } catch {
            switch error {
            case .configurationChangePending, .transferring: return
            case .noLeader: outcome = .noLeader
            case .tooMuchUncommitted, .tooManyReads: outcome = .tooManyRequests
            }
        }
        waitingChanges.removeFirst()
        if let outcome { effects.replies.append(.init(waiter: waiter, result: .failure(outcome))) }
    }

    private func refusal(of change: MemberChange) -> ReplicaError? {
        guard let context = try? MemberContext(change.context, of: change.member) else { return nil }
        do throws(MembershipError) {
            try cluster.check(change, context)
            try checkIsSafe(change, context)
            return nil
        } catch {
            return .membership(error)
        }
    }

    private mutating func refuseChanges(_ error: ReplicaError, into effects: inout Effects) {
        for change in waitingChanges {
            effects.replies.append(.init(waiter: change.waiter, result: .failure(error)))
        }
        waitingChanges = []
    }

    /// What can't be made any more is left out, as by every other member.
    mutating func apply(
        _ change: MemberChange, into effects: inout Effects
    ) throws(RecordError) -> Result<WriteResponse, ReplicaError> {
        let context = try MemberContext(change.context, of: change.member)
        do throws(MembershipError) {
            try cluster.check(change, context)
        } catch {
            return .failure(.membership(error))
        }
        cluster.apply(change, context)
        effects.hasNewMembers = true
        let wasLeader = isLeader
        node.apply(change.change)
        if change.kind == .remove {
            contacts.forget(change.member)
            // It lives on for a while, so that the others hear of it, and from it.
            if change.member == configuration.member {
                removedAt = ticks
                owesFarewell = wasLeader && node.configuration.voters.count == 1
            }
        } else if change.member == configuration.member {
            removedAt = nil
            owesFarewell = false
        }
        return .success(.members(cluster.members))
    }
}

extension MemberRequest {
    fileprivate func change(id: UInt64) -> MemberChange {
        switch self {
        case .add(let member, let peerURLs, let isLearner):
            let context = MemberContext(member: member, peerURLs: peerURLs, isLearner: isLearner)
            let kind: ConfigurationChange.Kind = isLearner ? .addLearner : .addVoter
            return MemberChange(kind, member, id: id, context: context.encoded())
        case .remove(let member):
            return MemberChange(.remove, member, id: id)
        case .update(let member, let peerURLs):
            let context = MemberContext(member: member, peerURLs: peerURLs)
            return MemberChange(.update, member, id: id, context: context.encoded())
        case .promote(let member):
            let context = MemberContext(member: member, isPromotion: true)
            return MemberChange(.addVoter, member, id: id, context: context.encoded())
        }
    }
}
