// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletDiskLoss
import MartletProcesses
import MartletTestPrograms
import NIOPosix
import Synchronization

/// One member: its process, which comes and goes, its folder, its ports, and the proxy before it.
final class TortureMember: Sendable {
    let name: String
    let clientPort: Int
    /// Where Redis's clients reach it, if they do.
    let streamPort: Int?
    let peerURL: String
    let proxy: FaultProxy
    let folder: String
    private let peerPort: Int
    private let surroundings: Surroundings
    private let state = Mutex(State())
    /// Their own loop: what else this process does must not hold up the network.
    private static let proxies = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// What all members share.
    struct Surroundings: Sendable {
        var program: String
        var peer: TortureOptions.Peer
        var library: DiskLossLibrary?
        var flaw: DiskLossLibrary.Fault?
        var wires: FaultWires
        var origins: ConnectionOrigins
        /// Whether members speak Redis's protocol, too.
        var servesStreams = false
        /// Whether members reach each other without proxies: where nothing is done to the network, they only cost time.
        var isDirect = false
    }

    private struct State {
        var process: ChildProcess?
        var starts = 0
        /// Whether the last process was journaled, and the power hasn't failed since.
        var isJournaled = false
        var isFrozen = false
        var cluster = ""
        var isNew = true
        /// Whether an end by itself would be right.
        var mayEnd = false
        var exit: ChildProcess.Exit?
    }

    init(_ name: String, in folder: String, _ surroundings: Surroundings) async throws {
        self.name = name
        self.surroundings = surroundings
        self.folder = "\(folder)/\(name)"
        for part in ["disk", "journal"] {
            try FileManager.default.createDirectory(
                atPath: "\(self.folder)/\(part)", withIntermediateDirectories: true)
        }
        clientPort = try freePort()
        peerPort = try freePort()
        streamPort = surroundings.servesStreams ? try freePort() : nil
        let origins = surroundings.origins
        proxy = try await FaultProxy.start(
            to: name, upstreamPort: peerPort, wires: surroundings.wires, group: Self.proxies
        ) { origins.name(ofPort: $0, toPort: $1, on: $2) }
        peerURL = "http://127.0.0.1:\(surroundings.isDirect ? peerPort : proxy.port)"
    }

    var endpoint: String { "127.0.0.1:\(clientPort)" }
    /// Both protocols, as a store's address names them.
    var storeAddresses: (keys: String, streams: String?) {
        ("etcd://\(endpoint)", streamPort.map { "redis://127.0.0.1:\($0)" })
    }
    /// Whether the power may fail with its end.
    var isJournaled: Bool { state.withLock { $0.isJournaled } }
    var isRunning: Bool { state.withLock { $0.process.map { !$0.hasEnded } ?? false } }
    var isFrozen: Bool { state.withLock { $0.isFrozen } }
    private var root: String { "\(folder)/disk" }
    private var journal: String { "\(folder)/journal" }
    private func logFile(_ number: Int) -> String { "\(folder)/log-\(number)" }

    /// With whom it begins.
    func join(_ cluster: String, isNew: Bool) {
        state.withLock { ($0.cluster, $0.isNew) = (cluster, isNew) }
    }

    /// The end of what the process has said.
    var log: String {
        let file = logFile(state.withLock { $0.starts })
        let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(8).joined(separator: "\n")
    }

