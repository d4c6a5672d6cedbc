// SPDX-License-Identifier: Apache-2.0

public import MartletKeyspace
public import MartletRaft

/// What all members understand, by what each has said of itself.
extension ClusterState {
    /// The lowest version of the members' servers; `nil` as long as one has not said which it runs.
    ///
    /// - Parameter own: of `member`, whatever it has said: that may be from before it was started anew.
    /// Source: etcd version `decideClusterVersion`.
    public func lowestVersion(_ own: String, of member: MemberID) -> String? {
        guard var lowest = Self.majorMinor(own) else { return nil }
        for other in members where other.id != member {
            guard let version = other.attributes.flatMap({ Self.majorMinor($0.version) }) else { return nil }
            if version < lowest { lowest = version }
        }
        return "\(lowest.major).\(lowest.minor).0"
    }

    /// What the cluster's version is to become; `nil`: it stays. It never falls but by a downgrade, which sets it.
    public func nextVersion(_ own: String, of member: MemberID) -> String? {
        if downgrade.isEnabled, !version.isEmpty { return nil }
        guard let lowest = lowestVersion(own, of: member), let next = Self.majorMinor(lowest) else { return nil }
        guard let current = Self.majorMinor(version) else { return lowest }
        return current < next ? lowest : nil
    }

    /// Whether all members, voters and learners, read records of a format: whoever can't read an entry can't go on.
    ///
    /// Members that have not been started yet are not asked: one that is never started would hold up all others, and
    /// one that can't read the log finds that out when it begins.
    public func reads(_ format: KeyspaceRecord.Format, own: UInt64, of member: MemberID) -> Bool {
        own >= format.rawValue && (allReadLatest || members.allSatisfy { $0.id == member || $0.reads(format) })
    }
}

extension ClusterState.Member {
    /// Whether it has not said that it doesn't.
    func reads(_ format: KeyspaceRecord.Format) -> Bool {
        guard let attributes else { return true }
        // Who says nothing of it reads what could be written before it was said.
        return max(attributes.recordFormat, KeyspaceRecord.Format.first.rawValue) >= format.rawValue
    }
}
