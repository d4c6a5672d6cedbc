// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Tortures a cluster of real processes, or recipes whose servers and users die. Exit 0: every promise was kept; 2:
/// wrong arguments; 3: one was broken.
@main
struct TortureProgram {
    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        // A process that another one of this program has started, to be killed.
        if let worker = WorkerOptions(arguments) { await WorkerProgram.run(worker) }
        let seed = UInt64.random(in: 1...UInt64(UInt32.max))
        var options: TortureOptions
        do {
            if let recipe = try RecipeOptions(arguments, randomSeed: seed) { await RecipeProgram.run(recipe) }
            options = try TortureOptions(arguments, randomSeed: seed)
        } catch {
            FileHandle.standardError.write(Data("torture: \(error)\n\(TortureOptions.usage)\n".utf8))
            exit(2)
        }
        options.endsOnSignals = true
        say("seed \(options.seed), \(options.members) members, \(options.seconds) s")
        do {
            let report = try await Torture.run(options)
            say("seed \(options.seed): \(report.counts)")
            guard !report.violations.isEmpty else { return say("every promise was kept") }
            for violation in report.violations { say("BROKEN: \(violation)") }
            say("make torture SEED=\(options.seed) does the same again, as far as processes can")
            if let folder = report.folder { say("data and logs are in \(folder)") }
            exit(3)
        } catch {
            say("\(error)")
            exit(2)
        }
    }
}
