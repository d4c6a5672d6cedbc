// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

extension Replica {
    /// Queues a change of the members, or refuses it.
    mutating func enqueueChange(_ request: MemberRequest, for waiter: WaiterID, into effects: inout Effects) {
        var error = unavailability ?? congestion
        if error == nil, waitingChanges.count >= configuration.limits.pendingChangesMax { error = .tooManyRequests }
        let (change, context) = request.change(id: nextRecordID)
        if error == nil {
            do throws(MembershipError) {
                try cluster.check(change, context)
                try checkIsSupported(change)
            } catch let refused {
                error = .membership(refused)
            }
        }
        if let error {
            effects.replies.append(.init(waiter: waiter, result: .failure(error)))
            return
        }
        nextRecordID &+= 1
        waitingChanges.append((waiter, change))
    }

    /// With a second voter a majority would need both, and nothing brings the second one to life.
    private func checkIsSupported(_ change: MemberChange) throws(MembershipError) {
        switch change.kind {
        case .addVoter, .addLearner: throw .unsupported
        case .remove, .update: return
        }
    }

    /// Proposes the next change, if none is under way. By itself: Raft takes a bundle as a whole or not at all.
    mutating func proposeChange(into effects: inout Effects) {
        guard let (waiter, change) = waitingChanges.first else { return }
        let data = change.encoded()
        var outcome: ReplicaError?
        do throws(RequestError) {
            switch try node.propose([Proposal(kind: .configurationChange, data: data)]) {
            case .appended(let id):
                pendingBytes += data.count
                pending.append(PendingWrite(id: id, waiter: waiter, request: nil, byteCount: data.count))
            case .forwarded:
                preconditionFailure("a \(node.role) proposed what it was to refuse")
            }
        } catch {
            switch error {
            // It goes on when that one is applied.
            case .configurationChangePending: return
            case .noLeader: outcome = .noLeader
            case .transferring: outcome = .leaderChanged
            case .tooMuchUncommitted, .tooManyReads: outcome = .tooManyRequests
            }
        }
        waitingChanges.removeFirst()
        if let outcome { effects.replies.append(.init(waiter: waiter, result: .failure(outcome))) }
    }

    /// What can't be made any more is left out, as by every other member.
    mutating func apply(_ change: MemberChange) throws(RecordError) -> Result<WriteResponse, ReplicaError> {
        let context = try MemberContext(change.context, of: change.member)
        do throws(MembershipError) {
            try cluster.check(change, context)
        } catch {
            return .failure(.membership(error))
        }
        cluster.apply(change, context)
        node.apply(change.change)
        return .success(.members(cluster.members))
    }
}

extension MemberRequest {
    fileprivate func change(id: UInt64) -> (MemberChange, MemberContext) {
        switch self {
        case .add(let member, let peerURLs, let isLearner):
            let context = MemberContext(member: member, peerURLs: peerURLs, isLearner: isLearner)
            let kind: ConfigurationChange.Kind = isLearner ? .addLearner : .addVoter
            return (MemberChange(kind, member, id: id, context: context.encoded()), context)
        case .remove(let member):
            return (MemberChange(.remove, member, id: id), MemberContext(member: member))
        case .update(let member, let peerURLs):
            let context = MemberContext(member: member, peerURLs: peerURLs)
            return (MemberChange(.update, member, id: id, context: context.encoded()), context)
        case .promote(let member):
            let context = MemberContext(member: member, isPromotion: true)
            return (MemberChange(.addVoter, member, id: id, context: context.encoded()), context)
        }
    }
}
