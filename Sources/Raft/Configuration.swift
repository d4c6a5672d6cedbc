// SPDX-License-Identifier: Apache-2.0

/// Who belongs to the cluster.
///
/// A learner receives the log but counts for nothing. Every question about majorities goes through the three methods in
/// Configuration+Quorum.swift; nothing else counts members.
///
/// A joint configuration is two at once, the one that is being left and the one to come: whatever takes a majority
/// takes one of each. Source: Raft §6; thesis §4.3.
public struct Configuration: Equatable, Sendable {
    /// Ascending. Of a joint configuration those to come.
    public private(set) var voters: [MemberID]
    /// Ascending. Nobody is both.
    public private(set) var learners: [MemberID]
    /// The voters that are being left, ascending; empty unless the configuration is joint. Most are in `voters`, too.
    public private(set) var outgoing: [MemberID]
    /// Outgoing voters that are to be learners, and can't be before the joint configuration is left; ascending.
    public private(set) var nextLearners: [MemberID]

    /// - Parameters:
    ///   - outgoing: for a joint configuration.
    ///   - nextLearners: those of them that stay as learners.
    public init(
        voters: [MemberID] = [], learners: [MemberID] = [], outgoing: [MemberID] = [], nextLearners: [MemberID] = []
    ) {
        self.voters = Set(voters).sorted()
        self.outgoing = Set(outgoing).sorted()
        self.learners = Set(learners).subtracting(voters).subtracting(outgoing).sorted()
        self.nextLearners = Set(nextLearners).intersection(outgoing).subtracting(voters).sorted()
    }

    public var isJoint: Bool { !outgoing.isEmpty }

    /// All who vote, of either half; ascending.
    public var allVoters: [MemberID] { isJoint ? Set(voters).union(outgoing).sorted() : voters }

    public func isVoter(_ member: MemberID) -> Bool { voters.contains(member) || outgoing.contains(member) }
    public func isLearner(_ member: MemberID) -> Bool { learners.contains(member) }
    public func contains(_ member: MemberID) -> Bool { isVoter(member) || isLearner(member) }

    /// Whether `member` votes now, and will when a joint configuration is left.
    public func staysVoter(_ member: MemberID) -> Bool { voters.contains(member) }

    /// Whether `member` alone is every majority.
    public func isOnlyVoter(_ member: MemberID) -> Bool {
        voters.count == 1 && voters[0] == member && (outgoing.isEmpty || outgoing == voters)
    }

    /// One step, so old and new majorities always overlap. Removing the last voter does nothing: a cluster without
    /// voters could never change again. So does anything that is already so, and anything while the configuration is
    /// joint.
    public mutating func apply(_ change: ConfigurationChange) {
        if !isJoint { make(change) }
    }

    /// Entering a joint configuration from one that is joint already, leaving one that isn't, and one to come without
    /// voters do nothing.
    public mutating func apply(_ change: JointChange) {
        switch change {
        case .enter(let changes):
            guard !isJoint else { return }
            var next = self
            for change in changes { next.make(change) }
            let old = voters
            (outgoing, voters) = (voters, next.voters)
            learners = next.learners.filter { !old.contains($0) }
            nextLearners = next.learners.filter(old.contains)
        case .leave:
            for member in nextLearners { Self.insert(member, into: &learners) }
            (outgoing, nextLearners) = ([], [])
        }
    }

    private mutating func make(_ change: ConfigurationChange) {
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
public struct ConfigurationChange: Hashable, Sendable {
    public enum Kind: UInt8, Sendable {
        /// Also promotes a learner.
        case addVoter = 0
        case remove = 1
        /// Something about a member changes that concerns only others, such as its addresses.
        case update = 2
        /// Also demotes a voter.
        case addLearner = 3
    }

    public var kind: Kind
    public var member: MemberID

    public init(_ kind: Kind, _ member: MemberID) {
        self.kind = kind
        self.member = member
    }
}

/// One of the two steps in which several members change at once. Source: Raft §6; thesis §4.3.
public enum JointChange: Hashable, Sendable {
    /// The changes are made one after the other, and all count together. The joint configuration is left by itself: its
    /// leader proposes that as soon as it has applied this, and so does each leader after it.
    case enter([ConfigurationChange])
    case leave

    /// The data of the entry that leaves, which Raft proposes itself: etcd's ConfChangeV2 without changes, with its
    /// transition, 0, written out where etcd's library writes nothing: in a log such an entry always has data.
    public static let leavingData: [UInt8] = [0x08, 0x00]
}
