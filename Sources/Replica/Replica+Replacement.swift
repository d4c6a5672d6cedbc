// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

/// Who asked this member for a replacement that has begun and hasn't ended.
struct AwaitedReplacement: Sendable {
    var waiter: WaiterID
    var replacement: ClusterState.Replacement
    /// In ticks, when it was proposed.
    var began: Int
}

extension Replica {
    /// A step of a replacement. Whoever asked for it is answered when it has ended: until then the old member counts.
    mutating func apply(_ step: MemberReplacement, for write: PendingWrite?, into effects: inout Effects) {
        switch step {
        case .begin(let old, let new):
            do throws(MembershipError) {
                try cluster.checkReplacement(of: old, by: new)
            } catch {
                guard let waiter = write?.waiter else { return }
                return effects.replies.append(.init(waiter: waiter, result: .failure(.membership(error))))
            }
            cluster.beginReplacement(of: old, by: new)
            node.apply(step.change)
            if let write, let waiter = write.waiter {
                awaitedReplacement = AwaitedReplacement(
                    waiter: waiter, replacement: .init(old: old, new: new), began: write.began)
            }
        case .end:
            guard let old = cluster.endReplacement() else { return }
            node.apply(step.change)
            // The voters that are left may be too few to know that it has ended without one that does.
            noteRemoval(of: old, owesFarewell: true)
            answerReplacement(into: &effects)
        }
        effects.hasNewMembers = true
        judgeClocks()
    }

    /// Answers who waits for a replacement that is over; a state that was installed may have it behind itself as well.
    mutating func answerReplacement(into effects: inout Effects) {
        guard let awaited = awaitedReplacement, cluster.replacement != awaited.replacement else { return }
        awaitedReplacement = nil
        effects.replies.append(.init(waiter: awaited.waiter, result: .success(.members(cluster.members))))
    }

    /// Tells who waits that it is no use any more.
    mutating func endWait(for error: ReplicaError, into effects: inout Effects) {
        guard let awaited = awaitedReplacement else { return }
        awaitedReplacement = nil
        effects.replies.append(.init(waiter: awaited.waiter, result: .failure(error)))
    }

    mutating func expireReplacement(begunBy limit: Int, into effects: inout Effects) {
        guard let awaited = awaitedReplacement, awaited.began <= limit else { return }
        endWait(for: .timedOut(timeoutCause(since: awaited.began)), into: &effects)
    }
}
