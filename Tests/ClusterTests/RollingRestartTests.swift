// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import MartletTestPrograms
import Testing

/// What operators do to change a version or a setting.
@Suite("a rolling restart", .serialized, .timeLimit(.minutes(30)))
struct RollingRestartTests {
    private struct GivenUp: Error { var key: String }

    /// Asks until it is told. Members of which a majority runs answer sooner or later.
    private static func put(_ key: String, by client: EtcdClient) async throws -> Int64 {
        let end = ContinuousClock.now + patience
        while ContinuousClock.now < end {
            if let put = try? await client.put(key, "v") { return put.revision }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw GivenUp(key: key)
    }

    @Test("one member after another ends and comes back; no request of clients that ask again is lost")
    func besideClients() async throws {
        try await EtcdProcess.withCluster(.martlet) { members in
            let ledger = Ledger()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<4 {
                    group.addTask {
                        let client = try ProcessCluster.client(members)
                        var number = 0
                        while !ledger.isClosed {
                            let key = "w\(writer)-\(number)"
                            ledger.note(key, try await Self.put(key, by: client))
                            number += 1
                        }
                        await client.close()
                    }
                }
                for member in members {
                    await member.terminate()
                    // The others go on without it.
                    let before = ledger.acknowledged.count
                    #expect(try await eventually { ledger.acknowledged.count > before + 20 })
                    try await member.restart()
                    // And with it, before the next one goes.
                    let own = try ProcessCluster.client([member])
                    #expect(try await eventually { (try? await own.get("w0-0"))?.count == 1 })
                    await own.close()
                }
                ledger.close()
                try await group.waitForAll()
            }
            let told = ledger.acknowledged
            for member in members {
                let own = try ProcessCluster.client([member])
                var found: [String: Int64] = [:]
                for pair in try await own.get(.prefix("w")).keyValues { found[pair.keyText] = pair.modRevision }
                // A write whose outcome was not known was asked for again, and may have come after that.
                for (key, revision) in told { #expect((found[key] ?? 0) >= revision, "\(key) at \(member.endpoint)") }
                await own.close()
            }
            #expect(told.count > 60)
        }
    }
}
