// SPDX-License-Identifier: Apache-2.0

extension Configuration {
    /// The highest value that a majority of voters has reached, in a joint configuration of each of both; 0 without
    /// voters.
    ///
    /// - Complexity: O(voters²), without allocating. Clusters have at most a handful.
    public func agreedValue(_ value: (MemberID) -> UInt64) -> UInt64 {
        let agreed = Self.agreedValue(of: voters, value)
        return isJoint ? min(agreed, Self.agreedValue(of: outgoing, value)) : agreed
    }

    private static func agreedValue(of voters: [MemberID], _ value: (MemberID) -> UInt64) -> UInt64 {
        var agreed: UInt64 = 0
        for voter in voters {
            let candidate = value(voter)
            guard candidate > agreed else { continue }
            var count = 0
            for other in voters where value(other) >= candidate { count += 1 }
            if isMajority(count, of: voters) { agreed = candidate }
        }
        return agreed
    }

    public func hasMajority(_ isCounted: (MemberID) -> Bool) -> Bool {
        Self.hasMajority(of: voters, isCounted) && (!isJoint || Self.hasMajority(of: outgoing, isCounted))
    }

    private static func hasMajority(of voters: [MemberID], _ isCounted: (MemberID) -> Bool) -> Bool {
        var count = 0
        for voter in voters where isCounted(voter) { count += 1 }
        return !voters.isEmpty && isMajority(count, of: voters)
    }

    private static func isMajority(_ count: Int, of voters: [MemberID]) -> Bool { count >= voters.count / 2 + 1 }

    public enum VoteOutcome: Sendable {
        case pending
        case won
        /// The voters who have not refused are too few.
        case lost
    }

    /// - Parameter vote: what a voter answered; `nil` if it has not yet.
    public func outcome(_ vote: (MemberID) -> Bool?) -> VoteOutcome {
        if hasMajority({ vote($0) == true }) { return .won }
        return hasMajority { vote($0) != false } ? .pending : .lost
    }
}
