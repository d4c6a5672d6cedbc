// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import MartletBasics
import MartletDiskLoss
import MartletEmbedded

/// Recipes on transactions over keys and streams, whose servers and users die.
package enum Recipes {
    /// Runs and ends by itself. Files stay only where something was broken.
    package static func run(_ options: RecipeOptions) async throws -> RecipeReport {
        let program = try options.serverProgram()
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("martlet-torture-\(options.seed)-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let library = DiskLossLibrary.isSupported ? try await DiskLossLibrary(in: folder) : nil
        let surroundings = TortureMember.Surroundings(
            program: program, peer: .martlet, library: library, flaw: nil, wires: FaultWires(),
            origins: ConnectionOrigins(), servesStreams: true, isDirect: true)
        var report: RecipeReport
        let setting = RecipeSetting(options, folder, surroundings)
        switch options.recipe {
        case .outbox: report = try await OutboxTorture(setting).run()
        case .exactlyOnce: report = try await ExactlyOnceTorture(setting).run()
        }
        if report.isKept {
            try? FileManager.default.removeItem(atPath: folder)
        } else {
            report.folder = folder
        }
        return report
    }

    /// Long enough for an election, and short enough that nobody spends the run on one call.
    private static let callLimit = Duration.seconds(3)

    /// Opens the store that a cluster serves; its servers may come later.
    static func open(_ address: String) async throws -> MartletStore {
        try await MartletStore.open(try StoreAddress(address)) { configuration in
            configuration.logger = Logger(label: "torture") { _ in SwiftLogNoOpLogHandler() }
            configuration.configureKeys = { $0.timeout = callLimit }
            configuration.configureStreams = { $0.timeout = callLimit }
        }
    }

    /// Whether a call may fail like this while servers die; then nobody may know whether it has taken effect.
    static func isExpected(_ error: any Error) -> Bool {
        switch error {
        case let error as EtcdError:
            [.unavailable, .timeout, .closed, .overloaded, .conflict, .other].contains(error.code)
        case let error as RedisError:
            [.unavailable, .timeout, .closed, .overloaded, .notReady, .uncertain].contains(error.code)
        case let error as MartletStoreError: error.code == .unavailable
        default: error is CancellationError
        }
    }

    /// Does something again until it is answered.
    static func persist<Result>(
        for limit: Duration, _ body: () async throws -> Result
    ) async throws -> Result {
        let end = ContinuousClock.now + limit
        while true {
            do {
                return try await body()
            } catch {
                guard isExpected(error), ContinuousClock.now < end, !Task.isCancelled else { throw error }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// What a stream's page has: some hundred kilobytes.
    private static let pageEntries = 5_000

    /// Hands over all entries behind one, page by page.
    static func walk(
        _ stream: String, after start: RedisStreamID = .zero, in store: MartletStore, limit: Duration,
        _ take: (RedisEntry) throws -> Void
    ) async throws {
        var last = start
        while true {
            let position = last
            let entries = try await persist(for: limit) {
                try await store.streams.xrange(stream, .excluding(position), count: pageEntries)
            }
            for entry in entries { try take(entry) }
            guard entries.count == pageEntries, let end = entries.last?.id else { return }
            last = end
        }
    }

    /// Says what happens, with the time since the beginning.
    static func teller(_ isTold: Bool) -> @Sendable (String) -> Void {
        let begin = ContinuousClock.now
        return { text in
            guard isTold else { return }
            let tenths = Int(begin.duration(to: .now) / .milliseconds(100))
            say("\(tenths / 10).\(tenths % 10) s: \(text)")
        }
    }

    static func remove(_ folder: String) throws { try FileManager.default.removeItem(atPath: folder) }

    /// Ends all members, whatever they are at.
    static func end(_ cluster: TortureCluster) async {
        for member in cluster.all {
            member.letEnd()
            _ = try? await member.kill(losing: nil, random: .init(seed: 0))
            await member.proxy.close()
        }
    }
}
