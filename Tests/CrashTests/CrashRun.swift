// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletDiskLoss
import MartletTestPrograms

/// Kills a server again and again while clients write, and holds what it tells afterwards against what they know.
struct CrashRun {
    struct Configuration {
        var program: CrashServer.Program
        var kills: Int
        /// Kills of one data folder; then the next begins empty.
        var killsPerStore = 25
        /// Journals half of the rounds; without it no power fails.
        var library: DiskLossLibrary?
        /// With a fault all rounds are journaled, and the power fails at every kill.
        var fault: DiskLossLibrary.Fault?
        var seed: UInt64
    }

    struct Summary {
        var kills = 0
        /// Kills before the server was ready.
        var killsWhileStarting = 0
        /// Starts under the library.
        var journaledStarts = 0
        /// How often a process was told to die between two of its calls.
        var armed = 0
        /// Kills with which the power failed, and those of them that undid something.
        var powerFailures = 0
        var losses = 0
        var acknowledged = 0
        var revisions: Int64 = 0
        var violations: [String] = []

        var text: String {
            """
            \(kills) kills, \(killsWhileStarting) of them while starting; \(journaledStarts) starts journaled, \
            \(armed) armed, \(powerFailures) power failures, \(losses) of them lost something; \
            \(acknowledged) writes acknowledged, \(revisions) revisions; \(violations.first ?? "no violation")
            """
        }
    }

    /// Runs until all kills are done, or a store has shown a violation.
    static func run(_ configuration: Configuration) async throws -> Summary {
        var random = SeededRandom(seed: configuration.seed)
        var summary = Summary()
        var number = 0
        while summary.kills < configuration.kills, summary.violations.isEmpty {
            let folder = try TemporaryFolder()
            number += 1
            var store = try CrashedStore(
                configuration, folder: folder.path, number: number, random: random.split(), summary: summary)
            await store.run()
            summary = store.summary
            withExtendedLifetime(folder) {}
        }
        print("crash run: \(summary.text)")
        return summary
    }
}
