// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletProcesses

/// The processes and files of the demonstration of queues, and their end.
final class QueueStage {
    enum Event: Sendable {
        case report(String, QueueReport)
        case exited(String, String)
        case tick
        case interrupted(String, Int32)
    }

    private let executable = SpawnRequest.ownExecutable()
    private let folder: URL
    private let events: @Sendable (Event) -> Void
    private var children: [String: ChildProcess] = [:]
    /// Those that were killed, and others that came in their place.
    private var former: [ChildProcess] = []

    /// A worker ends after its messages are done; this is ample.
    private static let endLimit = Duration.seconds(5)

    init(events: @escaping @Sendable (Event) -> Void) throws {
        self.events = events
        let name = "martlet-demo-\(ProcessInfo.processInfo.processIdentifier)-\(UInt32.random(in: 0...UInt32.max))"
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(name, isDirectory: true)
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    func startServer(port: Int) throws {
        try start("server", ["demo-queue-server", "--folder", folder.path, "--port", "\(port)"])
    }

    func startWorker(_ name: String, port: Int) throws {
        try start(name, ["demo-queue-worker", "--port", "\(port)", "--as", name])
    }

    func startProducer(port: Int, count: Int) throws {
        try start("producer", ["demo-queue-producer", "--port", "\(port)", "--count", "\(count)"])
    }

    private func start(_ name: String, _ arguments: [String]) throws {
        let events = events
        if let old = children[name] { former.append(old) }
        children[name] = try ChildProcess.start(
            executable, arguments, environment: Self.environment,
            errorFile: folder.appendingPathComponent("\(name).log").path,
            onLine: { line in
                if let report = QueueReport(line: line) { events(.report(name, report)) }
            },
            onExit: { events(.exited(name, $0.description)) })
    }

    func kill(_ name: String) { children[name]?.send(SIGKILL) }

    /// Ends what runs: those that ask the server first, each with time to do it in order.
    ///
    /// - Returns: What is still there.
    func strike() async -> [String] {
        let isServer: (String) -> Bool = { $0 == "server" }
        for group in [children.filter { !isServer($0.key) }, children.filter { isServer($0.key) }] {
            let processes = Array(group.values)
            for child in processes { child.send(SIGTERM) }
            if await !hasEnded(processes) {
                for child in processes { child.send(SIGKILL) }
                _ = await hasEnded(processes)
            }
        }
        try? FileManager.default.removeItem(at: folder)
        var left = (Array(children.values) + former).filter { !$0.hasEnded }.map { "process \($0.processID)" }.sorted()
        if FileManager.default.fileExists(atPath: folder.path) { left.append(folder.path) }
        return left
    }

    private func hasEnded(_ group: [ChildProcess]) async -> Bool {
        let end = ContinuousClock.now + Self.endLimit
        while group.contains(where: { !$0.hasEnded }) {
            if ContinuousClock.now >= end { return false }
            // Not interrupted: what was started must be ended, whatever happens to this task.
            await Task { try? await Task.sleep(for: .milliseconds(5)) }.value
        }
        return true
    }

    /// The last lines that a process wrote to its log.
    func logTail(of name: String) -> [String] {
        let log = folder.appendingPathComponent("\(name).log")
        guard let text = try? String(contentsOf: log, encoding: .utf8) else { return [] }
        return text.split(separator: "\n").suffix(10).map(String.init)
    }

    /// This process's variables, without those that would change how the children behave.
    private static var environment: [String: String] {
        ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("ETCD_") && !$0.key.hasPrefix("MICRO_") }
    }
}
