// SPDX-License-Identifier: Apache-2.0

import Foundation
package import MartletBasics
package import MartletKeyValue
import MartletProcesses
import MartletTestPrograms

/// A real etcd on a data folder, for as long as `body` runs.
package struct EtcdMember {
    package var release: EtcdRelease.Programs
    package var clientPort: Int

    package static func peerURL(_ port: Int) -> String { "http://127.0.0.1:\(port)" }

    /// Starts it, waits until it answers, and ends it afterwards, by its own process ID.
    package static func with(
        _ release: EtcdRelease.Programs, folder: String, peerPort: Int, arguments more: [String] = [],
        _ body: (EtcdMember) async throws -> Void
    ) async throws {
        let etcd = EtcdMember(release: release, clientPort: try freePort())
        let client = peerURL(etcd.clientPort)
        let arguments = [
            "--data-dir", folder, "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peerURL(peerPort), "--initial-advertise-peer-urls", peerURL(peerPort),
            "--initial-cluster", "default=" + peerURL(peerPort), "--logger", "zap",
        ] + more
        let log = folder + ".log"
        let process = try ChildProcess.start(
            release.etcd, arguments, environment: ProcessInfo.processInfo.environment, errorFile: log,
            onLine: { _ in }, onExit: { _ in })
        do {
            try await etcd.waitUntilReady(process, log: log)
            try await body(etcd)
        } catch {
            await end(process)
            throw error
        }
        await end(process)
    }

    private static func end(_ process: ChildProcess) async {
        process.send(SIGTERM)
        while !process.hasEnded { try? await Task.sleep(for: .milliseconds(5)) }
    }

    private func waitUntilReady(_ process: ChildProcess, log: String) async throws {
        var last: any Error = ProgramFailure(description: "etcd did not answer")
        let end = ContinuousClock.now + patience
        while ContinuousClock.now < end {
            guard !process.hasEnded else {
                let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
                throw ProgramFailure(description: "etcd ended: \(text.suffix(3000))")
            }
            do {
                _ = try await control("get", "none", "--command-timeout=5s")
                return
            } catch {
                last = error
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        throw last
    }

    @discardableResult
    package func control(_ arguments: String..., input: [UInt8] = []) async throws -> [UInt8] {
        try await tool(release.etcdctl, ["--endpoints=127.0.0.1:\(clientPort)"] + arguments, input: input)
    }

    /// Everything, at a revision if one is given, and the store's revision.
    package func getAll(at revision: Int64 = 0) async throws -> (records: [KeyValueRecord], revision: Int64) {
        let answer = try object(
            try await control("get", "", "--prefix", "-w", "json", "--rev=\(revision)"))
        let records = try (answer["kvs"] as? [[String: Any]] ?? []).map { kv in
            KeyValueRecord(
                key: try base64(kv["key"]), createRevision: number(kv["create_revision"]),
                modRevision: number(kv["mod_revision"]), version: number(kv["version"]),
                value: try base64(kv["value"]), lease: LeaseID(number(kv["lease"])))
        }
        return (records, number((answer["header"] as? [String: Any])?["revision"]))
    }

    /// What the server says of a lease: its TTL and its keys.
    package func lease(_ id: LeaseID) async throws -> (grantedSeconds: Int64, remainingSeconds: Int64, keys: [[UInt8]])
    {
        let answer = try object(
            try await control("lease", "timetolive", String(id.rawValue, radix: 16), "--keys", "-w", "json"))
        let keys = try (answer["keys"] as? [Any] ?? []).map(base64)
        return (
            number(answer["granted-ttl"]), number(answer["ttl"]), keys.sorted { $0.lexicographicallyPrecedes($1) }
        )
    }
}

package func object(_ json: [UInt8]) throws -> [String: Any] {
    guard let object = try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any] else {
        throw ProgramFailure(description: "no JSON object: \(String(decoding: json.prefix(200), as: UTF8.self))")
    }
    return object
}

/// Zero where Go's JSON leaves it out.
package func number(_ value: Any?) -> Int64 { (value as? NSNumber)?.int64Value ?? 0 }

package func base64(_ value: Any?) throws -> [UInt8] {
    guard let value else { return [] }
    guard let text = value as? String, let data = Data(base64Encoded: text) else {
        throw ProgramFailure(description: "no base64: \(value)")
    }
    return [UInt8](data)
}
