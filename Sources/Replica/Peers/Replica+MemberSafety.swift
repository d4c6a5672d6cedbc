// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

// Asked of the leader alone, before a change is proposed: what was heard of others is no part of the state.
extension Replica {
    /// Whether the members can go on after the change. Source: etcd server `mayAddMember`, `mayRemoveMember`,
    /// `mayPromoteMember`; membership `IsReadyToAddVotingMember` and its like.
    func checkIsSafe(_ change: MemberChange, _ context: MemberContext) throws(MembershipError) {
        let known = cluster.member(change.member)
        switch change.kind {
        case .addVoter where context.isPromotion == true:
            try checkIsReady(change.member)
            guard configuration.isStrictAboutMembers else { return }
            // The learner counts as started.
            try checkAreStarted(voters, newcomers: 1, startedNewcomers: 1)
        case .addVoter:
            try checkIsNew(change.member)
            guard configuration.isStrictAboutMembers else { return }
            // One that is alone may get a second, though neither can do without the other then.
            if voters.count > 1 { try checkAreStarted(voters, newcomers: 1, startedNewcomers: 0) }
            try checkIsConnected(afterAdding: 1)
        case .addLearner:
            try checkIsNew(change.member)
            if cluster.members.count(where: \.isLearner) >= configuration.learnersMax { throw .tooManyLearners }
            guard configuration.isStrictAboutMembers else { return }
            try checkIsConnected(afterAdding: 0)
        case .remove:
            guard configuration.isStrictAboutMembers, known?.isLearner == false else { return }
            try checkAreStarted(voters.filter { $0.id != change.member }, newcomers: 0, startedNewcomers: 0)
            try checkCanLose(change.member)
        case .update: return
        }
    }

    /// Whether both halves of the joint configuration have majorities, and the one to come goes on having one. A voter
    /// that is not there can be replaced.
    func checkIsSafe(replacing old: MemberID, by new: MemberID) throws(MembershipError) {
        try checkIsReady(new)
        guard configuration.isStrictAboutMembers else { return }
        // As when it is promoted, but in another's place.
        try checkAreStarted(voters.filter { $0.id != old }, newcomers: 1, startedNewcomers: 1)
        let majority = voters.count / 2 + 1
        guard voters.count > 1 else { return }
        let next = voters.count { $0.id != old && isConnected($0.id) } + (isConnected(new) ? 1 : 0)
        if min(connectedVoters, next) < majority { throw .notEnoughConnectedMembers }
    }

    private var voters: [ClusterState.Member] { cluster.members.filter { !$0.isLearner } }

    /// The number of one that was removed is never used again.
    private func checkIsNew(_ member: MemberID) throws(MembershipError) {
        if cluster.removed.contains(member) { throw .memberNotFound }
    }

    private func checkAreStarted(
        _ members: [ClusterState.Member], newcomers: Int, startedNewcomers: Int
    ) throws(MembershipError) {
        let started = members.count { $0.attributes?.name.isEmpty == false } + startedNewcomers
        if started < (members.count + newcomers) / 2 + 1 { throw .notEnoughStartedMembers }
    }

    /// A newcomer counts as one that is not there.
    private func checkIsConnected(afterAdding newcomers: Int) throws(MembershipError) {
        guard voters.count > 1 else { return }
        if connectedVoters < (voters.count + newcomers) / 2 + 1 { throw .notEnoughConnectedMembers }
    }

    /// One that is not there can go; of the others a majority must be left.
    private func checkCanLose(_ member: MemberID) throws(MembershipError) {
        let silence = node.settings.electionTicks
        let isGone = contacts.heardSince(member, at: ticks, silence: silence) == nil
        if member != configuration.member, isGone { return }
        if connectedVoters - 1 < 1 + (voters.count - 1) / 2 { throw .notEnoughConnectedMembers }
    }

    /// Voters that were heard for long enough, this one among them.
    private var connectedVoters: Int { voters.count { isConnected($0.id) } }

    private func isConnected(_ member: MemberID) -> Bool {
        if member == configuration.member { return true }
        let heard = contacts.heardSince(member, at: ticks, silence: node.settings.electionTicks)
        return heard.map { $0 <= ticks - configuration.healthTicks } ?? false
    }

    /// Whether a learner has nearly all of the log.
    private func checkIsReady(_ member: MemberID) throws(MembershipError) {
        guard let progress = node.progress(of: member) else { throw .memberNotFound }
        // Nine tenths, as etcd has it.
        if Double(progress.match.rawValue) < Double(node.log.last.rawValue) * 0.9 { throw .learnerNotReady }
    }
}
