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
    /// Where the power goes: at this operation of the log's disk, counted from its first.
    package var powerLossAtOperation: Int?
    /// Before this effect of the member, counted from its first, the process ends.
    package var deathAtEffect: Int?

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
