// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTorture
import Testing

/// The recipes, with real servers and workers that are killed, for a short time; `make torture` does more. A recipe
/// that is wrong on purpose is found out by the same checks.
@Suite(.serialized, .timeLimit(.minutes(30))) struct RecipeTests {
    private static func options(_ recipe: RecipeOptions.Recipe) -> RecipeOptions {
        var options = RecipeOptions(recipe)
        options.seed = ProcessInfo.processInfo.environment["MARTLET_SEED"].flatMap { UInt64($0) } ?? 20_261_122
        options.kills = 12
        options.messages = 20_000
        options.workers = 2
        print("torture: MARTLET_SEED=\(options.seed)")
        return options
    }

    private static func run(_ options: RecipeOptions) async throws -> RecipeReport {
        let report = try await Recipes.run(options)
        for line in report.table { print(line) }
        return report
    }

    @Test func changesAndTheirMessagesAreBothOrNeither() async throws {
        let report = try await Self.run(Self.options(.outbox))
        #expect(report.broken == [])
        #expect(report.isKept)
    }

    @Test func anOutboxInTwoStepsIsFound() async throws {
        var options = Self.options(.outbox)
        options.wrong = .twoSteps
        let report = try await Self.run(options)
        #expect(report.broken.contains { $0.hasPrefix("changes of a key without their message") })
        if let folder = report.folder { try? FileManager.default.removeItem(atPath: folder) }
    }

    @Test func messagesHaveTheirEffectOnce() async throws {
        let report = try await Self.run(Self.options(.exactlyOnce))
        #expect(report.broken == [])
        #expect(report.isKept)
    }

    @Test(arguments: [RecipeOptions.Wrong.twoSteps, .ackFirst])
    func effectsAndAcknowledgementsInTwoStepsAreFound(_ wrong: RecipeOptions.Wrong) async throws {
        var options = Self.options(.exactlyOnce)
        options.wrong = wrong
        // A kill must come between the two steps, which is rare with so few kills: the faster the store, the rarer.
        var isFound = false
        for _ in 0..<6 where !isFound {
            let report = try await Self.run(options)
            isFound = report.broken.contains { $0.contains("messages with one effect in the stream") }
            if let folder = report.folder { try? FileManager.default.removeItem(atPath: folder) }
            options.seed &+= 1
        }
        #expect(isFound)
    }
}
