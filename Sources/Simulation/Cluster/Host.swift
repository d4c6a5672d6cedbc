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
    var wallOffset = Host.rightOffset
    /// When it was last set.
    var clockSet = Int.min / 2
    /// Nothing happens here before.
    var pausedUntil = 0
    var life: Life?
    /// As the leader has it, when it was last asked.
    var isMember = true
    /// The cluster has removed the member, and it has heard.
    var isGone = false
    /// What is to be damaged before the next start.
    var damage: Damage?
    /// The next start looks at no checksum of the log; only for a flaw.
    var believes = false
    /// The member has refused its damaged disk, and never comes back.
    var isLost = false
    /// Whose machine stands for a lost one's.
    var replacement: Int?
    /// That member belongs to the cluster.
    var isReplaced = false

    enum Damage { case log, tables }

    static let rightOffset = 1_700_000_000_000

    init(place: Int, id: MemberID, beginning: ReplicaConfiguration.Beginning, disk: SimulatedDisk) {
        (self.place, self.id, self.beginning, self.disk) = (place, id, beginning, disk)
    }
}
