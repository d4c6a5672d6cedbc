// SPDX-License-Identifier: Apache-2.0

/// The course of the demonstration. Times count from the first answer.
package struct DemoPlan: Sendable, Equatable {
    package var length: Duration
    package var callsPerSecond: Int
    /// From here on the next call that reaches the second Greeter is its last.
    package var killTime: Duration
    /// When the second Greeter is started again.
    package var returnTime: Duration

    /// Shorter, and a phase holds too few calls to say anything about shares.
    package static let minimumSeconds = 12
    /// Fewer, and the shortest demonstration has too few calls a phase.
    package static let minimumCallsPerSecond = 10
    /// The client's tasks, and two lines of report a call, are nothing up to here.
    package static let maximumCallsPerSecond = 500
    /// How long a handler takes.
    package static let handlerTime = Duration.milliseconds(20)
    /// A call this young is killed in flight; older ones may be over by the time the signal arrives.
    package static let freshNanoseconds: Int64 = 5_000_000
    /// The record of a Greeter that died outlives it by this, and by the server's look at its leases.
    package static let registrationTTL = Duration.seconds(3)
    package static let registrationInterval = Duration.seconds(1)
    /// The dead Greeter stays away long enough that its lease runs out first.
    static let absence = Duration.seconds(4)
    /// Everything takes milliseconds to start; a machine that is busy gets this long.
    package static let patience = Duration.seconds(20)

    package init(seconds: Int, callsPerSecond: Int) {
        length = .seconds(seconds)
        self.callsPerSecond = callsPerSecond
        killTime = length * 3 / 10
        returnTime = max(length * 6 / 10, killTime + Self.absence)
    }
}
