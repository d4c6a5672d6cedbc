// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletReplica
import MartletSimulatedDisk

/// One simulated run of a member, or of a cluster of them.
///
/// The same seed, conditions and flaw give the same run, in every process: see `SimulationReport.traceHash`.
package struct Simulation {
    package var seed: UInt64
    /// How many begin the cluster, where conditions are drawn.
    package var members: Int
    /// `nil`: drawn from the seed.
    package var conditions: Conditions?
    /// What is wrong with the member; `nil`: nothing on purpose.
    package var flaw: Flaw?
    /// Whether leaders answer reads by what others have promised them; nothing else of a seed's draws moves.
    package var readsByLease: Bool
    /// Takes the story, line by line.
    package var tell: ((String) -> Void)?

    package init(
        seed: UInt64, members: Int = 1, conditions: Conditions? = nil, flaw: Flaw? = nil, readsByLease: Bool = false
    ) {
        (self.seed, self.members, self.conditions, self.flaw) = (seed, members, conditions, flaw)
        self.readsByLease = readsByLease || flaw?.isOfLeases == true
    }

    /// What is drawn from the seed.
    package var drawnConditions: Conditions {
        var random = SeededRandom(seed: seed)
        return Conditions(members: members, &random)
    }

    package func run() -> SimulationReport {
        let simulator = Simulator(
            seed: seed, members: members, conditions: conditions, flaw: flaw, readsByLease: readsByLease, tell: tell)
        var violation: String?
        do throws(Violation) {
            try simulator.run()
        } catch {
            violation = error.message
            for host in simulator.hosts { tell?(simulator.words(host)) }
        }
        var counts = simulator.counts
        counts.appliedWrites = simulator.oracle.appliedWrites
        counts.expiredLeases = simulator.oracle.leases.expiredCount
        return SimulationReport(
            seed: seed, violation: violation, traceHash: simulator.trace.hash,
            stateDigest: simulator.hosts[0].life?.replica.stateDigest() ?? 0, effects: simulator.effects,
            diskOperations: simulator.hosts[0].disk.operationCount, seconds: Double(simulator.now) / 1_000_000,
            counts: counts)
    }
}

package struct SimulationReport: Sendable {
    /// How much was going on: a run that does nothing proves nothing.
    package struct Counts: Hashable, Sendable {
        package var steps = 0
        package var answered = 0
        package var refused = 0
        package var unknown = 0
        package var entries = 0
        package var appliedWrites = 0
        package var events = 0
        package var watches = 0
        package var compactedWatches = 0
        package var expiredLeases = 0
        package var checkpoints = 0
        package var faults = 0
        package var deaths = 0
        package var tornTails = 0
        /// Entries of streams that were acknowledged.
        package var streamEntries = 0
        /// Runs of recurring jobs that somebody has seen.
        package var jobRuns = 0
        /// Transactions over keys and streams that were acknowledged: changes that were published with them, and
        /// messages that were acknowledged with their effect.
        package var publications = 0
        package var settlements = 0
        /// Blocks of streams that had left memory and were wanted.
        package var loadedBlocks = 0
        /// Of clusters.
        package var messages = 0
        package var leaders = 0
        package var states = 0
        package var transfers = 0
        package var nemesisActs = 0
        package var memberChanges = 0
        /// Reads that a leader answered by what others had promised it.
        package var leasedReads = 0
        /// Attempts to have a learner take a voter's place, and how often it was applied that one did.
        package var replacementActs = 0
        package var replacements = 0
        package var timeouts = 0
        /// Disks that were damaged, and members that took the place of those who had them.
        package var damages = 0
        package var replacedMembers = 0
        /// Stamps of leaders whose clock was wrong, and that of most was right.
        package var correctedStamps = 0
        /// Requests whose order was looked for, and registers for which that took too long.
        package var registerOperations = 0
        package var undecidedRegisters = 0

        package init() {}
    }

    package let seed: UInt64
    /// The first promise that was broken.
    package let violation: String?
    package let traceHash: UInt64
    package let stateDigest: UInt64
    /// Of the member, and operations of the log's disk: places where it can die.
    package let effects: Int
    package let diskOperations: Int
    /// Simulated time.
    package let seconds: Double
    package let counts: Counts

    /// Of a run in which much has happened.
    package static let longSteps = 5_000

    /// Whether it had so many, a crash, and a change of the leader.
    package var isLong: Bool { counts.steps >= Self.longSteps && counts.deaths > 0 && counts.leaders > 1 }
}
