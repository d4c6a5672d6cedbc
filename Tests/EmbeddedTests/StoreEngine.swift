// SPDX-License-Identifier: Apache-2.0

import MartletRedisPeers
import MartletTestPrograms

/// What a store's address may lead to.
enum StoreEngine: String, CaseIterable, Sendable {
    case embedded, folder, server, originals

    static let available = allCases.filter {
        $0 != .originals || EtcdProcess.Kind.etcd35.binary != nil && RedisPeer.Kind.available.contains(.redis)
    }

    /// Runs `body` with what `MARTLET_STORE` would say.
    func with(_ body: (String) async throws -> Void) async throws {
        switch self {
        case .embedded: try await body("embedded")
        case .folder:
            let folder = try TemporaryFolder()
            try await body("embedded:\(folder.file("data"))")
        case .server:
            let port = try freePort()
            let streams = ["--listen-stream-urls", "redis://127.0.0.1:\(port)"]
            try await EtcdProcess.with(.martlet, arguments: streams) {
                try await body("etcd://\($0.endpoint), redis://127.0.0.1:\(port)")
            }
        case .originals:
            try await EtcdProcess.with(.etcd35) { etcd in
                try await RedisPeer.with(.redis) { redis in
                    try await body("etcd://\(etcd.endpoint), redis://\(redis.address)")
                }
            }
        }
    }
}
