// SPDX-License-Identifier: Apache-2.0

extension Configuration {
    /// How many voters decide.
    package var majority: Int { voters.count / 2 + 1 }

    /// The highest value that a majority of voters has reached; 0 without voters.
    ///
    /// - Complexity: O(voters²), without allocating. Clusters have at most a handful.
    package func agreedValue(_ value: (MemberID) -> UInt64) -> UInt64 {
        var agreed: UInt64 = 0
        for voter in voters {
            let candidate = value(voter)
            guard candidate > agreed else { continue }
            var count = 0
            for other in voters where value(other) >= candidate { count += 1 }
            if count >= majority { agreed = candidate }
        }
        return agreed
    }

    package func hasMajority(_ isCounted: (MemberID) -> Bool) -> Bool {
        var count = 0
        for voter in voters where isCounted(voter) { count += 1 }
        return !voters.isEmpty && count >= majority
    }

    package enum VoteOutcome: Sendable {
        case pending
        case won
        /// The voters who have not refused are too few.
        case lost
    }

    /// - Parameter vote: what a voter answered; `nil` if it has not yet.
    package func outcome(_ vote: (MemberID) -> Bool?) -> VoteOutcome {
        if hasMajority({ vote($0) == true }) { return .won }
        return hasMajority { vote($0) != false } ? .pending : .lost
    }
}
