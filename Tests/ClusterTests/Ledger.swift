// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import Synchronization

/// What writers were told, by key; until it is closed.
final class Ledger: Sendable {
    private let state = Mutex<(acknowledged: [String: Int64], isClosed: Bool)>(([:], false))

    var acknowledged: [String: Int64] { state.withLock { $0.acknowledged } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    func note(_ key: String, _ revision: Int64) { state.withLock { $0.acknowledged[key] = revision } }
    func close() { state.withLock { $0.isClosed = true } }

    /// Runs `body` while four writers put keys of their own, `w0-0` and so on, and note what they are told; closes it.
    func whileWriting(by client: EtcdClient, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    var number = 0
                    while !self.isClosed {
                        let key = "w\(writer)-\(number)"
                        number += 1
                        if let put = try? await client.put(key, "v") { self.note(key, put.revision) }
                    }
                }
            }
            // Else they would go on for ever where it throws.
            defer { self.close() }
            try await body()
            self.close()
            try await group.waitForAll()
        }
    }
}
