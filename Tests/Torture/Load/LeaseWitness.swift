// SPDX-License-Identifier: Apache-2.0

/// Until when a lease must live, by what its holder was told. Times are nanoseconds of one clock.
///
/// A server counts a term from when it has the request, so not from earlier than when that was sent.
package struct LeaseWitness: Sendable {
    package private(set) var livesUntil: Int

    package init(askedAt moment: Int, ttlSeconds: Int64) {
        livesUntil = moment + Int(ttlSeconds) * 1_000_000_000
    }

    /// A renewal was acknowledged that was asked for at `moment`.
    package mutating func renewed(askedAt moment: Int, ttlSeconds: Int64) {
        livesUntil = max(livesUntil, moment + Int(ttlSeconds) * 1_000_000_000)
    }

    /// Whether an answer that came at `moment` and says that the lease is gone breaks the promise.
    package func isTooEarly(at moment: Int) -> Bool { moment < livesUntil }
}
