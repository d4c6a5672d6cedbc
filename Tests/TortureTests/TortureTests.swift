// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletDiskLoss
import MartletTorture
import Testing

/// Real processes, real faults, for a short time; `make torture` takes as long as it is given.
@Suite(.serialized, .timeLimit(.minutes(5))) struct TortureTests {
    private static func options(_ seconds: Int) -> TortureOptions {
        var options = TortureOptions()
        options.seed = ProcessInfo.processInfo.environment["MARTLET_SEED"].flatMap { UInt64($0) } ?? 20_261_122
        options.seconds = seconds
        print("torture: MARTLET_SEED=\(options.seed)")
        return options
    }

    @Test func aClusterKeepsItsPromises() async throws {
        let report = try await Torture.run(Self.options(12))
        #expect(report.violations == [])
        #expect(report.acknowledged > 100)
    }

    /// What makes the first test worth something: members that answer before their bytes are safe are found out when
    /// the power fails for all of them.
    @Test(.enabled(if: DiskLossLibrary.isSupported, "the disk-loss library needs Linux with glibc"))
    func lateSyncsAreFound() async throws {
        var options = Self.options(6)
        options.flaw = .noSync
        options.faults = [.killAll]
        let report = try await Torture.run(options)
        #expect(!report.violations.isEmpty)
        if let folder = report.folder { try? FileManager.default.removeItem(atPath: folder) }
    }
}
