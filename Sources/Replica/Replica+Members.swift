// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRaft

extension Replica {
    /// Queues a change of the members, or refuses it.
    mutating func enqueueChange(_ request: MemberRequest, for waiter: WaiterID, into effects: inout Effects) {
        var error = leadersRefusal ?? congestion
        if error == nil, waitingChanges.count >= configuration.limits.pendingChangesMax { error = .tooManyRequests }
        let change = QueuedChange(request, id: nextRecordID)
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
        let proposal = change.proposal
        // Others have been made since it was asked for.
        if let error = refusal(of: change) {
            waitingChanges.removeFirst()
            return effects.replies.append(.init(waiter: waiter, result: .failure(error)))
        }
        var outcome: ReplicaError?
        do throws(RequestError) {
            switch try node.propose([proposal]) {
            case .appended(let id):
                giveUpOverwritten(from: id.index, into: &effects)
                pendingBytes += proposal.data.count
                pending.append(
                    PendingWrite(id: id, waiter: waiter, request: nil, byteCount: proposal.data.count, began: ticks))
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

    private func refusal(of change: QueuedChange) -> ReplicaError? {
        do throws(MembershipError) {
            switch change {
            case .one(let change, let context):
                try cluster.check(change, context)
                try checkIsSafe(change, context)
            case .replacement(let old, let new):
                // Whoever can't read an entry can't go on.
                guard allRead(.replacements) else { return .notCapable }
                try cluster.checkReplacement(of: old, by: new)
                try checkIsSafe(replacing: old, by: new)
            }
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
        let wasVoter = node.configuration.isVoter(configuration.member)
        node.apply(change.change)
        judgeClocks()
        if change.kind == .remove {
            noteRemoval(of: change.member, owesFarewell: wasVoter && node.configuration.voters.count == 1)
        } else if change.member == configuration.member {
            removedAt = nil
            owesFarewell = false
        }
        return .success(.members(cluster.members))
    }
}

extension Replica {
    /// A removed member lives on for a while, so that the others hear of it, and from it.
    mutating func noteRemoval(of member: MemberID, owesFarewell: Bool) {
        contacts.forget(member)
        guard member == configuration.member else { return }
        removedAt = ticks
        self.owesFarewell = owesFarewell
    }
}

/// A change of the members as the log is to have it.
enum QueuedChange: Sendable {
    case one(MemberChange, MemberContext)
    case replacement(old: MemberID, new: MemberID)

    var proposal: Proposal {
        switch self {
        case .one(let change, _): Proposal(kind: .configurationChange, data: change.encoded())
        case .replacement(let old, let new):
            Proposal(kind: .jointChange, data: MemberReplacement.begin(old: old, new: new).encoded())
        }
    }

    /// - Parameter id: of the change.
    init(_ request: MemberRequest, id: UInt64) {
        switch request {
        case .add(let member, let peerURLs, let isLearner):
            let context = MemberContext(member: member, peerURLs: peerURLs, isLearner: isLearner)
            let kind: ConfigurationChange.Kind = isLearner ? .addLearner : .addVoter
            self = .one(MemberChange(kind, member, id: id, context: context.encoded()), context)
        case .remove(let member):
            self = .one(MemberChange(.remove, member, id: id), MemberContext(member: member))
        case .update(let member, let peerURLs):
            let context = MemberContext(member: member, peerURLs: peerURLs)
            self = .one(MemberChange(.update, member, id: id, context: context.encoded()), context)
        case .promote(let member):
            let context = MemberContext(member: member, isPromotion: true)
            self = .one(MemberChange(.addVoter, member, id: id, context: context.encoded()), context)
        case .replace(let old, let new):
            self = .replacement(old: old, new: new)
        }
    }
}
