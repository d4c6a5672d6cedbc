// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletSimulation
import Testing

/// Goal: a cluster keeps its promises whatever happens to its members and between them.
/// Method: as `SimulationTests`, with a network, and a nemesis that cuts, pauses, changes members and hands leadership
/// over.
/// Checks: those of the simulator; here also that enough was going on.
@Suite struct ClusterSimulationTests {
    @Test(arguments: [3, 5]) func everyPromiseIsKept(members: Int) {
        var seeds = SeededRandom(seed: testSeed("ClusterSimulationTests"))
        var sum = SimulationReport.Counts()
        for _ in 0..<(isDebug ? 6 : 40) {
            let report = Simulation(seed: seeds.next(), members: members).run()
            #expect(report.finding == nil)
            sum.answered += report.counts.answered
            sum.deaths += report.counts.deaths
            sum.leaders += report.counts.leaders
            sum.states += report.counts.states
            sum.transfers += report.counts.transfers
            sum.memberChanges += report.counts.memberChanges
            sum.replacements += report.counts.replacements
            sum.timeouts += report.counts.timeouts
            sum.damages += report.counts.damages
            sum.replacedMembers += report.counts.replacedMembers
            sum.events += report.counts.events
            sum.expiredLeases += report.counts.expiredLeases
            sum.streamEntries += report.counts.streamEntries
            sum.registerOperations += report.counts.registerOperations
            sum.undecidedRegisters += report.counts.undecidedRegisters
            sum.steps += report.isLong ? 1 : 0
        }
        print("ClusterSimulationTests: \(sum)")
        #expect(sum.answered > 400 && sum.deaths > 30 && sum.leaders > 15 && sum.states > 0)
        #expect(isDebug || sum.damages > 2 && sum.replacedMembers > 2)
        #expect(sum.registerOperations > 100 && sum.undecidedRegisters * 50 < sum.registerOperations)
        #expect(sum.steps > 4, "too few long runs")
        #expect(isDebug || sum.replacements > 0)
        #expect(sum.events > 80 && sum.expiredLeases > (isDebug ? 0 : 3) && sum.streamEntries > 100)
    }

    /// The same where leaders read by lease, and clocks run apart.
    @Test(arguments: [3, 5]) func everyPromiseIsKeptByLeases(members: Int) {
        var seeds = SeededRandom(seed: testSeed("everyPromiseIsKeptByLeases"))
        var (reads, leaders) = (0, 0)
        for _ in 0..<(isDebug ? 3 : 20) {
            let report = Simulation(seed: seeds.next(), members: members, readsByLease: true).run()
            #expect(report.finding == nil)
            reads += report.counts.leasedReads
            leaders += report.counts.leaders
        }
        print("everyPromiseIsKeptByLeases: \(reads) reads, \(leaders) leaders")
        #expect(reads > 20 && leaders > 6)
    }

    /// As for one member: also in another process.
    @Test(arguments: [UInt64(3), 4]) func seedsRepeat(seed: UInt64) async throws {
        let report = Simulation(seed: seed, members: 3).run()
        #expect(report.finding == nil && report.traceHash == Simulation(seed: seed, members: 3).run().traceHash)
        let other = try await simulateOutput(["--seed", "\(seed)", "--members", "3"])
        let digits = String(report.traceHash, radix: 16)
        #expect(other.contains("\(String(repeating: "0", count: 16 - digits.count))\(digits)"), "\(other)")
    }

    /// Each is found within three hundred fixed seeds, which begin where it does not take long.
    @Test(arguments: [
        (Flaw.answersBeforeSync, 0), (.appliesClocks, 0), (.appliesHashOrder, 0), (.answersLaterRounds, 30),
        (.commitsEarlierTerms, 0), (.trustsItsClock, 0), (.believesDamagedRecords, 0), (.countsOneHalf, 200),
        (.leasesFromAnswers, 300), (.leasesThroughTransfers, 560),
    ])
    func findsEveryFlaw(flaw: Flaw, after: Int) {
        let first = (1...300).first { number in
            Simulation(seed: UInt64(after + number), members: 3, flaw: flaw).run().violation != nil
        }
        #expect(first != nil, "\(flaw)")
        print("findsEveryFlaw: \(flaw) after \(first ?? 0) seeds")
    }
}
