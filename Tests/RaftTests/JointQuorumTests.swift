// SPDX-License-Identifier: Apache-2.0

import MartletRaft
import Testing

/// Majorities of joint configurations against a twin that counts sets, for every pair of voters out of four members.
@Suite struct JointQuorumTests {
    private static let members = (UInt64(1)...4).map { MemberID($0) }

    /// All subsets that are not empty.
    private static let groups: [[MemberID]] = (1..<(1 << members.count)).map { bits in
        members.indices.filter { bits >> $0 & 1 == 1 }.map { members[$0] }
    }

    private static func isMajority(_ counted: Set<MemberID>, of group: [MemberID]) -> Bool {
        2 * counted.intersection(group).count > group.count
    }

    private static func forEachPair(_ body: (_ configuration: Configuration, _ groups: [[MemberID]]) -> Void) {
        for voters in groups {
            for outgoing in groups {
                body(Configuration(voters: voters, learners: [MemberID(9)], outgoing: outgoing), [voters, outgoing])
            }
        }
    }

    /// All ways to give each member one of `choices`.
    private static func assignments<Choice>(_ choices: [Choice]) -> [[MemberID: Choice]] {
        members.reduce([[:]]) { partial, member in
            partial.flatMap { known in
                choices.map { choice in known.merging([member: choice]) { _, new in new } }
            }
        }
    }

    @Test func aMajorityIsOneOfEach() {
        let counts = Self.assignments([false, true]).map { $0.filter(\.value).keys }.map(Set.init)
        Self.forEachPair { configuration, groups in
            for counted in counts {
                let expected = groups.allSatisfy { Self.isMajority(counted, of: $0) }
                // A learner counts for nothing.
                let actual = configuration.hasMajority { counted.contains($0) || $0 == MemberID(9) }
                #expect(actual == expected, "\(configuration) \(counted)")
            }
        }
    }

    @Test func theAgreedValueIsWhatAMajorityOfEachHasReached() {
        let assignments = Self.assignments([UInt64(0), 1, 2])
        Self.forEachPair { configuration, groups in
            for values in assignments {
                let expected = (UInt64(0)...2).last { value in
                    let reached = Set(values.filter { $0.value >= value }.keys)
                    return value == 0 || groups.allSatisfy { Self.isMajority(reached, of: $0) }
                }
                let actual = configuration.agreedValue { values[$0] ?? 9 }
                #expect(actual == expected, "\(configuration) \(values)")
            }
        }
    }

    /// Against all ways in which the missing votes may still come.
    @Test func anElectionIsOpenWhileBothHalvesMayBeWon() {
        let grants = Self.assignments([false, true])
        let assignments = Self.assignments([nil, false, true] as [Bool?])
        let completions = assignments.map { votes in
            grants.filter { grant in votes.allSatisfy { $0.value == nil || $0.value == grant[$0.key] } }
                .map { Set($0.filter(\.value).keys) }
        }
        Self.forEachPair { configuration, groups in
            for (votes, completions) in zip(assignments, completions) {
                let wins = completions.count { won in groups.allSatisfy { Self.isMajority(won, of: $0) } }
                let expected: Configuration.VoteOutcome =
                    wins == completions.count ? .won : wins > 0 ? .pending : .lost
                let actual = configuration.outcome { votes[$0] ?? nil }
                #expect(actual == expected, "\(configuration) \(votes)")
            }
        }
    }

    /// One after the other, a configuration, the joint one behind it and the next have majorities that meet.
    @Test func majoritiesOfNeighboursMeet() {
        Self.forEachPair { joint, groups in
            for half in groups {
                for voters in Self.groups where joint.hasMajority(voters.contains) {
                    for other in Self.groups where Configuration(voters: half).hasMajority(other.contains) {
                        #expect(!Set(voters).isDisjoint(with: other), "\(joint) \(half) \(voters) \(other)")
                    }
                }
            }
        }
    }
}
