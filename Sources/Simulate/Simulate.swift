// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletSimulation

/// Runs simulations of a member, or of a cluster of three or five: the seed that is asked for, with its story, or one
/// after the other for a while.
///
/// usage: simulate [--members N] [--seed N] [--first N] [--seconds S] [--runs N] [--flaw NAME] [--lease-reads]
///                 [--story]
///
/// A seed's run is the same in every process; its trace hash says so. Exit 0: every promise was kept; 2: wrong
/// arguments; 3: one was broken, or a seed gave two different runs.
@main
struct Simulate {
    /// Each time so many seeds have run, the next one runs twice.
    private static let seedsBetweenTwins = 16

    static func main() {
        let options: Options
        do {
            options = try Options(Array(CommandLine.arguments.dropFirst()))
        } catch {
            FileHandle.standardError.write(Data("simulate: \(error)\n".utf8))
            exit(2)
        }
        if let seed = options.seed { one(seed, options) } else { many(options) }
    }

    private static func one(_ seed: UInt64, _ options: Options) {
        var simulation = options.simulation(seed)
        print("simulate: \(simulation.drawnConditions)")
        if options.tellsStory { simulation.tell = { print($0) } }
        let report = simulation.run()
        print("simulate: seed \(seed), \(report.seconds) s, \(report.counts)")
        print("simulate: trace \(hex(report.traceHash)), state \(hex(report.stateDigest))")
        end(report, options)
    }

    private static func many(_ options: Options) {
        let first = options.first ?? UInt64.random(in: 1...UInt64(UInt32.max)) << 20
        let (start, limit) = (ContinuousClock.now, Duration.seconds(options.seconds))
        print("simulate: seeds from \(first) on")
        var (runs, long, simulated, answered, deaths, leaders, hash) = (0, 0, 0.0, 0, 0, 0, UInt64(0))
        var (publications, settlements, appended, leased) = (0, 0, 0, 0)
        while runs < options.runs, ContinuousClock.now - start < limit {
            let seed = first + UInt64(runs)
            let simulation = options.simulation(seed)
            let report = simulation.run()
            if report.violation != nil { end(report, options) }
            if runs % seedsBetweenTwins == 0,
                simulation.run().traceHash != report.traceHash
            {
                print("simulate: two runs of seed \(seed) differ")
                exit(3)
            }
            runs += 1
            if report.isLong { long += 1 }
            simulated += report.seconds
            answered += report.counts.answered
            deaths += report.counts.deaths
            leaders += report.counts.leaders
            publications += report.counts.publications
            settlements += report.counts.settlements
            appended += report.counts.streamEntries
            hash = hash &* 31 &+ report.traceHash
            leased += report.counts.leasedReads
        }
        let seconds = max(0.001, (ContinuousClock.now - start) / .seconds(1))
        print(
            "simulate: \(runs) runs, \(Int(Double(runs) / seconds * 3_600)) an hour, \(long) of them with "
                + "\(SimulationReport.longSteps) events, a crash and a change of the leader; "
                + "\(Int(simulated)) simulated seconds, \(answered) answers, \(deaths) deaths, \(leaders) leaders, "
                + "\(appended) entries appended, \(publications) changes published with them, \(settlements) messages "
                + "settled once; \(options.readsByLease ? "\(leased) reads by lease; " : "")"
                + "every promise was kept; traces \(hex(hash))")
    }

    private static func end(_ report: SimulationReport, _ options: Options) {
        guard let violation = report.violation else { return }
        print("simulate: seed \(report.seed): \(violation)")
        var members = options.members == 1 ? "" : "--members \(options.members) "
        if options.readsByLease { members += "--lease-reads " }
        print("simulate: make sim SEED=\(report.seed) ARGUMENTS='\(members)--story' repeats it, and tells the story")
        exit(3)
    }

    private static func hex(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

private struct Options {
    struct Failure: Error, CustomStringConvertible { var description: String }

    var seed: UInt64?
    var first: UInt64?
    var seconds = 60
    var runs = Int.max
    var members = 1
    var flaw: Flaw?
    var tellsStory = false
    var readsByLease = false

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            switch name {
            case "--story":
                tellsStory = true
                continue
            case "--lease-reads":
                readsByLease = true
                continue
            default: break
            }
            guard let value = rest.popFirst() else { throw Failure(description: "\(name) needs a value") }
            switch name {
            case "--seed": seed = try Self.number(name, value)
            case "--first": first = try Self.number(name, value)
            case "--seconds": seconds = Int(clamping: try Self.number(name, value))
            case "--members":
                members = Int(clamping: try Self.number(name, value))
                guard 1...7 ~= members else { throw Failure(description: "--members is 1 to 7") }
            case "--runs": runs = Int(clamping: try Self.number(name, value))
            case "--flaw":
                guard let known = Flaw(rawValue: value) else {
                    let all = Flaw.allCases.map(\.rawValue).joined(separator: ", ")
                    throw Failure(description: "no flaw \(value); there are \(all)")
                }
                flaw = known
            default: throw Failure(description: "what is \(name)?")
            }
        }
    }

    func simulation(_ seed: UInt64) -> Simulation {
        Simulation(seed: seed, members: members, flaw: flaw, readsByLease: readsByLease)
    }

    private static func number(_ name: String, _ value: String) throws -> UInt64 {
        guard let number = UInt64(value) else { throw Failure(description: "\(name) \(value) is no number") }
        return number
    }
}
