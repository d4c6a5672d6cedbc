// SPDX-License-Identifier: Apache-2.0

import Foundation
package import MartletProcesses
import Synchronization

/// A child process that is one node of the service, or several.
package final class NodeProcess: Sendable {
    package struct Node: Sendable {
        package let id: String
        package let port: Int
        /// When it had tried to register, by the clock of `NIODeadline`.
        package let startedNanoseconds: UInt64

        package var address: String { "127.0.0.1:\(self.port)" }
    }

    package struct Options: Sendable {
        /// The registry's store; `nil` for nodes that only their parent knows.
        package var store: String?
        package var count = 1
        package var timeToLive = 15.0
        package var interval = 5.0
        /// What its environment has beside this process's.
        package var environment: [String: String] = [:]

        package init(store: String? = nil, count: Int = 1) {
            self.store = store
            self.count = count
        }

        fileprivate var arguments: [String] {
            var words = [
                "node", "--follow-input", "--count", "\(self.count)", "--time-to-live", "\(self.timeToLive)",
                "--interval", "\(self.interval)",
            ]
            if let store { words += ["--store", store] }
            return words
        }
    }

    package let nodes: [Node]
    private let process: ChildProcess
    private let exits: AsyncStream<ChildProcess.Exit>

    package var isRunning: Bool { !self.process.hasEnded }
    package var id: String { self.nodes[0].id }

    private init(_ nodes: [Node], _ process: ChildProcess, _ exits: AsyncStream<ChildProcess.Exit>) {
        self.nodes = nodes
        self.process = process
        self.exits = exits
    }

    /// Starts a process and waits for its nodes.
    ///
    /// - Parameter program: This package's `MartletFleetBench`.
    package static func start(
        _ program: String = SpawnRequest.ownExecutable(), options: Options = Options()
    ) async throws -> NodeProcess {
        let (lines, line) = AsyncStream.makeStream(of: String.self)
        let (exits, exit) = AsyncStream.makeStream(of: ChildProcess.Exit.self)
        let process = try ChildProcess.start(
            program, options.arguments,
            environment: ProcessInfo.processInfo.environment.merging(options.environment) { $1 },
            errorFile: "/dev/null", onLine: { line.yield($0) },
            onExit: {
                line.finish()
                exit.yield($0)
                exit.finish()
            })
        var nodes: [Node] = []
        for await text in lines {
            if let node = Self.node(text) { nodes.append(node) }
            if nodes.count == options.count { return NodeProcess(nodes, process, exits) }
        }
        process.send(SIGKILL)
        throw Failure("\(program) gave \(nodes.count) nodes of \(options.count) and ended")
    }

    /// Starts so many processes, some at a time.
    package static func start(
        _ count: Int, _ program: String = SpawnRequest.ownExecutable(), options: Options = Options()
    ) async throws -> [NodeProcess] {
        var processes: [NodeProcess] = []
        for begin in stride(from: 0, to: count, by: Self.startedAtOnce) {
            processes += try await withThrowingTaskGroup(of: NodeProcess.self) { group in
                for _ in begin..<min(count, begin + Self.startedAtOnce) {
                    group.addTask { try await self.start(program, options: options) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        return processes
    }

    /// More would only wait for each other on a small machine.
    private static let startedAtOnce = 6

    private static func node(_ line: String) -> Node? {
        let words = line.split(separator: " ")
        guard words.count == 7, words[0] == "listening", let port = Int(words[2]), let time = UInt64(words[6]) else {
            return nil
        }
        return Node(id: String(words[4]), port: port, startedNanoseconds: time)
    }

    /// Ends the process without a word.
    package func kill() { self.process.send(SIGKILL) }
    /// Asks it to end.
    package func terminate() { self.process.send(SIGTERM) }
    /// Stops it: its connections stay, and nothing answers.
    package func freeze() { self.process.freeze() }
    package func thaw() { self.process.send(SIGCONT) }

    /// How it ended, once it has.
    @discardableResult
    package func end() async -> ChildProcess.Exit? {
        for await exit in self.exits { return exit }
        return nil
    }
}
