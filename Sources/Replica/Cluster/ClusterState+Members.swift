// SPDX-License-Identifier: Apache-2.0

import MartletRaft

/// Why the members are not changed.
///
/// The cases name etcd's conditions; the shell that serves a wire maps each to that wire's code and text.
public enum MembershipError: Error, Hashable, Sendable, CaseIterable {
    case memberNotFound
    case memberExists
    case peerURLExists
    /// A member to promote, or to take another's place, is a voter already.
    case notLearner
    /// A member to be replaced is a learner.
    case notVoter
    /// A member is being replaced: nothing else changes meanwhile.
    case changeUnderway
    /// The only voter is to be removed, or so few members were ever heard of that the others could not go on.
    case notEnoughStartedMembers
    /// So few members were heard of lately that the others could not go on.
    case notEnoughConnectedMembers
    case tooManyLearners
    /// A learner to promote lacks too much of the log.
    case learnerNotReady
}

extension ClusterState {
    /// Whether the change can be made. Asked again when it is applied, for the members may have changed meanwhile.
    /// Source: etcd membership `ValidateConfigurationChange`.
    func check(_ change: MemberChange, _ context: MemberContext) throws(MembershipError) {
        if replacement != nil { throw .changeUnderway }
        let known = member(change.member)
        switch change.kind {
        case .addVoter where context.isPromotion == true:
            guard let known else { throw .memberNotFound }
            guard known.isLearner else { throw .notLearner }
        case .addVoter, .addLearner:
            if known != nil { throw .memberExists }
            try checkURLs(context)
        case .remove:
            guard known != nil else { throw .memberNotFound }
            if members.filter({ !$0.isLearner }).map(\.id) == [change.member] { throw .notEnoughStartedMembers }
        case .update:
            guard known != nil else { throw .memberNotFound }
            try checkURLs(context)
        }
    }

    /// The same of a replacement.
    func checkReplacement(of old: MemberID, by new: MemberID) throws(MembershipError) {
        if replacement != nil { throw .changeUnderway }
        guard let old = member(old), let new = member(new) else { throw .memberNotFound }
        guard new.isLearner else { throw .notLearner }
        if old.isLearner { throw .notVoter }
    }

    /// No URL may be another member's.
    private func checkURLs(_ context: MemberContext) throws(MembershipError) {
        for other in members where other.id != context.member {
            if other.peerURLs.contains(where: context.peerURLs.contains) { throw .peerURLExists }
        }
    }

    /// Makes a change that was checked.
    mutating func apply(_ change: MemberChange, _ context: MemberContext) {
        let place = members.firstIndex { $0.id >= change.member } ?? members.count
        switch change.kind {
        case .addVoter where context.isPromotion == true:
            members[place].isLearner = false
        case .addVoter, .addLearner:
            removed.removeAll { $0 == change.member }
            members.insert(
                Member(id: change.member, isLearner: change.kind == .addLearner, peerURLs: context.peerURLs), at: place)
        case .remove: remove(change.member)
        case .update:
            members[place].peerURLs = context.peerURLs
        }
    }

    /// Begins a replacement that was checked.
    mutating func beginReplacement(of old: MemberID, by new: MemberID) {
        guard let place = members.firstIndex(where: { $0.id == new }) else { return }
        members[place].isLearner = false
        replacement = Replacement(old: old, new: new)
    }

    /// - Returns: who is no member any more; `nil` if nobody was being replaced.
    @discardableResult
    mutating func endReplacement() -> MemberID? {
        guard let replacement else { return nil }
        self.replacement = nil
        remove(replacement.old)
        return replacement.old
    }

    private mutating func remove(_ member: MemberID) {
        members.removeAll { $0.id == member }
        removed.insert(member, at: removed.firstIndex { $0 > member } ?? removed.count)
    }
}
