// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletSimulation
import Testing

/// Goal: a member keeps its promises whatever happens to it.
/// Method: clients, faults and their times from a seed, against production code on a simulated disk.
/// Checks: those of the simulator; here also that enough was going on.
@Suite struct SimulationTests {
    @Test func everyPromiseIsKept() {
        var seeds = SeededRandom(seed: testSeed("SimulationTests"))
        var sum = SimulationReport.Counts()
        for _ in 0..<(isDebug ? 40 : 600) {
            let report = Simulation(seed: seeds.next()).run()
            #expect(report.finding == nil)
            sum.answered += report.counts.answered
            sum.unknown += report.counts.unknown
            sum.deaths += report.counts.deaths
            sum.tornTails += report.counts.tornTails
            sum.events += report.counts.events
            sum.compactedWatches += report.counts.compactedWatches
            sum.expiredLeases += report.counts.expiredLeases
            sum.checkpoints += report.counts.checkpoints
            sum.streamEntries += report.counts.streamEntries
            sum.loadedBlocks += report.counts.loadedBlocks
            sum.publications += report.counts.publications
            sum.settlements += report.counts.settlements
            sum.jobRuns += report.counts.jobRuns
        }
        print("SimulationTests: \(sum)")
        #expect(sum.answered > 2_000 && sum.unknown > 20 && sum.deaths > 80)
        #expect(sum.streamEntries > 500 && sum.loadedBlocks > 50)
        #expect(sum.publications > 30 && sum.settlements > 10)
        #expect(sum.jobRuns > 200)
        // Too rare for so few runs.
        #expect(isDebug || sum.tornTails > 5)
        #expect(sum.events > 1_000 && sum.compactedWatches > 20 && sum.expiredLeases > 20 && sum.checkpoints > 100)
    }

    /// A seed's run is the same again, in another process too, whatever the order of its sets and dictionaries.
    @Test(arguments: [UInt64(3), 17, 4_004]) func seedsRepeat(seed: UInt64) async throws {
        let report = Simulation(seed: seed).run()
        #expect(report.finding == nil && report.traceHash == Simulation(seed: seed).run().traceHash)
        #expect(report.traceHash != Simulation(seed: seed + 1).run().traceHash)
        let other = try await simulateOutput(["--seed", "\(seed)"])
        let digits = String(report.traceHash, radix: 16)
        #expect(other.contains("\(String(repeating: "0", count: 16 - digits.count))\(digits)"), "\(other)")
    }

    /// What many runs drove is told by their sums, so that it can be recorded.
    @Test func manyRunsTellTheirSums() async throws {
        let seeds = UInt64(71)..<76
        let reports = seeds.map { Simulation(seed: $0, members: 3).run() }
        func sum(_ count: KeyPath<SimulationReport.Counts, Int>) -> Int {
            reports.reduce(0) { $0 + $1.counts[keyPath: count] }
        }
        #expect(sum(\.publications) > 0 && sum(\.settlements) > 0)
        let told = try await simulateOutput(
            ["--members", "3", "--first", "\(seeds.lowerBound)", "--runs", "\(seeds.count)", "--seconds", "1000000"])
        let sums =
            "\(sum(\.answered)) answers, \(sum(\.deaths)) deaths, \(sum(\.leaders)) leaders, "
            + "\(sum(\.streamEntries)) entries appended, \(sum(\.publications)) changes published with them, "
            + "\(sum(\.settlements)) messages settled once; every promise was kept"
        #expect(told.contains("simulate: \(seeds.count) runs") && told.contains(sums), "\(told)")
        let one = try await simulateOutput(["--members", "3", "--seed", "\(seeds.lowerBound)"])
        let counts = reports[0].counts
        let words = "publications: \(counts.publications), settlements: \(counts.settlements)"
        #expect(one.contains(words), "\(one)")
    }

    /// A story is told without changing it.
    @Test func theStoryIsTold() {
        var lines: [String] = []
        var simulation = Simulation(seed: 5)
        simulation.tell = { lines.append($0) }
        #expect(simulation.run().traceHash == Simulation(seed: 5).run().traceHash)
        #expect(lines.contains { $0.contains("restarted") } && lines.contains { $0.contains("answered") })
    }

    // MARK: At every place

    private var calm: Conditions { .calm(operations: isDebug ? 25 : 60) }

    @Test func theProcessMayEndBeforeEveryEffect() {
        let whole = Simulation(seed: 1, conditions: calm).run()
        #expect(whole.finding == nil && whole.effects > 60)
        for effect in stride(from: 1, through: whole.effects, by: isDebug ? 5 : 1) {
            var conditions = calm
            conditions.deathAtEffect = effect
            let report = Simulation(seed: 1, conditions: conditions).run()
            #expect(report.violation == nil, "before effect \(effect)")
            #expect(report.counts.deaths > whole.counts.deaths || effect == whole.effects)
        }
    }

    @Test func thePowerMayGoDuringEveryOperationOfTheDisk() {
        let whole = Simulation(seed: 2, conditions: calm).run()
        #expect(whole.finding == nil && whole.diskOperations > 60)
        for operation in stride(from: 1, through: whole.diskOperations, by: isDebug ? 5 : 1) {
            var conditions = calm
            conditions.powerLossAtOperation = operation
            #expect(
                Simulation(seed: 2, conditions: conditions).run().violation == nil, "during operation \(operation)")
        }
    }

    // MARK: The simulator can fail

    /// Every flaw is found within a few seeds.
    @Test(arguments: Flaw.allCases.filter { !$0.isOfClusters }) func findsEveryFlaw(flaw: Flaw) {
        var seeds = SeededRandom(seed: testSeed("findsEveryFlaw"))
        let first = (1...60).first { _ in Simulation(seed: seeds.next(), flaw: flaw).run().violation != nil }
        #expect(first != nil, "\(flaw)")
        print("findsEveryFlaw: \(flaw) after \(first ?? 0) seeds")
    }
}
