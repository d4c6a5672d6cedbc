// SPDX-License-Identifier: Apache-2.0

/// What the demonstration of clusters does when.
package enum ClusterPlan {
    package static let members = 3
    package static let workers = 4
    package static let counters = 3

    package static let defaultSeconds = 20
    /// Shorter, and the leader is killed too seldom to prove anything.
    package static let minimumSeconds = 8

    /// From one kill of the leader to the next.
    package static let killInterval = Duration.milliseconds(2500)
    /// How long a killed member stays away: longer than an election.
    package static let absence = Duration.milliseconds(1500)
    /// How long others wait for a worker that holds a lock and has gone.
    package static let lockSeconds: Int64 = 3
    /// One request's.
    package static let requestLimit = Duration.seconds(2)
    /// Members that have been killed need a second for an election; a machine that is busy gets this long.
    package static let patience = Duration.seconds(30)

    package static func counter(_ number: Int) -> String { "counters/\(number)" }
    /// Says that a worker's increment is done, and to what value it led.
    package static func mark(worker: Int, number: Int) -> String { "done/\(worker)/\(number)" }
}
