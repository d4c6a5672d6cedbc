// SPDX-License-Identifier: Apache-2.0

import MartletRaft

/// Why the members are not changed.
///
/// The cases name etcd's conditions; the shell that serves a wire maps each to that wire's code and text.
package enum MembershipError: Error, Hashable, Sendable, CaseIterable {
    case memberNotFound
    case memberExists
    case peerURLExists
    /// A member to promote is a voter already.
    case notLearner
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
        case .remove:
            members.remove(at: place)
            removed.insert(change.member, at: removed.firstIndex { $0 > change.member } ?? removed.count)
        case .update:
            members[place].peerURLs = context.peerURLs
        }
    }
}
