// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft
import Testing

/// Goal: the safety properties of Raft figure 3, durability of promises and linearizable reads hold whatever the
/// network, the disks and the processes do, and the cluster works again once they behave. Method: clusters of real
/// nodes in a world that follows from a seed; see `Simulation`. Checks: see `SimulationChecks`, after every step.
@Suite struct SimulationTests {
    /// For each size of cluster. Together more than 200 seeds, in half a minute without optimisation and seconds with.
    private static let runs = isDebugBuild ? 70 : 200
    /// More members share them.
    private static let stepsPerMember = 3000

    @Test(arguments: [1, 3, 5]) func safeAndLive(members: Int) throws {
        var random = SeededRandom(seed: testSeed("SimulationTests.safeAndLive(\(members))") &+ UInt64(members))
        var coverage = SimulationCoverage()
        for run in 0..<Self.runs {
            let options = Simulation.Options(members: members, steps: members * Self.stepsPerMember, random: &random)
            var simulation = Simulation(options: options, random: random.split())
            if let violation = simulation.run() {
                Issue.record("run \(run), \(violation); \(options)")
                return
            }
            coverage.add(simulation.coverage)
        }
        print("\(members) members: \(coverage)")
        #expect(coverage.elections > Self.runs && coverage.commits > 50 * Self.runs && coverage.reads > 20 * Self.runs)
        guard members > 1 else { return }
        #expect(coverage.overwrites > 0 && coverage.snapshots > 0 && coverage.changes > 0 && coverage.transfers > 0)
        #expect(coverage.jointChanges > 0)
    }

    /// The checks are worth something only if they notice.
    @Test(arguments: Sabotage.allCases) func noticesSabotage(_ sabotage: Sabotage) throws {
        var random = SeededRandom(seed: 1)
        for run in 0..<300 {
            var options = Simulation.Options(members: 3, steps: 3000, random: &random)
            // Many elections, and messages that come late.
            options.settings.usesPreVote = false
            options.settings.checksQuorum = false
            options.reorders = true
            options.delays = 100
            options.ticks = 14
            options.crashes = sabotage == .forgetsVotes ? 300 : 30
            options.partitions = sabotage == .answersLaterRounds ? 30 : 50
            options.heals = 10
            options.changes = 0
            var simulation = Simulation(options: options, random: random.split(), sabotage: sabotage)
            if let violation = simulation.run() {
                print("\(sabotage) is noticed in run \(run): \(violation.prefix(200))")
                return
            }
        }
        Issue.record("\(sabotage) was not noticed in 300 runs")
    }

    @Test func equalSeedsMakeEqualRuns() {
        func trace() -> [String] {
            var random = SeededRandom(seed: 7)
            return (0..<5).map { _ in
                let options = Simulation.Options(members: 3, steps: 1500, random: &random)
                var simulation = Simulation(options: options, random: random.split())
                _ = simulation.run()
                return "\(simulation.members.map(\.summary)) \(simulation.checks.truth.map(\.id))"
            }
        }
        #expect(trace() == trace())
    }
}
