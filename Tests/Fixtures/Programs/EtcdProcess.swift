// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletProcesses
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A real etcd, or Martlet's own server, in a folder and on ports of its own.
package final class EtcdProcess: Sendable {
    /// Which server it is.
    package enum Kind: String, CaseIterable, Sendable, CustomStringConvertible {
        case etcd34 = "etcd 3.4"
        case etcd35 = "etcd 3.5"
        case martlet = "Martlet"

        package var description: String { self.rawValue }

        /// Those that are on this machine.
        package static let available = Self.allCases.filter { $0.binary != nil }
        /// The real ones that are on this machine.
        package static let original = Self.available.filter { $0 != .martlet }

        /// The program, or `nil` where there is none.
        package var binary: String? {
            let environment = ProcessInfo.processInfo.environment
            let candidates =
                switch self {
                case .etcd34: [environment["MARTLET_ETCD_34"], "/usr/bin/etcd"]
                case .etcd35: [environment["MARTLET_ETCD_35"]]
                case .martlet: [BuiltBinary.path]
                }
            return candidates.compactMap { $0 }.first { FileManager.default.isExecutableFile(atPath: $0) }
        }
    }

    package let endpoint: String
    /// Where other members reach this one.
    package let peerURL: String
    private let folder: URL
    private let state: Mutex<State>

    private struct State {
        var command: Command
        var process: ChildProcess
    }

    private struct Command {
        var program: String
        var arguments: [String]
        var logFile: URL
    }

    /// Where Redis's clients reach it.
    package var streamPort: Int? {
        let arguments = self.state.withLock { $0.command.arguments }
        guard let flag = arguments.firstIndex(of: "--listen-stream-urls") else { return nil }
        return arguments[flag + 1].split(separator: ":").last.flatMap { Int($0) }
    }

    /// The binary of a real etcd, or `nil` where there is none.
    package static let binary: String? = Kind.etcd34.binary

    /// The control program of a real etcd, or `nil` where there is none.
    package static let control: String? = {
        let named = ProcessInfo.processInfo.environment["MARTLET_ETCDCTL_34"]
        return [named, "/usr/bin/etcdctl"].compactMap { $0 }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }()

    private init(at place: Place, command: Command, folder: URL, process: ChildProcess) {
        self.endpoint = "127.0.0.1:\(place.clientPort)"
        self.peerURL = place.peerURL
        self.folder = folder
        self.state = Mutex(State(command: command, process: process))
    }

    package struct NotStarted: Error {
        package var log: String

        package init(log: String) { self.log = log }
    }

    /// Runs `body` beside a fresh server and ends it.
    package static func with<Result>(
        _ kind: Kind = .etcd34, scheme: String = "http", arguments: [String] = [],
        _ body: (EtcdProcess) async throws -> Result
    ) async throws -> Result {
        let server = try await self.start(kind, scheme, arguments)
        do {
            let result = try await body(server)
            await server.end()
            return result
        } catch {
            await server.end()
            throw error
        }
    }

    private static func start(_ kind: Kind, _ scheme: String, _ additional: [String]) async throws -> EtcdProcess {
        var failure = NotStarted(log: "")
        // A port that was free a moment ago may be taken now; another pair is tried then.
        for _ in 0..<3 {
            do {
                let place = try Place(name: "test")
                return try await self.start(kind, at: place, in: [place], scheme, additional)
            } catch let error as NotStarted {
                failure = error
            }
        }
        throw failure
    }

    /// Where a member of a cluster is.
    struct Place {
        var name: String
        var clientPort: Int
        var peerPort: Int
        var peerScheme: String

        init(name: String, peerScheme: String = "http") throws {
            self.name = name
            self.peerScheme = peerScheme
            self.clientPort = try freePort()
            self.peerPort = try freePort()
        }

        var peerURL: String { "\(self.peerScheme)://127.0.0.1:\(self.peerPort)" }
    }

    /// Starts one member of a cluster and waits until it serves.
    static func start(
        _ kind: Kind, at place: Place, in cluster: [Place], _ scheme: String = "http", _ additional: [String] = []
    ) async throws -> EtcdProcess {
        guard let program = kind.binary else { throw NotStarted(log: "no program for \(kind)") }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-etcd-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let arguments = [
            "--name", place.name, "--data-dir", folder.appendingPathComponent("data").path,
            "--listen-client-urls", "\(scheme)://127.0.0.1:\(place.clientPort)",
            "--advertise-client-urls", "\(scheme)://127.0.0.1:\(place.clientPort)",
            "--listen-peer-urls", place.peerURL, "--initial-advertise-peer-urls", place.peerURL,
        ]
        let members = cluster.map { "\($0.name)=\($0.peerURL)" }.joined(separator: ",")
        let membership = cluster.isEmpty ? [] : ["--initial-cluster", members]
        let command = Command(
            program: program, arguments: (kind == .martlet ? ["server"] : []) + arguments + membership + additional,
            logFile: folder.appendingPathComponent("log"))
        do {
            let process = try await Self.start(command)
            return EtcdProcess(at: place, command: command, folder: folder, process: process)
        } catch {
            try? FileManager.default.removeItem(at: folder)
            throw error
        }
    }

    /// What etcd says, and what Martlet says, when clients may come.
    private static let serving = ["ready to serve client requests", "serving insecure client requests"]

    /// Starts a server and waits until it has said one of some things.
    private static func start(_ command: Command, until texts: [String] = serving) async throws -> ChildProcess {
        let process = try ChildProcess.start(
            command.program, command.arguments, environment: ProcessInfo.processInfo.environment,
            errorFile: command.logFile.path, onLine: { _ in }, onExit: { _ in })
        func log() -> String { (try? String(contentsOf: command.logFile, encoding: .utf8)) ?? "" }
        let end = ContinuousClock.now + patience
        while ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(25))
            let text = log()
            if texts.contains(where: text.contains) { return process }
            if process.hasEnded { break }
        }
        await Self.end(process)
        // What it said last may have come since.
        throw NotStarted(log: log())
    }

    /// Kills the server; its data stay.
    package func kill() async { await Self.end(self.process) }

    /// Ends the server as an operator would, and waits until it is gone.
    package func terminate() async {
        let process = self.process
        process.send(SIGTERM)
        while !process.hasEnded { try? await Task.sleep(for: .milliseconds(5)) }
    }

    /// Whether it has ended, by whatever.
    package var hasEnded: Bool { self.process.hasEnded }

    /// What it has logged.
    package var log: String {
        let file = self.state.withLock { $0.command.logFile }
        return (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    }

    private var process: ChildProcess { self.state.withLock { $0.process } }

    /// Kills the server if it runs, and starts it again, with its data and ports.
    ///
    /// - Parameters:
    ///   - arguments: more of them, for this start alone; the last of two flags counts.
    ///   - text: what it is to log, where it isn't to serve.
    package func restart(adding arguments: [String] = [], until text: String? = nil) async throws {
        await self.kill()
        var command = self.state.withLock { $0.command }
        command.arguments += arguments
        try? FileManager.default.removeItem(at: command.logFile)
        let process =
            if let text { try await Self.start(command, until: [text]) } else { try await Self.start(command) }
        self.state.withLock { $0.process = process }
    }

    /// Kills the server and empties its folder, as a disk that was replaced.
    package func loseData() async throws {
        await self.kill()
        try FileManager.default.removeItem(at: self.folder.appendingPathComponent("data"))
    }

    /// Stops the process as a debugger would: connections stay, nothing answers.
    package func freeze() { self.process.freeze() }

    package func thaw() { self.process.send(SIGCONT) }

    private static func end(_ process: ChildProcess) async {
        process.send(SIGKILL)
        while !process.hasEnded { try? await Task.sleep(for: .milliseconds(5)) }
    }

    func end() async {
        await Self.end(self.process)
        try? FileManager.default.removeItem(at: self.folder)
    }
}
