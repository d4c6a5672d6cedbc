// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import MartletEtcdClient
import Synchronization

/// `martlet demo cluster`
struct DemoClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "Watch three members lose nothing while their leader is killed again and again.",
        discussion: """
            Starts three members, each a process of its own, and four workers that increment counters under locks. \
            The leader is killed with SIGKILL every few seconds and started again; in the end all three are killed at \
            the same moment. Then what the members hold is held against what the workers were told; the exit code is \
            0 only if every acknowledged increment is there, once, in an order that explains every answer.

              martlet demo cluster
              martlet demo cluster --seconds 60

            With --break-ack the members answer before their bytes are safe, and this must find it out:
              martlet demo cluster --break-ack
            """)

    @Option(help: "How long to work and kill, in seconds.")
    var seconds = ClusterPlan.defaultSeconds

    @Flag(help: "Let the members answer before what they answer for is written.")
    var breakAck = false

    mutating func validate() throws {
        guard (ClusterPlan.minimumSeconds...3600).contains(seconds) else {
            throw ValidationError("--seconds is from \(ClusterPlan.minimumSeconds) to 3600")
        }
    }

    mutating func run() async throws {
        let stage = try await ClusterStage(breaksAck: breakAck)
        let code = await ClusterRun(stage, seconds: seconds).run()
        if code != 0 { throw ExitCode(code) }
    }
}

/// Plays the demonstration with real processes.
private final class ClusterRun {
    /// What workers and signals write, from other tasks.
    private struct Shared {
        var acknowledged: [ClusterRecord.Increment] = []
        var isOver = false
        var interruption: (name: String, number: Int32)?
    }

    private struct Failure: Error { var text: String }

    private let stage: ClusterStage
    private let seconds: Int
    private let style: TerminalStyle
    private let begin = ContinuousClock.now
    private let shared: SharedState
    private var record = ClusterRecord()

    private final class SharedState: Sendable {
        let value = Mutex(Shared())
    }

    init(_ stage: ClusterStage, seconds: Int) {
        (self.stage, self.seconds) = (stage, seconds)
        shared = SharedState()
        style = TerminalStyle(
            isTerminal: StandardStream.output.isTerminal, environment: ProcessInfo.processInfo.environment)
    }

    private var now: Duration { begin.duration(to: .now) }

    private func say(_ text: String) {
        StandardStream.output.writeLine(style.dim(DemoText.padded(DemoText.seconds(now), 7)) + "  " + text)
    }

    func run() async -> Int32 {
        let ending = await Ending()
        let shared = shared
        let signals = Task {
            for await reason in ending.reasons {
                guard case .signal(let name, let number) = reason else { continue }
                shared.value.withLock { $0.interruption = (name, number) }
            }
        }
        var failure: String?
        do { try await play() } catch let error as Failure { failure = error.text } catch { failure = "\(error)" }
        signals.cancel()
        record.acknowledged = shared.value.withLock { $0.acknowledged }
        let log = stage.failed.map { name in ["The end of the log of \(name):"] + stage.logTail(of: name) } ?? []
        record.leftovers = await stage.strike()
        return report(failure, log)
    }

    // MARK: The play

    private func play() async throws {
        StandardStream.output.writeLine(
            style.bold(
                "\(ClusterPlan.members) members start as processes of their own, and \(ClusterPlan.workers) workers."))
        for place in stage.places { try stage.start(place) }
        let client = try client(stage.endpoints)
        defer { Task { await client.close() } }
        try await settle(client)
        await showTable()
        let workers = try startWorkers()
        defer { for worker in workers { worker.cancel() } }
        do {
            try await torment()
            for place in stage.places { try stage.start(place) }
            shared.value.withLock { $0.isOver = true }
            try await settle(client)
            try await finish(workers)
            record.store = try await survey(client)
            await showTable()
        } catch let failure as Failure {
            // What became of what was acknowledged is not known then.
            try checkInterruption()
            record.silence = failure.text
        }
    }

    /// Kills leaders for as long as it was told, and then all members.
    private func torment() async throws {
        let end = begin.duration(to: .now) + .seconds(seconds)
        while now + ClusterPlan.killInterval < end {
            try await pause(ClusterPlan.killInterval - ClusterPlan.absence)
            try await killLeader()
        }
        try await pause(ClusterPlan.killInterval - ClusterPlan.absence)
        say("SIGKILL for all members at once.")
        await stage.kill(stage.places.map(\.name))
        record.hasLostPower = true
    }

    private func client(_ endpoints: [String]) throws -> EtcdClient {
        var configuration = EtcdClient.Configuration(endpoints: endpoints)
        configuration.timeout = ClusterPlan.requestLimit
        configuration.logger = RegistryOption.logger
        return try EtcdClient(configuration)
    }

    private func checkInterruption() throws {
        if let (name, _) = shared.value.withLock({ $0.interruption }) { throw Failure(text: "interrupted by \(name)") }
    }

