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
}
