// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import Testing

@Suite struct RevisionTests {
    @Test func ordersByMainThenSub() {
        #expect(Revision(main: 2, sub: 9) < Revision(main: 3))
        #expect(Revision(main: 3, sub: 1) > Revision(main: 3))
        #expect(Revision(main: 3) == Revision(main: 3, sub: 0))
        #expect(Revision.zero < Revision(main: 0, sub: 1))
        #expect(Revision(main: 4, sub: 2).description == "{4,2}")
    }
}

@Suite struct SeededRandomTests {
    /// The first numbers of the published SplitMix64 for two seeds.
    @Test func matchesThePublishedSequence() {
        var zero = SeededRandom(seed: 0)
        #expect(zero.next() == 0xE220_A839_7B1D_CDAF)
        #expect(zero.next() == 0x6E78_9E6A_A1B9_65F4)
        var other = SeededRandom(seed: 1_234_567)
        #expect(other.next() == 6_457_827_717_110_365_317)
        #expect(other.next() == 3_203_168_211_198_807_973)
    }

    @Test func splitsIntoIndependentSequences() {
        var one = SeededRandom(seed: 7)
        var two = SeededRandom(seed: 7)
        var child = one.split()
        var same = two.split()
        _ = one.next()
        #expect(child.next() == same.next())
        #expect(one.next() != two.next())
    }
}

@Suite struct KeyPrefixTests {
    @Test(
        arguments: [
            ([], nil), ([0], [1]), ([1, 2], [1, 3]), ([1, 255], [2]), ([1, 255, 255], [2]), ([255, 1], [255, 2]),
            ([255, 255], nil),
        ] as [([UInt8], [UInt8]?)])
    func end(prefix: [UInt8], end: [UInt8]?) {
        #expect(KeyPrefix.end(of: prefix) == end)
    }
}