    private func pause(_ length: Duration) async throws {
        let end = ContinuousClock.now + length
        while ContinuousClock.now < end {
            try checkInterruption()
            if let name = stage.failed { throw Failure(text: "\(name) has ended by itself") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Waits until all members answer.
    private func settle(_ client: EtcdClient) async throws {
        let end = ContinuousClock.now + ClusterPlan.patience
        var silent = ""
        while ContinuousClock.now < end {
            try await pause(.milliseconds(100))
            silent = ""
            for place in stage.places where silent.isEmpty {
                if (try? await client.maintenance.status(of: place.endpoint))?.leader == nil { silent = place.name }
            }
            if silent.isEmpty { return }
        }
        throw Failure(text: "\(silent) doesn't answer")
    }

    private func startWorkers() throws -> [Task<Void, Never>] {
        try (0..<ClusterPlan.workers).map { number in
            let shared = shared
            let worker = ClusterWorker(
                client: try client(stage.endpoints), number: number, begin: begin,
                note: { increment in shared.value.withLock { $0.acknowledged.append(increment) } },
                isOver: { shared.value.withLock { $0.isOver } })
            return Task {
                await worker.run()
                await worker.client.close()
            }
        }
    }

    private func killLeader() async throws {
        guard let name = await states().first(where: { $0.status?.isLeader == true })?.place.name else {
            return say("There is no leader at the moment.")
        }
        let count = shared.value.withLock { $0.acknowledged.count }
        say("SIGKILL for \(name), the leader; \(count) increments are acknowledged.")
        await stage.kill([name])
        record.leaderKills += 1
        try await Task.sleep(for: ClusterPlan.absence)
        await showTable()
        if let place = stage.places.first(where: { $0.name == name }) { try stage.start(place) }
    }

    /// Lets workers end what they have begun.
    private func finish(_ workers: [Task<Void, Never>]) async throws {
        let limit = Task {
            try await Task.sleep(for: ClusterPlan.patience)
            for worker in workers { worker.cancel() }
        }
        for worker in workers { await worker.value }
        limit.cancel()
    }

    // MARK: What the members say

    private struct MemberState {
        var place: ClusterStage.Place
        var status: EtcdServerStatus?
    }

    private func states() async -> [MemberState] {
        var result: [MemberState] = []
        for place in stage.places {
            guard stage.isRunning(place.name), let client = try? client([place.endpoint]) else {
                result.append(MemberState(place: place))
                continue
            }
            result.append(MemberState(place: place, status: try? await client.maintenance.status(of: place.endpoint)))
            await client.close()
        }
        return result
    }

    private func showTable() async {
        let states = await states()
        func row(_ words: [String]) -> String {
            let widths = [8, 10, 6, 10, 7]
            return "           "
                + zip(words, widths).map { $0 + String(repeating: " ", count: max(1, $1 - $0.count)) }.joined()
                + (words.last ?? "")
        }
        StandardStream.output.writeLine(style.dim(row(["member", "role", "term", "revision", "kills", "address"])))
        for state in states {
            let status = state.status
            let role = status.map { $0.isLeader ? "leader" : "follower" } ?? "down"
            StandardStream.output.writeLine(
                row([
                    state.place.name, role, status.map { "\($0.raftTerm)" } ?? "-",
                    status.map { "\($0.revision)" } ?? "-", "\(stage.kills[state.place.name] ?? 0)",
                    state.place.endpoint,
                ]))
        }
    }

    private func survey(_ client: EtcdClient) async throws -> ClusterRecord.Store {
        do {
            let counters = try await client.get(.prefix("counters/"))
            let marks = try await client.get(.prefix("done/"))
            let revision = try await client.get("counters/0").revision
            var hashes: [String: UInt32] = [:]
            for place in stage.places {
                // A read that goes through the leader: behind it the member has all that was written.
                let own = try self.client([place.endpoint])
                _ = try await own.get("counters/0")
                hashes[place.name] = try await own.maintenance.hashOfKeys(at: revision, of: place.endpoint).hash
                await own.close()
            }
            let pairs = counters.keyValues.compactMap { pair -> (Int, Int)? in
                guard let number = Int(pair.keyText.dropFirst("counters/".count)), let value = Int(pair.valueText)
                else { return nil }
                return (number, value)
            }
            return ClusterRecord.Store(
                counters: Dictionary(uniqueKeysWithValues: pairs), marks: Set(marks.keyValues.map(\.keyText)),
                hashes: hashes)
        } catch let error as EtcdError {
            throw Failure(text: "the members don't answer: \(error)")
        }
    }

    /// Prints how it ended.
    ///
    /// - Returns: The exit code.
    private func report(_ failure: String?, _ log: [String]) -> Int32 {
        if let failure {
            let left = record.leftovers
            for line in [style.red("The demonstration ended early: \(failure)")] + log.map({ "  " + $0 })
                + (left.isEmpty ? [] : ["still there: " + left.joined(separator: ", ")])
            { StandardStream.output.writeLine(line) }
            // As a shell reports a process that a signal ended.
            return shared.value.withLock { $0.interruption.map { 128 + $0.number } } ?? 1
        }
        for line in log { StandardStream.output.writeLine(line) }
        let claims = record.claims()
        let held = claims.count { $0.holds }
        StandardStream.output.writeLine("")
        for line in DemoText.summary(claims, style: style) { StandardStream.output.writeLine(line) }
        StandardStream.output.writeLine("")
        StandardStream.output.writeLine(style.bold("\(held) of \(claims.count) claims held."))
        return held == claims.count ? 0 : 1
    }
}
