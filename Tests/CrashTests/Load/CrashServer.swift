// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletProcesses
import MartletTestPrograms
import Synchronization

/// A server on one data folder, started and killed again and again on the same ports.
///
/// It may also kill itself, when the disk-loss library was told so; any other end of its own is trouble.
final class CrashServer {
    enum Program: Sendable {
        case martlet(String)
        case etcd(String)
    }

    /// How a process ended.
    private final class Exit: Sendable {
        let value = Mutex<ChildProcess.Exit?>(nil)
    }

    struct Trouble: Error, CustomStringConvertible {
        var description: String
    }

    let endpoint: String
    private let program: Program
    private let arguments: [String]
    private let folder: String
    private var process: ChildProcess?
    private var exit = Exit()
    private var starts = 0

    /// - Parameters:
    ///   - data: The data folder.
    ///   - folder: Where the logs go.
    ///   - extra: More arguments.
    init(_ program: Program, data: String, folder: String, extra: [String] = []) throws {
        self.program = program
        self.folder = folder
        endpoint = "127.0.0.1:\(try freePort())"
        let peer = "http://127.0.0.1:\(try freePort())"
        let common = [
            "--name", "crash", "--data-dir", data, "--listen-client-urls", "http://\(endpoint)",
            "--advertise-client-urls", "http://\(endpoint)", "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer, "--initial-cluster", "crash=\(peer)",
        ]
        switch program {
        case .martlet: arguments = ["server"] + common + extra
        // Its default keeps a lone member waiting for a second before it elects itself.
        case .etcd: arguments = common + ["--heartbeat-interval", "10", "--election-timeout", "100"]
        }
    }

    private var binary: String {
        switch program {
        case .martlet(let path), .etcd(let path): path
        }
    }

    private var logFile: String { "\(folder)/log-\(starts)" }

    /// The end of what the process has said.
    var log: String {
        let text = (try? String(contentsOfFile: logFile, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(12).joined(separator: "\n")
    }

    private static let readyLimit: Duration = .seconds(300)

    /// Starts it and doesn't wait.
    func start(_ environment: [String: String]) throws {
        precondition(process?.hasEnded ?? true, "a second server on one folder")
        starts += 1
        let all = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("ETCD_") }
        let exit = Exit()
        self.exit = exit
        process = try ChildProcess.start(
            binary, arguments, environment: all.merging(environment) { $1 }, errorFile: logFile, onLine: { _ in },
            onExit: { value in exit.value.withLock { $0 = value } })
    }

    /// Waits until it takes requests; `false` if it is killed before that.
    func ready() async throws -> Bool {
        let end = ContinuousClock.now + Self.readyLimit
        while ContinuousClock.now < end {
            let text = (try? String(contentsOfFile: logFile, encoding: .utf8)) ?? ""
            if text.contains("ready to serve client requests") || text.contains("serving insecure client requests") {
                return true
            }
            guard try isAlive() else { return false }
            try await Task.sleep(for: .milliseconds(3))
        }
        throw Trouble(description: "not ready after \(Self.readyLimit): \(log)")
    }

    /// Whether it runs; `false` if it was killed.
    func isAlive() throws -> Bool {
        guard let exit = exit.value.withLock({ $0 }) else { return true }
        if exit == .signal(SIGKILL) { return false }
        throw Trouble(description: "the server ended by itself with \(exit): \(log)")
    }

    /// Returns when it is dead.
    func kill() async {
        guard let process else { return }
        process.send(SIGKILL)
        while !process.hasEnded { try? await Task.sleep(for: .milliseconds(1)) }
        self.process = nil
    }
}
