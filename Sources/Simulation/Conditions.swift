// SPDX-License-Identifier: Apache-2.0

package import MartletBasics

/// What a simulated member has to live through; drawn from the seed. Times are microseconds.
package struct Conditions: Sendable {
    /// Requests of all clients together, before everything calms down.
    package var operations: Int
    package var clients: Int
    package var watchers: Int
    package var keys: Int
    /// Between a client's answer and its next request, at most.
    package var thinkTime: Int
    /// Write and sync, at most, on a good day.
    package var diskTime: Int
    /// Between two faults on average; `nil`: none come by themselves.
    package var faultTime: Int?
    package var segmentBytes: Int
    package var writeBytesMax: Int
    /// Bytes that may wait for the log's disk.
    package var queueBytesMax: Int
    package var checkpointTime: Int
    package var checkpointBytes: Int
    package var entriesPerStep: Int
    package var reclaimedPerStep: Int
    package var pendingWritesMax: Int
    package var uncheckpointedBytesMax: Int
    /// What blocks of streams may take in memory; `nil`: they stay.
    package var streamMemoryBytes: Int?
    /// How many begin the cluster: 1, 3 or 5.
    package var members = 1
    /// Between two acts of the nemesis of a cluster, on average; `nil`: it never acts.
    package var partitionTime: Int?
    package var changesMembers = false
    /// How many members' disks are damaged, one after the other; see `Simulator+Damage`.
    package var damages = 0
    /// Voters make room for learners.
    package var replacesMembers = false
    /// Clients that do nothing but read, from whichever member they have met.
    package var readers = 0
    /// How many in a hundred new leaders the nemesis cuts off.
    package var overthrows = 0
    /// Of a message, at most.
    package var networkDelay = 1
    /// In a thousand messages.
    package var losses = 0
    package var doubles = 0
    package var lateness = 0
    /// Whose clock is wrong from the beginning, by how many milliseconds; those of a majority are never touched then.
    /// `nil`: all are right, and any may be.
    package var wrongClock: (place: Int, lead: Int)?
    package var reorders = false
    package var keptEntries = 5_000
    package var keptBytes = 1 << 20
    package var appendBytesMax = 1 << 20
    /// Where the power goes: at this operation of the log's disk, counted from its first.
    package var powerLossAtOperation: Int?
    /// Before this effect of the member, counted from its first, the process ends.
    package var deathAtEffect: Int?

    /// Of so many members each can be replaced, twice: see `Simulator.hostsMax`.
    private static let damagedMembersMax = 5

    package init(_ random: inout SeededRandom) {
        operations = random.number(40...300)
        clients = random.number(1...6)
        watchers = random.number(0...3)
        keys = random.number(2...16)
        thinkTime = random.pick([500, 5_000, 50_000, 300_000])
        diskTime = random.pick([200, 2_000, 20_000])
        faultTime = random.once(in: 10) ? nil : random.pick([50_000, 300_000, 1_000_000])
        segmentBytes = random.pick([2_048, 8_192, 32_768])
        writeBytesMax = random.pick([512, 2_048, 16_384])
        queueBytesMax = random.pick([1_000, 8_000, 1_000_000])
        checkpointTime = random.pick([20_000, 200_000, 1_000_000])
        checkpointBytes = random.pick([500, 5_000, 1_000_000])
        entriesPerStep = random.pick([1, 3, 10, 256])
        reclaimedPerStep = random.pick([1, 7, 500])
        pendingWritesMax = random.pick([2, 50, 5_000])
        uncheckpointedBytesMax = random.pick([3_000, 20_000, 1_000_000])
        // Mostly none stays that need not.
        var memory = SeededRandom(seed: UInt64(uncheckpointedBytesMax &+ operations &* 31 &+ thinkTime))
        streamMemoryBytes = memory.pick([nil, 0, 0, 0, 400, 1_500])
    }

    /// - Parameter members: how many begin the cluster.
    package init(members: Int, _ random: inout SeededRandom) {
        self.init(&random)
        self.members = members
        guard members > 1 else { return }
        // Each fault strikes one of many.
        if let time = faultTime { faultTime = time * 2 }
        partitionTime = random.once(in: 6) ? nil : random.pick([100_000, 500_000, 2_000_000])
        changesMembers = random.flag()
        readers = random.number(0...3)
        overthrows = partitionTime == nil || random.flag() ? 0 : random.pick([20, 70])
        networkDelay = random.pick([200, 2_000, 20_000, 60_000])
        losses = random.flag() ? 0 : random.pick([1, 20, 150])
        doubles = random.flag() ? 0 : random.pick([10, 200])
        reorders = random.flag()
        keptEntries = random.pick([0, 5, 5_000])
        keptBytes = random.pick([1, 2_000, 1 << 20])
        appendBytesMax = random.pick([64, 2_000, 1 << 20])
        pendingWritesMax = max(pendingWritesMax, 50)
        thinkTime = random.pick([5_000, 50_000, 300_000])
        uncheckpointedBytesMax = max(uncheckpointedBytesMax, 20_000)
        lateness = random.flag() ? 0 : random.pick([5, 50])
        if random.flag() {
            let hours = random.number(1...30)
            wrongClock = (random.number(0...members - 1), hours * 3_600_000 * (random.flag() ? 1 : -1))
        }
        // Of numbers of their own: without damage a seed is what it would be.
        var damaging = SeededRandom(seed: UInt64(operations &* 31 &+ networkDelay &+ segmentBytes &+ keys &* 7))
        if !changesMembers, members <= Self.damagedMembersMax { damages = damaging.pick([0, 1, 2]) }
        // So of replacements. Where a disk is damaged nobody else changes members.
        var replacing = SeededRandom(seed: UInt64(operations &+ networkDelay &* 31 &+ thinkTime))
        replacesMembers = damages == 0 && replacing.flag()
    }

    /// A short life with a few clients in which nothing goes wrong by itself.
    package static func calm(operations: Int) -> Conditions {
        var random = SeededRandom(seed: 1)
        var conditions = Conditions(&random)
        (conditions.operations, conditions.clients, conditions.watchers, conditions.keys) = (operations, 3, 1, 4)
        (conditions.thinkTime, conditions.diskTime, conditions.faultTime) = (20_000, 1_000, nil)
        (conditions.segmentBytes, conditions.writeBytesMax, conditions.queueBytesMax) = (2_048, 1_024, 8_000)
        (conditions.checkpointTime, conditions.checkpointBytes) = (50_000, 1_000)
        (conditions.entriesPerStep, conditions.reclaimedPerStep, conditions.pendingWritesMax) = (3, 7, 50)
        conditions.uncheckpointedBytesMax = 20_000
        return conditions
    }
}
