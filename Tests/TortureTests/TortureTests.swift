// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletDiskLoss
import MartletTorture
import Testing

/// Real processes, real faults, for a short time; `make torture` takes as long as it is given.
@Suite(.serialized, .timeLimit(.minutes(30))) struct TortureTests {
    private static func options(_ seconds: Int) -> TortureOptions {
        var options = TortureOptions()
        options.seed = ProcessInfo.processInfo.environment["MARTLET_SEED"].flatMap { UInt64($0) } ?? 20_261_122
        options.seconds = seconds
        print("torture: MARTLET_SEED=\(options.seed)")
        return options
    }

    /// Of five two may be away at once, and the links between them are ten.
    @Test(arguments: [3, 5]) func aClusterKeepsItsPromises(members: Int) async throws {
        // A machine that has much else to do gets more time for enough calls.
        var acknowledged = 0
        for seconds in [12, 60, 300] where acknowledged <= 100 {
            var options = Self.options(seconds)
            options.members = members
            let report = try await Torture.run(options)
            #expect(report.violations == [])
            acknowledged = report.acknowledged
            guard report.violations == [] else { break }
        }
        #expect(acknowledged > 100)
    }

    /// What makes the first test worth something: members that answer before their bytes are safe are found out when
    /// the power fails for all of them.
    @Test(.enabled(if: DiskLossLibrary.isSupported, "the disk-loss library needs Linux with glibc"))
    func lateSyncsAreFound() async throws {
        var isFound = false
        for seconds in [6, 30, 150] where !isFound {
            var options = Self.options(seconds)
            options.flaw = .noSync
            options.faults = [.killAll]
            let report = try await Torture.run(options)
            isFound = !report.violations.isEmpty
            if let folder = report.folder { try? FileManager.default.removeItem(atPath: folder) }
        }
        #expect(isFound)
    }
}
