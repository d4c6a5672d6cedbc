// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

extension Simulation {
    /// What may go wrong in one run, drawn from its seed.
    struct Options {
        var members: Int
        var steps: Int
        var settings: RaftSettings
        /// In a hundred steps: how fast clocks go against all else.
        var ticks: Int
        /// In a thousand packets.
        var losses: Int
        var doubles: Int
        /// Packets that come much later.
        var delays: Int
        /// Packets overtake each other.
        var reorders: Bool
        /// In ten thousand steps.
        var crashes: Int
        var partitions: Int
        var heals: Int
        var changes: Int
        /// Of a hundred changes those of several members at once.
        var jointChanges: Int
        var transfers: Int
        var checkpoints: Int

        init(members: Int, steps: Int, random: inout SeededRandom) {
            self.members = members
            self.steps = steps
            settings = RaftSettings(electionTicks: 6, heartbeatTicks: 1 + random.below(2))
            settings.usesPreVote = random.chance(3, in: 4)
            settings.checksQuorum = random.chance(3, in: 4)
            // Small ones, so that they are met.
            settings.limits.appendBytesMax = 8 << random.below(6)
            settings.limits.inflightMessagesMax = 1 + random.below(8)
            settings.limits.inflightBytesMax = 1024
            settings.limits.uncommittedBytesMax = 512
            settings.limits.applyingBytesMax = 16 << random.below(6)
            ticks = 4 + random.below(12)
            losses = random.chance(1, in: 3) ? 0 : random.below(150)
            doubles = random.chance(1, in: 3) ? 0 : random.below(100)
            delays = random.chance(1, in: 3) ? 0 : random.below(100)
            reorders = random.chance(1, in: 2)
            crashes = random.chance(1, in: 5) ? 0 : random.below(60)
            partitions = random.chance(1, in: 3) ? 0 : random.below(60)
            heals = 8 + random.below(40)
            changes = random.chance(1, in: 2) ? 0 : random.below(80)
            transfers = random.chance(1, in: 2) ? 0 : random.below(60)
            checkpoints = random.chance(1, in: 4) ? 0 : random.below(200)
            // Of numbers of its own: without joint changes a run is what it would be.
            var joining = SeededRandom(seed: UInt64(changes &* 31 &+ heals &* 7 &+ checkpoints))
            jointChanges = changes == 0 || joining.chance(1, in: 2) ? 0 : 20 + joining.below(60)
        }
    }
}
