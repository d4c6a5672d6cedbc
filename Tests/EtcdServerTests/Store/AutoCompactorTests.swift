// SPDX-License-Identifier: Apache-2.0

import MartletEtcdServer
import Testing

@Suite struct AutoCompactorTests {
    /// What was the newest revision a period ago.
    @Test func byAge() {
        var compactor = AutoCompactor(.periodic(.seconds(10)))
        #expect(compactor.interval == .seconds(1))
        var compacted: [Int: Int64] = [:]
        for second in 1...40 {
            if let revision = compactor.tick(revision: Int64(100 + second)) { compacted[second] = revision }
        }
        #expect(compacted == [11: 101, 21: 111, 31: 121])
    }

    @Test func longPeriodsGoByTheHour() {
        var compactor = AutoCompactor(.periodic(.seconds(3 * 3600)))
        #expect(compactor.interval == .seconds(360))
        var compacted: [Int: Int64] = [:]
        for tick in 1...60 {
            if let revision = compactor.tick(revision: Int64(tick)) { compacted[tick] = revision }
        }
        #expect(compacted == [31: 1, 41: 11, 51: 21])
    }

    @Test func byCount() {
        var compactor = AutoCompactor(.revision(50))
        #expect(compactor.interval == .seconds(300))
        #expect(compactor.tick(revision: 40) == nil)
        #expect(compactor.tick(revision: 120) == 70)
        #expect(compactor.tick(revision: 120) == nil)
        #expect(compactor.tick(revision: 121) == 71)
    }
}
