// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletProcesses

/// The processes and files of a demonstration, and their end.
final class DemoStage {
    private let executable = SpawnRequest.ownExecutable()
    private let folder: URL
    private let callsPerSecond: Int
    private let events: @Sendable (DemoScript.Event) -> Void
    private var children: [DemoScript.Child: ChildProcess] = [:]

    /// A Greeter ends after its registration is gone and its calls are done; this is ample.
    private static let endLimit = Duration.seconds(3)

    init(callsPerSecond: Int, events: @escaping @Sendable (DemoScript.Event) -> Void) throws {
        self.callsPerSecond = callsPerSecond
        self.events = events
        let name = "martlet-demo-\(ProcessInfo.processInfo.processIdentifier)-\(UInt32.random(in: 0...UInt32.max))"
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(name, isDirectory: true)
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    /// - Parameter registry: The server's address; the server itself needs none.
    func start(_ child: DemoScript.Child, registry: String?) throws {
        let address = registry ?? ""
        let arguments =
            switch child {
            case .server: ["demo-server", "--folder", folder.path]
            case .greeter(let name, _): ["demo-greeter", "--registry", address, "--as", name]
            case .client: ["demo-client", "--registry", address, "--rate", String(callsPerSecond)]
            }
        let events = events
        children[child] = try ChildProcess.start(
            executable, arguments, environment: Self.environment, errorFile: log(of: child).path,
            onLine: { line in
                if let report = DemoReport(line: line) { events(.report(child, report)) }
            },
            onExit: { events(.exited(child, $0.description)) })
    }

    func send(_ signal: Int32, to child: DemoScript.Child) { children[child]?.send(signal) }

    func processID(of child: DemoScript.Child) -> Int32? { children[child]?.processID }

    /// Ends what runs: callers before those they call, the store last, each with time to do it in order.
    ///
    /// - Returns: What is still there.
    func strike() async -> [String] {
        let order: [(DemoScript.Child) -> Bool] = [
            { $0 == .client }, { if case .greeter = $0 { true } else { false } }, { $0 == .server },
        ]
        for belongs in order {
            let group = children.filter { belongs($0.key) }.map(\.value)
            for child in group { child.send(SIGTERM) }
            if await !hasEnded(group, within: Self.endLimit) {
                for child in group { child.send(SIGKILL) }
                _ = await hasEnded(group, within: Self.endLimit)
            }
        }
        try? FileManager.default.removeItem(at: folder)
        var left = children.filter { !$0.value.hasEnded }.map { "\($0.key) (\($0.value.processID))" }.sorted()
        if FileManager.default.fileExists(atPath: folder.path) { left.append(folder.path) }
        return left
    }

    private func hasEnded(_ group: [ChildProcess], within limit: Duration) async -> Bool {
        let end = ContinuousClock.now + limit
        while group.contains(where: { !$0.hasEnded }) {
            if ContinuousClock.now >= end { return false }
            // Not interrupted: what was started must be ended, whatever happens to this task.
            await Task { try? await Task.sleep(for: .milliseconds(5)) }.value
        }
        return true
    }

    /// The last lines that a process wrote to its log.
    func logTail(of child: DemoScript.Child) -> [String] {
        guard let text = try? String(contentsOf: log(of: child), encoding: .utf8) else { return [] }
        return text.split(separator: "\n").suffix(10).map(String.init)
    }

    private func log(of child: DemoScript.Child) -> URL { folder.appendingPathComponent("\(child).log") }

    /// This process's variables, without those that would change how the children behave.
    private static var environment: [String: String] {
        ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("ETCD_") && !$0.key.hasPrefix("MICRO_") }
    }
}
