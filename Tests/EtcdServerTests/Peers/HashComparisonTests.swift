// SPDX-License-Identifier: Apache-2.0

import MartletEtcdServer
import MartletKeyValue
import MartletRaft
import Testing

/// Who is right where members hold different things.
@Suite struct HashComparisonTests {
    private static func hash(_ value: UInt32, compacted: Int64 = 3) -> KeyValueHash {
        KeyValueHash(value: value, revision: 9, compactRevision: compacted)
    }

    /// Of members 1 (which compares), 2, 3, …; those without a hash did not answer.
    private static func comparison(_ values: UInt32?...) -> HashComparison {
        var comparison = HashComparison(hash(values[0] ?? 0), of: MemberID(1), memberCount: values.count)
        for (number, value) in values.enumerated().dropFirst() {
            if let value { comparison.add(hash(value), of: MemberID(UInt64(number) + 1)) }
        }
        return comparison
    }

    @Test func mostMembersAreRight() {
        #expect(Self.comparison(7, 7, 7).wrong.isEmpty)
        #expect(Self.comparison(7, nil, nil).wrong.isEmpty)
        #expect(Self.comparison(7, 8, 7).wrong == [MemberID(2)])
        #expect(Self.comparison(8, 7, 7).wrong == [MemberID(1)])
        #expect(Self.comparison(7, 8, 7, 9, 7).wrong == [MemberID(2), MemberID(4)])
    }

    @Test func nobodyIsRightWithoutAMajority() {
        #expect(Self.comparison(7, 8).wrong == [MemberID(0)])
        #expect(Self.comparison(7, 8, nil).wrong == [MemberID(0)])
        #expect(Self.comparison(7, 8, 9).wrong == [MemberID(0)])
        // Two of five agree, and two are not heard of.
        #expect(Self.comparison(7, 7, 8, nil, nil).wrong == [MemberID(0)])
    }

    @Test func onlyLikeIsCompared() {
        var comparison = HashComparison(Self.hash(7), of: MemberID(1), memberCount: 3)
        let others = [Self.hash(8, compacted: 4), KeyValueHash(value: 8, revision: 10, compactRevision: 3)]
        for (number, hash) in others.enumerated() {
            let isLike = comparison.add(hash, of: MemberID(UInt64(number) + 2))
            #expect(!isLike)
        }
        #expect(comparison.wrong.isEmpty && comparison.unlikeOwn.isEmpty)
        let isLike = comparison.add(Self.hash(8), of: MemberID(2))
        #expect(isLike)
        #expect(comparison.unlikeOwn == [MemberID(2)])
    }
}
