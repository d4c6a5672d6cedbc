// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletDiskLoss
import MartletEtcdClient
import MartletTestPrograms
import Testing

/// A server that dies between two calls of its first start, while it makes its folders, tables and log.
@Suite(.enabled(if: DiskLossLibrary.isSupported, "the disk-loss library needs Linux with glibc"), .serialized)
struct FirstStartTests {
    /// Folders and tables are made within the first steps; zeroes of the first segment follow, and its name.
    private static let firstSteps = 1...40
    private static let laterSteps = 41...260

    /// What the next process finds it must not take for being on disk: the machine loses its power after that one has
    /// acknowledged a write.
    @Test func theNextProcessTrustsNothing() async throws {
        var random = SeededRandom(seed: seed())
        var places = Array(Self.firstSteps.shuffled(using: &random).prefix(10))
        places += Self.laterSteps.shuffled(using: &random).prefix(6)
        if ProcessInfo.processInfo.environment["MARTLET_SOAK"] != nil {
            places = Array(Self.firstSteps) + Array(Self.laterSteps)
        }
        let folder = try TemporaryFolder()
        let library = try await DiskLossLibrary(in: folder.path)
        for place in places {
            for failsAtOnce in [false, true] {
                let what = "death at step \(place), power \(failsAtOnce ? "fails" : "stays")"
                do {
                    try await die(at: place, failsAtOnce: failsAtOnce, library, random.split())
                } catch {
                    Issue.record("\(what): \(error)")
                }
            }
        }
    }

    private func die(
        at place: Int, failsAtOnce: Bool, _ library: DiskLossLibrary, _ random: SeededRandom
    ) async throws {
        var random = random
        let folder = try TemporaryFolder()
        let (root, journal) = (folder.file("disk"), folder.file("journal"))
        for path in [root, journal] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        }
        let server = try CrashServer(.martlet(BuiltBinary.path), data: "\(root)/data", folder: folder.path)
        let environment = library.environment(root: root, journal: journal)
        do {
            try DiskLossLibrary.die(after: place, journal: journal)
            try server.start(environment)
            _ = try await server.ready()
            await server.kill()
            if failsAtOnce {
                let style = DiskLoss.Style.allCases.randomElement(using: &random) ?? .everything
                _ = try DiskLoss.strike(root: root, journal: journal, style: style, random: random.split())
            }
            try DiskLossLibrary.die(after: nil, journal: journal)

            try server.start(environment)
            try await Self.ready(server)
            let revision = try await Self.withClient(server) { try await $0.put("key", "value").revision }
            await server.kill()
            _ = try DiskLoss.strike(root: root, journal: journal, style: .everything, random: random.split())

            try server.start([:])
            try await Self.ready(server)
            let found = try await Self.withClient(server) { try await $0.get("key").keyValues }
            if found.map(\.modRevision) != [revision] {
                throw CrashServer.Trouble(description: "a write acknowledged at revision \(revision) is lost")
            }
            await server.kill()
        } catch {
            await server.kill()
            throw error
        }
        withExtendedLifetime(folder) {}
    }

    private static func ready(_ server: CrashServer) async throws {
        guard try await server.ready() else { throw CrashServer.Trouble(description: "the server was killed") }
    }

    private static func withClient<Result>(
        _ server: CrashServer, _ body: (EtcdClient) async throws -> Result
    ) async throws -> Result {
        let client = try EtcdClient(endpoints: server.endpoint)
        do {
            let result = try await body(client)
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }
}
