// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletProcesses
import MartletTestPrograms
import Synchronization

/// The workers' processes: whoever is killed is followed by another at once.
final class WorkerPool: Sendable {
    struct Counts {
        var kills = 0
        /// How often one stood still until its messages were others'.
        var freezes = 0
        /// Messages that were taken over from others.
        var claimed = 0
        /// Steps that were refused, because some of their messages had been taken over.
        var refused = 0
    }

    private struct State {
        var workers: [Int: ChildProcess] = [:]
        var started = 0
        var counts = Counts()
        var problems: [String] = []
    }

    private let program: String
    private let cluster: TortureCluster
    private let options: RecipeOptions
    private let state = Mutex(State())

    init(_ options: RecipeOptions, _ cluster: TortureCluster) {
        (self.options, self.cluster) = (options, cluster)
        program = BuiltBinary.path(of: "MartletTorture")
    }

    var counts: Counts { state.withLock { $0.counts } }
    var problems: [String] { state.withLock { $0.problems } }

    func startAll() throws {
        for slot in 0..<options.workers { try start(slot) }
    }

    private func start(_ slot: Int) throws {
        let number = state.withLock { state in
            state.started += 1
            return state.started
        }
        let worker = WorkerOptions(name: "w\(slot).\(number)", batch: options.batch, wrong: options.wrong)
        var environment = ProcessInfo.processInfo.environment
        environment["MARTLET_STORE"] = cluster.storeAddress(first: slot % cluster.count)
        let process = try ChildProcess.start(
            program, worker.arguments, environment: environment, errorFile: "\(cluster.folder)/workers",
            onLine: { self.note($0, worker.name) }, onExit: { self.note(exit: $0, of: slot, worker.name) })
        state.withLock { $0.workers[slot] = process }
    }

    private func note(_ line: String, _ name: String) {
        state.withLock { state in
            if line.hasPrefix(WorkerProgram.Line.claimed) {
                state.counts.claimed += Int(line.dropFirst(WorkerProgram.Line.claimed.count)) ?? 0
            } else if line == WorkerProgram.Line.refused {
                state.counts.refused += 1
            } else {
                state.problems.append("\(name) \(line)")
            }
        }
    }

    private func note(exit: ChildProcess.Exit, of slot: Int, _ name: String) {
        state.withLock { state in
            guard exit != .signal(SIGKILL) else { return }
            state.problems.append("\(name) ended by itself with \(exit)")
        }
    }

    /// Kills one with all that it has in hand, and starts another.
    func kill(_ slot: Int) async throws {
        guard let process = state.withLock({ $0.workers[slot] }) else { return }
        process.send(SIGKILL)
        await Self.wait(process)
        state.withLock { $0.counts.kills += 1 }
        try start(slot)
    }

    /// Lets one stand still for a while: it goes on with messages that others have taken over.
    func freeze(_ slot: Int, for length: Duration) async {
        guard let process = state.withLock({ $0.workers[slot] }) else { return }
        process.send(SIGSTOP)
        state.withLock { $0.counts.freezes += 1 }
        try? await Task.sleep(for: length)
        process.send(SIGCONT)
    }

    /// Ends all of them.
    func endAll() async {
        let processes = state.withLock { state in
            defer { state.workers = [:] }
            return Array(state.workers.values)
        }
        for process in processes { process.send(SIGKILL) }
        for process in processes { await Self.wait(process) }
    }

    private static func wait(_ process: ChildProcess) async {
        // Not interrupted: what was started must be ended, whatever happens to this task.
        await Task { while !process.hasEnded { try? await Task.sleep(for: .milliseconds(2)) } }.value
    }
}
