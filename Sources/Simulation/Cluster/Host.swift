// SPDX-License-Identifier: Apache-2.0

import MartletRaft
import MartletReplica
import MartletSimulatedDisk

/// A machine with a member on it: what outlives the member's processes.
final class Host {
    /// In `Simulator.hosts`.
    let place: Int
    let id: MemberID
    /// What a member without a past does.
    let beginning: ReplicaConfiguration.Beginning
    let disk: SimulatedDisk
    var tables = SimulatedTables()
    /// A state from another member, whole and durable beside the tables.
    var staged: SimulatedTables?
    /// Whether the log was made: it must be there from then on.
    var wasMade = false
    /// How many times slower the disks are than on a good day.
    var slowness = 1
    /// Milliseconds that the wall clock is ahead of simulated time.
    var wallOffset = 1_700_000_000_000
    /// Nothing happens here before.
    var pausedUntil = 0
    var life: Life?
    /// As the leader has it, when it was last asked.
    var isMember = true
    /// The cluster has removed the member, and it has heard.
    var isGone = false

    init(place: Int, id: MemberID, beginning: ReplicaConfiguration.Beginning, disk: SimulatedDisk) {
        (self.place, self.id, self.beginning, self.disk) = (place, id, beginning, disk)
    }
}
