// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletDiskLoss
import MartletTestPrograms
import Testing

/// The real process, killed while clients work with its streams.
@Suite(.serialized, .timeLimit(.minutes(30))) struct StreamCrashTests {
    private static var kills: Int {
        let environment = ProcessInfo.processInfo.environment
        return environment["MARTLET_CRASH_KILLS"].flatMap { Int($0) }
            ?? (environment["MARTLET_SOAK"] == nil ? 30 : 600)
    }

    /// Every acknowledged entry, deletion, delivery and acknowledgement is there, none twice, transactions whole, and
    /// groups are as they were left: claims, their places, policies and consumers. An append that is repeated, because
    /// nobody knew what became of it, adds nothing. Whether the process dies alone or the machine with it.
    @Test func nothingIsLost() async throws {
        var random = SeededRandom(seed: seed())
        var (kills, losses, acknowledged, groups, counts) = (0, 0, 0, 0, 0)
        while kills < Self.kills {
            let folder = try TemporaryFolder()
            let library = DiskLossLibrary.isSupported ? try await DiskLossLibrary(in: folder.path) : nil
            // Every other one keeps hardly any entries in memory.
            let memory = kills / 10 % 2 == 0 ? "1KiB" : "0"
            var store = try StreamCrash(in: folder.path, library: library, memory: memory, random: random.split())
            let violations = try await store.run(kills: min(10, Self.kills - kills))
            #expect(violations.isEmpty, "\(violations.count): \(violations.prefix(5))")
            kills += store.kills
            losses += store.losses
            acknowledged += store.ledger.change { $0.acknowledged }
            groups += store.acknowledged.groups
            counts += store.acknowledged.counts
        }
        print("stream crashes: \(kills) kills, \(losses) losses, \(acknowledged) acknowledged")
        print("stream crashes: \(groups) commands of keepers, \(counts) steps of counters")
        #expect(acknowledged > kills * 10 && groups > kills && counts > kills)
        if DiskLossLibrary.isSupported { #expect(losses > 0) }
    }

    /// What makes the first test worth something.
    @Test(.enabled(if: DiskLossLibrary.isSupported, "the disk-loss library needs Linux with glibc"))
    func missingSyncsAreFound() async throws {
        let folder = try TemporaryFolder()
        let library = try await DiskLossLibrary(in: folder.path)
        var store = try StreamCrash(
            in: folder.path, library: library, fault: .noSync, random: SeededRandom(seed: seed()))
        var violations: [String] = []
        do {
            violations = try await store.run(kills: 15)
        } catch {
            // A log that contradicts its checkpoint can't be opened.
            violations = ["\(error)"]
        }
        #expect(!violations.isEmpty)
    }
}
