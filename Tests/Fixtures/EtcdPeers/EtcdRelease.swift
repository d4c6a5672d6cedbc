// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTestPrograms

/// A release of the real etcd; `scripts/peers` says in the environment where its programs are.
package enum EtcdRelease: String, CaseIterable, Sendable {
    case v34 = "34"
    case v35 = "35"

    package struct Programs: Sendable {
        package var etcd: String
        package var etcdctl: String

        package init(etcd: String, etcdctl: String) {
            self.etcd = etcd
            self.etcdctl = etcdctl
        }
    }

    /// Nil where the programs are not installed. Where nothing may be left out (`MARTLET_REQUIRE_PEERS=1`, as in CI), a
    /// missing one is an error.
    package func find() throws -> Programs? {
        let environment = ProcessInfo.processInfo.environment
        if let etcd = environment["MARTLET_ETCD_\(rawValue)"], let etcdctl = environment["MARTLET_ETCDCTL_\(rawValue)"],
            !etcd.isEmpty, !etcdctl.isEmpty
        {
            return Programs(etcd: etcd, etcdctl: etcdctl)
        }
        guard environment["MARTLET_REQUIRE_PEERS"] != "1" else {
            throw ProgramFailure(
                description:
                    "etcd \(rawValue) is not set: scripts/setup test installs the peers, scripts/test names them")
        }
        print("skipped: etcd \(rawValue) is not set; `make test` installs the peers and sets it")
        return nil
    }
}

/// What a program makes of `input`, if it ends well.
package func tool(_ program: String, _ arguments: [String], input: [UInt8] = []) async throws -> [UInt8] {
    try await output(
        of: program, arguments, input: input,
        environment: ["ETCDCTL_API": "3", "PATH": "/usr/bin:/bin", "HOME": NSTemporaryDirectory()])
}

/// Runs `body` with a folder that is gone afterwards.
package func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = NSTemporaryDirectory() + "/martlet-snapshot-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder)
}
