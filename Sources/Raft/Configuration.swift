// SPDX-License-Identifier: Apache-2.0

/// Who belongs to the cluster.
///
/// A learner receives the log but counts for nothing. Every question about majorities goes through the three methods in
/// Configuration+Quorum.swift; nothing else counts members, so joint majorities need no other change.
package struct Configuration: Equatable, Sendable {
    /// Ascending.
    package private(set) var voters: [MemberID]
    /// Ascending. Nobody is both.
    package private(set) var learners: [MemberID]

    package init(voters: [MemberID] = [], learners: [MemberID] = []) {
        self.voters = Set(voters).sorted()
        self.learners = Set(learners).subtracting(voters).sorted()
    }

    package func isVoter(_ member: MemberID) -> Bool { voters.contains(member) }
    package func isLearner(_ member: MemberID) -> Bool { learners.contains(member) }
    package func contains(_ member: MemberID) -> Bool { isVoter(member) || isLearner(member) }

    /// Whether `member` alone is every majority.
    package func isOnlyVoter(_ member: MemberID) -> Bool { voters.count == 1 && voters[0] == member }

    /// One step, so old and new majorities always overlap. Removing the last voter does nothing: a cluster without
    /// voters could never change again. So does anything that is already so.
    package mutating func apply(_ change: ConfigurationChange) {
        let member = change.member
        switch change.kind {
        case .addVoter:
            learners.removeAll { $0 == member }
            Self.insert(member, into: &voters)
        case .addLearner:
            guard !isOnlyVoter(member) else { return }
            voters.removeAll { $0 == member }
            Self.insert(member, into: &learners)
        case .remove:
            guard !isOnlyVoter(member) else { return }
            voters.removeAll { $0 == member }
            learners.removeAll { $0 == member }
        case .update:
            return
        }
    }

    private static func insert(_ member: MemberID, into members: inout [MemberID]) {
        guard !members.contains(member) else { return }
        members.insert(member, at: members.firstIndex { $0 > member } ?? members.endIndex)
    }
}

/// A change of one member. Source: Raft thesis §4.1; etcd raftpb ConfChange, whose numbers these are.
package struct ConfigurationChange: Equatable, Sendable {
    package enum Kind: UInt8, Sendable {
        /// Also promotes a learner.
        case addVoter = 0
        case remove = 1
        /// Something about a member changes that concerns only others, such as its addresses.
        case update = 2
        /// Also demotes a voter.
        case addLearner = 3
    }

    package var kind: Kind
    package var member: MemberID

    package init(_ kind: Kind, _ member: MemberID) {
        self.kind = kind
        self.member = member
    }
}
