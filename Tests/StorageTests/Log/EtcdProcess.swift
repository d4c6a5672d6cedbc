// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletProcesses
import MartletTestPrograms
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A real etcd on a folder that outlives it.
struct EtcdProcess {
    struct Failed: Error { var log: String }

    let process: ChildProcess
    let client: Int

    private static func executable(_ names: [String?]) -> String? {
        names.compactMap { $0 }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// The binary of a real etcd, or nil where there is none.
    static let binary = executable([ProcessInfo.processInfo.environment["MARTLET_ETCD_34"], "/usr/bin/etcd"])
    static let control = executable(["/usr/bin/etcdctl"])

    /// Starts on the data in `folder`, or on none, and waits until it serves.
    static func start(in folder: String) async throws -> EtcdProcess {
        var log = ""
        // A port that was free a moment ago may be taken now; another pair is tried then.
        for _ in 0..<3 {
            let (client, peer) = (try freePort(), try freePort())
            let arguments = [
                "--name", "test", "--data-dir", "\(folder)/data",
                "--listen-client-urls", "http://127.0.0.1:\(client)",
                "--advertise-client-urls", "http://127.0.0.1:\(client)",
                "--listen-peer-urls", "http://127.0.0.1:\(peer)",
                "--initial-advertise-peer-urls", "http://127.0.0.1:\(peer)",
                "--initial-cluster", "test=http://127.0.0.1:\(peer)",
            ]
            let path = "\(folder)/log-\(client)"
            let process = try ChildProcess.start(
                try #require(binary), arguments, environment: ProcessInfo.processInfo.environment, errorFile: path,
                onLine: { _ in }, onExit: { _ in })
            for _ in 0..<800 where !process.hasEnded {
                try await Task.sleep(for: .milliseconds(25))
                log = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
                if log.contains("ready to serve client requests") {
                    return EtcdProcess(process: process, client: client)
                }
            }
            process.send(SIGKILL)
        }
        throw Failed(log: log)
    }

    /// Ends it as a crash would.
    func end() async throws {
        process.send(SIGKILL)
        while !process.hasEnded { try await Task.sleep(for: .milliseconds(5)) }
    }

    func put(_ key: String, _ value: String) async throws {
        #expect(try await control("put", key, value).contains("OK"))
    }

    func control(_ arguments: String...) async throws -> String {
        let bytes = try await output(
            of: try #require(Self.control), ["--endpoints", "127.0.0.1:\(client)"] + arguments, input: [],
            environment: ["ETCDCTL_API": "3"])
        return String(decoding: bytes, as: UTF8.self)
    }
}
