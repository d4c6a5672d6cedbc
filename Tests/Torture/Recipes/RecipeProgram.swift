// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The part of the program that tortures recipes.
enum RecipeProgram {
    /// Runs, prints the table of claims, and ends the process: 0 where all of them hold, 3 where one is broken, 2
    /// where nothing could be run.
    static func run(_ options: RecipeOptions) async -> Never {
        var options = options
        options.endsOnSignals = true
        switch options.recipe {
        case .outbox: say("seed \(options.seed), outbox, \(options.kills) kills")
        case .exactlyOnce:
            say("seed \(options.seed), exactly-once, \(options.messages) messages, \(options.workers) workers")
        }
        if let wrong = options.wrong { say("the recipe is wrong on purpose: \(wrong.rawValue)") }
        do {
            let report = try await Recipes.run(options)
            for line in report.table { say(line) }
            if report.isKept {
                say("seed \(options.seed): every claim was kept")
                exit(0)
            }
            say("seed \(options.seed): \(report.broken.count) of \(report.claims.count) claims are BROKEN")
            if let folder = report.folder { say("data and logs are in \(folder)") }
            exit(3)
        } catch {
            say("\(error)")
            exit(2)
        }
    }
}
