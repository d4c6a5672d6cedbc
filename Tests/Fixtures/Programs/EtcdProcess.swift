// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletProcesses

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A real etcd in a folder and on ports of its own.
package final class EtcdProcess: Sendable {
    package let endpoint: String
    private let process: ChildProcess
    private let folder: URL

    /// The binary of a real etcd 3.5, or `nil` where there is none.
    package static let binary35 = ProcessInfo.processInfo.environment["MARTLET_ETCD_35"]

    /// The binary of a real etcd, or `nil` where there is none.
    package static let binary: String? = {
        let named = ProcessInfo.processInfo.environment["MARTLET_ETCD_34"]
        return ([named].compactMap { $0 } + ["/usr/bin/etcd"]).first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }()

    private init(endpoint: String, process: ChildProcess, folder: URL) {
        self.endpoint = endpoint
        self.process = process
        self.folder = folder
    }

    package struct NotStarted: Error {
        package var log: String

        package init(log: String) { self.log = log }
    }

    /// Runs `body` beside a fresh etcd and ends it.
    package static func with<Result>(
        _ binary: String? = EtcdProcess.binary, _ body: (EtcdProcess) async throws -> Result
    ) async throws -> Result {
        let server = try await self.start(binary ?? "/usr/bin/etcd")
        do {
            let result = try await body(server)
            await server.end()
            return result
        } catch {
            await server.end()
            throw error
        }
    }

    private static func start(_ binary: String) async throws -> EtcdProcess {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-etcd-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var log = ""
        // A port that was free a moment ago may be taken now; another pair is tried then.
        for _ in 0..<3 {
            let client = try freePort()
            let peer = try freePort()
            let arguments = [
                "--name", "test", "--data-dir", folder.appendingPathComponent("data-\(client)").path,
                "--listen-client-urls", "http://127.0.0.1:\(client)",
                "--advertise-client-urls", "http://127.0.0.1:\(client)",
                "--listen-peer-urls", "http://127.0.0.1:\(peer)",
                "--initial-advertise-peer-urls", "http://127.0.0.1:\(peer)",
                "--initial-cluster", "test=http://127.0.0.1:\(peer)",
            ]
            let logFile = folder.appendingPathComponent("log-\(client)")
            let process = try ChildProcess.start(
                binary, arguments, environment: ProcessInfo.processInfo.environment,
                errorFile: logFile.path, onLine: { _ in }, onExit: { _ in })
            for _ in 0..<400 {
                try await Task.sleep(for: .milliseconds(25))
                log = (try? String(contentsOf: logFile, encoding: .utf8)) ?? ""
                if log.contains("ready to serve client requests") || log.contains("serving insecure client requests") {
                    return EtcdProcess(endpoint: "127.0.0.1:\(client)", process: process, folder: folder)
                }
                if process.hasEnded { break }
            }
            await Self.end(process)
        }
        try? FileManager.default.removeItem(at: folder)
        throw NotStarted(log: log)
    }

    /// Stops the process as a debugger would: connections stay, nothing answers. Returns when all its threads stand:
    /// on a busy machine they would answer a little longer.
    package func freeze() {
        self.process.send(SIGSTOP)
        var info = siginfo_t()
        while waitid(P_PID, id_t(self.process.processID), &info, WSTOPPED | WNOWAIT) == -1, errno == EINTR {}
    }

    package func thaw() { self.process.send(SIGCONT) }

    private static func end(_ process: ChildProcess) async {
        process.send(SIGKILL)
        while !process.hasEnded { try? await Task.sleep(for: .milliseconds(5)) }
    }

    private func end() async {
        await Self.end(self.process)
        try? FileManager.default.removeItem(at: self.folder)
    }
}
