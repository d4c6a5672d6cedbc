// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import MartletEtcdServer
import Testing

@Suite struct StoreTests {
    @Test func leaseIDsRiseAndStayPositive() throws {
        let fixture = StoreFixture()
        let ids = try (0..<50).map { _ in try fixture.grant(60).id }
        #expect(ids == ids.sorted())
        #expect(Set(ids).count == ids.count)
        #expect(ids[0] > 0)
    }

    @Test func sizeFollowsWhatIsKept() throws {
        let fixture = StoreFixture()
        let empty = fixture.store.estimatedBytes
        for _ in 0..<3000 { try fixture.put("a", String(repeating: "v", count: 1000)) }
        let full = fixture.store.estimatedBytes - empty
        #expect(empty > 0)
        #expect(full >= 3_000_000)
        #expect(full < 4_000_000)
        // Most segments of history go with a compaction.
        try fixture.compact(3001, physical: true)
        #expect(fixture.store.estimatedBytes - empty < full / 3)
    }
}
