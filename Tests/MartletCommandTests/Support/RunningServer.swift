// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletProcesses
import MartletTestPrograms

/// The built binary as a server in a folder of its own, which is also where it runs.
final class RunningServer: Sendable {
    let folder: TemporaryFolder
    /// `127.0.0.1:2379`, or a socket file's path; of several, the last that got ready.
    let address: String
    private let process: ChildProcess
    private let logFile: String

    struct NotStarted: Error {
        var log: String
    }

    private init(folder: TemporaryFolder, address: String, process: ChildProcess, logFile: String) {
        self.folder = folder
        self.address = address
        self.process = process
        self.logFile = logFile
    }

    var log: String { Self.text(logFile) }

    /// Starts a server, hands it to `body` when it is ready, and ends it by SIGTERM.
    ///
    /// - Parameter openFiles: how many it may have open as it begins; it may let itself have more. `nil`: as here.
    static func with<Result>(
        _ arguments: [String], in folder: TemporaryFolder? = nil, environment: [String: String] = [:],
        calledAs name: String = "martlet", openFiles: Int? = nil, _ body: (RunningServer) async throws -> Result
    ) async throws -> Result {
        let folder = try folder ?? TemporaryFolder()
        let logFile = folder.file("log-\(UUID())")
        let binary = folder.file(name)
        try? FileManager.default.createSymbolicLink(atPath: binary, withDestinationPath: BuiltBinary.path)
        // Standard output counts as log too: that is where the log may be told to go.
        let limit = openFiles.map { "ulimit -S -n \($0) && " } ?? ""
        let process = try ChildProcess.start(
            "/bin/sh", ["-c", limit + #"cd "$1" && shift && exec "$@" >&2"#, "sh", folder.path, binary] + arguments,
            environment: environment, errorFile: logFile, onLine: { _ in }, onExit: { _ in })
        var address: String?
        while !process.hasEnded, address == nil {
            try await Task.sleep(for: .milliseconds(10))
            let ready = text(logFile).split(separator: "\n").last { $0.contains("ready to serve client requests") }
            address = ready?.split(separator: "\"address\":\"").last?.split(separator: "\"").first.map(String.init)
        }
        guard let address else { throw NotStarted(log: text(logFile)) }
        let server = RunningServer(folder: folder, address: address, process: process, logFile: logFile)
        do {
            let result = try await body(server)
            await server.end()
            return result
        } catch {
            await server.end()
            throw error
        }
    }

    /// Ends it at once, as a machine that fails would.
    func kill() async {
        process.send(SIGKILL)
        while !process.hasEnded { try? await Task.sleep(for: .milliseconds(5)) }
    }

    private static func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

    private func end() async {
        process.send(SIGTERM)
        for _ in 0..<12_000 where !process.hasEnded { try? await Task.sleep(for: .milliseconds(10)) }
        process.send(SIGKILL)
    }
}