    /// Starts the process and doesn't wait.
    ///
    /// - Parameter isJournaled: Whether the power may fail with its end; the process before decides, where it left
    ///   something unsynced.
    func start(isJournaled: Bool, syncPause: Duration = .zero) throws {
        try state.withLock { state in
            precondition(state.process?.hasEnded ?? true, "a second process of \(name)")
            state.starts += 1
            var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("ETCD_") }
            if let library = surroundings.library, isJournaled || state.isJournaled || surroundings.flaw != nil {
                state.isJournaled = true
                environment.merge(
                    library.environment(root: root, journal: journal, fault: surroundings.flaw, syncPause: syncPause)
                ) { $1 }
            }
            let (number, member) = (state.starts, self)
            state.exit = nil
            let process = try ChildProcess.start(
                surroundings.program, arguments(state), environment: environment, errorFile: logFile(number),
                onLine: { _ in }, onExit: { member.note(exit: $0, ofStart: number) })
            state.process = process
            surroundings.origins.note(name, process: process.processID)
        }
    }

    private func arguments(_ state: State) -> [String] {
        let listen = "http://127.0.0.1:\(peerPort)"
        let client = "http://\(endpoint)"
        return (surroundings.peer == .martlet ? ["server"] : []) + [
            "--name", name, "--data-dir", "\(root)/data", "--listen-client-urls", client,
            "--advertise-client-urls", client, "--listen-peer-urls", listen, "--initial-advertise-peer-urls", peerURL,
            "--initial-cluster", state.cluster, "--initial-cluster-state", state.isNew ? "new" : "existing",
        ] + (streamPort.map { ["--listen-stream-urls", "redis://127.0.0.1:\($0)"] } ?? [])
    }

    private func note(exit: ChildProcess.Exit, ofStart number: Int) {
        state.withLock { if $0.starts == number { $0.exit = exit } }
    }

    /// An end that nobody wanted.
    var trouble: String? {
        let (exit, mayEnd) = state.withLock { ($0.process == nil ? nil : $0.exit, $0.mayEnd) }
        guard let exit, !mayEnd else { return nil }
        return "\(name) ended by itself with \(exit): \(log)"
    }

    /// From now on its end is no trouble: it was removed.
    func letEnd() { state.withLock { $0.mayEnd = true } }

    /// Kills it and returns when it is dead.
    ///
    /// - Parameter style: What becomes of what it didn't sync; `nil`: it dies alone, and the system goes on.
    /// - Returns: Whether something was lost.
    @discardableResult
    func kill(losing style: DiskLoss.Style?, random: SeededRandom) async throws -> Bool {
        guard let process = take() else { return false }
        process.send(SIGKILL)
        await wait(process)
        guard let style, state.withLock({ $0.isJournaled }) else { return false }
        let report = try DiskLoss.strike(root: root, journal: journal, style: style, random: random)
        state.withLock { $0.isJournaled = false }
        return report.lostSomething
    }

    /// Kills it without waiting; this process ends.
    func signalKill() { state.withLock { $0.process }?.send(SIGKILL) }

    /// Lets all of them die at the same moment.
    static func signalAll(_ members: [TortureMember]) {
        for member in members { member.state.withLock { $0.process }?.send(SIGSTOP) }
    }

    /// Asks it to end; `false` where it had to be killed in the end.
    func terminate(limit: Duration) async -> Bool {
        guard let process = take() else { return true }
        process.send(SIGTERM)
        let end = ContinuousClock.now + limit
        while !process.hasEnded, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(5)) }
        let didEnd = process.hasEnded
        if !didEnd { process.send(SIGKILL) }
        await wait(process)
        return didEnd
    }

    /// Whether it ends by itself in this time.
    func ends(within limit: Duration) async -> Bool {
        guard let process = state.withLock({ $0.process }) else { return true }
        let end = ContinuousClock.now + limit
        while !process.hasEnded, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(10)) }
        return process.hasEnded
    }

    private func take() -> ChildProcess? {
        state.withLock { state in
            defer { (state.process, state.isFrozen) = (nil, false) }
            return state.process
        }
    }

    private func wait(_ process: ChildProcess) async {
        // Not interrupted: what was started must be ended, whatever happens to this task.
        await Task { while !process.hasEnded { try? await Task.sleep(for: .milliseconds(2)) } }.value
    }

    func freeze() {
        state.withLock { state in
            state.process?.send(SIGSTOP)
            state.isFrozen = true
        }
    }

    func thaw() {
        state.withLock { state in
            state.process?.send(SIGCONT)
            state.isFrozen = false
        }
    }

    /// Takes the room from its disk, or gives it back; `false` where nothing stands between it and its disk.
    func setDiskFull(_ isFull: Bool) throws -> Bool {
        guard state.withLock({ $0.isJournaled }) else { return false }
        try DiskLossLibrary.setFull(isFull, journal: journal)
        return true
    }

    /// Waits until it takes requests; `false` if it doesn't in time.
    func ready(within limit: Duration) async -> Bool {
        let end = ContinuousClock.now + limit
        while ContinuousClock.now < end {
            let file = logFile(state.withLock { $0.starts })
            let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
            if text.contains("ready to serve client requests") || text.contains("serving insecure client requests") {
                return true
            }
            if !isRunning { return false }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return false
    }
}
