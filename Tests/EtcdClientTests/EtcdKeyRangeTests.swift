// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import Testing

@Suite struct EtcdKeyRangeTests {
    @Test func prefixesEndAtTheNextKey() {
        #expect(EtcdKeyRange.prefix("ab").end == [0x61, 0x63])
        #expect(EtcdKeyRange.prefix([0x61, 0xFF]).end == [0x62])
        #expect(EtcdKeyRange.prefix([0xFF, 0xFF]).end == [0])
        #expect(EtcdKeyRange.prefix("") == .all)
        let literal: EtcdKeyRange = "k"
        #expect(literal == .key([0x6B]))
        #expect(literal.end.isEmpty)
        #expect(EtcdKeyRange.from([1]).end == [0])
    }

    @Test func rangesKnowTheirKeys() {
        #expect(EtcdKeyRange.key("k").contains([0x6B]))
        #expect(!EtcdKeyRange.key("k").contains([0x6B, 0]))
        #expect(EtcdKeyRange.prefix("k").contains([0x6B, 0xFF, 0xFF]))
        #expect(!EtcdKeyRange.prefix("k").contains([0x6C]))
        #expect(!EtcdKeyRange.prefix("k").contains([0x6A, 0xFF]))
        #expect(EtcdKeyRange.prefix([0xFF, 0xFF]).contains([0xFF, 0xFF, 1]))
        #expect(EtcdKeyRange.from([5]).contains([0xFF]))
        #expect(!EtcdKeyRange.from([5]).contains([4, 9]))
        #expect(EtcdKeyRange.range(from: [1], to: [3]).contains([2, 255]))
        #expect(!EtcdKeyRange.range(from: [1], to: [3]).contains([3]))
        #expect(EtcdKeyRange.all.contains([0]))
    }
}
