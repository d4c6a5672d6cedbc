// SPDX-License-Identifier: Apache-2.0

import MartletTorture
import Testing

struct LeaseWitnessTests {
    private static let second = 1_000_000_000

    /// Its term counts from the request, and what is renewed lives longer, never shorter.
    @Test func livesForItsTerm() {
        var witness = LeaseWitness(askedAt: 2 * Self.second, ttlSeconds: 3)
        #expect(witness.isTooEarly(at: 5 * Self.second - 1))
        #expect(!witness.isTooEarly(at: 5 * Self.second))
        witness.renewed(askedAt: 4 * Self.second, ttlSeconds: 3)
        #expect(witness.isTooEarly(at: 7 * Self.second - 1))
        // An answer that comes late to an earlier request.
        witness.renewed(askedAt: 3 * Self.second, ttlSeconds: 3)
        #expect(witness.livesUntil == 7 * Self.second)
        #expect(!LeaseWitness(askedAt: 0, ttlSeconds: 0).isTooEarly(at: 1))
    }
}
