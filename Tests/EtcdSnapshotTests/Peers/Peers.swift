// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTestPrograms
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

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

/// A port of 127.0.0.1 that was free a moment ago.
func freePort() -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    // The pointers are used only inside the closures; both calls take an address of `length` bytes.
    withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            _ = bind(descriptor, generic, length)
            _ = getsockname(descriptor, generic, &length)
        }
    }
    return UInt16(bigEndian: address.sin_port)
}
