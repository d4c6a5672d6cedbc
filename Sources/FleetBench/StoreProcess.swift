// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletProcesses

/// The registry's store: `martlet server` with a folder of its own.
struct StoreProcess {
    private let program: String
    private let folder: URL
    private var process: ChildProcess?
    /// `host:port`, the same after a restart.
    private(set) var address = "127.0.0.1:0"

    /// How long a start may take, of a busy machine too.
    private static let startLimit = Duration.seconds(30)

    init(program: String) throws {
        self.program = program
        self.folder = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-fleet-\(UUID())")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
    }

    private var log: URL { self.folder.appendingPathComponent("log") }

    /// Starts the server and waits until it serves.
    mutating func start() async throws {
        try? FileManager.default.removeItem(at: self.log)
        let process = try ChildProcess.start(
            self.program,
            [
                "server", "--listen-client-urls=http://\(self.address)",
                "--data-dir=\(self.folder.appendingPathComponent("data").path)",
            ],
            environment: ProcessInfo.processInfo.environment, errorFile: self.log.path, onLine: { _ in },
            onExit: { _ in })
        self.process = process
        let end = ContinuousClock.now + Self.startLimit
        while !process.hasEnded, ContinuousClock.now < end {
            let text = (try? String(contentsOf: self.log, encoding: .utf8)) ?? ""
            let ready = text.split(separator: "\n").last { $0.contains("ready to serve client requests") }
            if let address = ready?.split(separator: "\"address\":\"").last?.split(separator: "\"").first {
                self.address = String(address)
                return
            }
            try await Task.sleep(for: .milliseconds(2))
        }
        process.send(SIGKILL)
        throw Failure("\(self.program) server does not start; see \(self.log.path)")
    }

    /// Ends it as a power cut would; its data stay.
    func kill() async {
        self.process?.send(SIGKILL)
        while self.process?.hasEnded == false { try? await Task.sleep(for: .milliseconds(2)) }
    }

    func freeze() { self.process?.freeze() }
    func thaw() { self.process?.send(SIGCONT) }

    func end() async {
        await self.kill()
        try? FileManager.default.removeItem(at: self.folder)
    }

    /// Runs `body` beside a fresh store.
    static func with<Result>(
        program: String, _ body: (inout StoreProcess) async throws -> Result
    ) async throws -> Result {
        var store = try StoreProcess(program: program)
        do {
            try await store.start()
            let result = try await body(&store)
            await store.end()
            return result
        } catch {
            await store.end()
            throw error
        }
    }
}
