// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTestPrograms
import Testing

/// A release of the real etcd; `scripts/peers` says in the environment where its programs are.
enum Release: String, CaseIterable, Sendable {
    case v34 = "34"
    case v35 = "35"

    /// Nil where the programs are not installed. Where nothing may be left out (`MARTLET_REQUIRE_PEERS=1`, as in CI), a
    /// missing one fails the test.
    func find() -> (etcd: String, etcdctl: String)? {
        let environment = ProcessInfo.processInfo.environment
        if let etcd = environment["MARTLET_ETCD_\(rawValue)"], let etcdctl = environment["MARTLET_ETCDCTL_\(rawValue)"],
            !etcd.isEmpty, !etcdctl.isEmpty
        {
            return (etcd, etcdctl)
        }
        if environment["MARTLET_REQUIRE_PEERS"] == "1" {
            Issue.record("etcd \(rawValue) is not set: scripts/setup test installs the peers, scripts/test names them")
        } else {
            print("skipped: etcd \(rawValue) is not set; `make test` installs the peers and sets it")
        }
        return nil
    }
}

/// What a program makes of `input`, if it ends well.
func tool(_ program: String, _ arguments: [String], input: [UInt8] = []) async throws -> [UInt8] {
    try await output(
        of: program, arguments, input: input,
        environment: ["ETCDCTL_API": "3", "PATH": "/usr/bin:/bin", "HOME": NSTemporaryDirectory()])
}

/// Runs `body` with a folder that is gone afterwards.
func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = NSTemporaryDirectory() + "/martlet-snapshot-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder)
}
