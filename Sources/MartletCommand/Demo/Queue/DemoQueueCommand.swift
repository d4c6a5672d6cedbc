// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import MartletRedisClient
import NIOCore
import NIOPosix

/// `martlet demo queue`
struct DemoQueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Watch a queue lose nothing while its workers and its server are killed.",
        discussion: """
            Starts a server, a producer and four workers, each a process of its own. Two workers are killed with \
            SIGKILL while they work, and so is the server, which is started again; one message fails whoever tries it. \
            The end is a table of what was claimed and what was measured; the exit code is 0 only if every message \
            that was produced was acknowledged or is a dead letter, and none is lost.

              martlet demo queue
              martlet demo queue --messages 2000
            """)

    @Option(help: "Messages to produce, a hundred a second.")
    var messages = QueuePlan.defaultMessages

    mutating func validate() throws {
        guard (QueuePlan.minimumMessages...100_000).contains(messages) else {
            throw ValidationError("--messages is from \(QueuePlan.minimumMessages) to 100000")
        }
    }

    mutating func run() async throws {
        let code = try await QueueRun(messages: messages, port: QueueRun.freePort()).run()
        if code != 0 { throw ExitCode(code) }
    }
}

/// Plays the demonstration with real processes.
private final class QueueRun {
    private var record: QueueRecord
    private let style: TerminalStyle
    private let inputs: AsyncStream<QueueStage.Event>
    private let send: AsyncStream<QueueStage.Event>.Continuation
    private let begin = ContinuousClock.now
    private let port: Int
    /// What each worker has begun and not finished.
    private var inHand: [String: Set<Int>] = [:]
    private var workersBegun: Set<String> = []
    private var hasProducer = false
    private var hasProducedAll = false
    private var isServerKilled = false
    private var shownAt = Duration.zero
    private var expected: Set<String> = []

    /// A port that was free a moment ago: the server must come back where it was.
    static func freePort() async throws -> Int {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port
        try await channel.close().get()
        guard let port else { throw ChannelError.unknownLocalAddress }
        return port
    }

    init(messages: Int, port: Int) {
        record = QueueRecord(wanted: messages)
        self.port = port
        style = TerminalStyle(
            isTerminal: StandardStream.output.isTerminal, environment: ProcessInfo.processInfo.environment)
        // Unbounded: a few hundred reports a second at most, each handled in microseconds.
        (inputs, send) = AsyncStream.makeStream(of: QueueStage.Event.self, bufferingPolicy: .unbounded)
    }

    private var now: Duration { begin.duration(to: .now) }

    private struct Outcome {
        /// Nil when all was played.
        var failure: String?
        var failed: String?
        var code: Int32 = 0
    }

    func run() async throws -> Int32 {
        let ending = await Ending()
        let send = send
        let stage = try QueueStage { send.yield($0) }
        let signals = Task {
            for await reason in ending.reasons {
                if case .signal(let name, let number) = reason { send.yield(.interrupted(name, number)) }
            }
        }
        let ticks = Task {
            while !Task.isCancelled {
                send.yield(.tick)
                try? await Task.sleep(for: .milliseconds(50))
            }
        }
        var outcome = await play(stage)
        if outcome.failure == nil {
            do { record.store = try await survey() } catch { outcome = Outcome(failure: "\(error)", code: 1) }
        }
        signals.cancel()
        ticks.cancel()
        let log = outcome.failed.map { stage.logTail(of: $0) } ?? []
        record.leftovers = await stage.strike()
        return report(outcome, log)
    }

    private func say(_ text: String) {
        StandardStream.output.writeLine(style.dim(DemoText.padded(DemoText.seconds(now), 7)) + "  " + text)
    }

    // MARK: The play

    private func play(_ stage: QueueStage) async -> Outcome {
        StandardStream.output.writeLine(
            style.bold("A server, a producer and \(QueuePlan.workers) workers start as processes of their own."))
        let limit = Duration.seconds(1) * record.wanted / QueuePlan.rate + QueuePlan.patience
        do { try stage.startServer(port: port) } catch { return Outcome(failure: "\(error)", code: 1) }
        for await event in inputs {
            do {
                switch event {
                case .interrupted(let name, let number):
                    // As a shell reports a process that a signal ended.
                    return Outcome(failure: "interrupted by \(name)", code: 128 + number)
                case .report(let name, let report): try take(report, from: name, stage)
                case .exited(let name, let how):
                    guard expected.remove(name) != nil else {
                        return Outcome(failure: "\(name) ended: \(how)", failed: name, code: 1)
                    }
                    if name == "server" {
                        say("The server is started again on the same files.")
                        try stage.startServer(port: port)
                    }
                case .tick:
                    if try await isDone() { return Outcome() }
                    if now > limit {
                        return Outcome(
                            failure:
                                "not done in time: \(record.produced.count) produced, \(record.handled.count) handled",
                            failed: "server", code: 1)
                    }
                    show()
                }
            } catch {
                return Outcome(failure: "\(error)", code: 1)
            }
        }
        return Outcome(failure: "the events ended", code: 1)
    }

    private func take(_ report: QueueReport, from name: String, _ stage: QueueStage) throws {
        switch report {
        case .listening:
            guard workersBegun.isEmpty, !isServerKilled else { return say("It serves again.") }
            for number in 1...QueuePlan.workers { try stage.startWorker("worker-\(number)", port: port) }
        case .working:
            workersBegun.insert(name)
            guard workersBegun.count == QueuePlan.workers, !hasProducer else { return }
            hasProducer = true
            say("All work. The producer starts; look into the stream from another terminal:")
            StandardStream.output.writeLine(
                "           " + style.bold("martlet stream report --server 127.0.0.1:\(port)"))
            try stage.startProducer(port: port, count: record.wanted)
        case .produced(let number, _): record.produced.insert(number)
        case .producedAll:
            hasProducedAll = true
            say("All \(record.wanted) messages are produced.")
        case .began(let number, _):
            inHand[name, default: []].insert(number)
            if number == QueuePlan.poison {
                record.poisonDeliveries += 1
                say("\(name) fails at message \(number), delivery \(record.poisonDeliveries).")
            }
            killIfDue(name, stage)
        case .handled(let number):
            inHand[name]?.remove(number)
            record.handled[number, default: 0] += 1
            killServerIfDue(stage)
        }
    }

    private func hasHandled(_ part: Double) -> Bool { Double(record.handled.count) >= part * Double(record.wanted) }

    /// The worker that has just begun with a message, so that it has one in hand.
    private func killIfDue(_ name: String, _ stage: QueueStage) {
        let part = record.killedWorkers.isEmpty ? QueuePlan.firstKill : QueuePlan.secondKill
        let inHand = inHand[name, default: []].subtracting([QueuePlan.poison])
        guard record.killedWorkers.count < 2, !inHand.isEmpty, hasHandled(part),
            !record.killedWorkers.contains(where: { $0.name == name })
        else { return }
        expected.insert(name)
        stage.kill(name)
        record.killedWorkers.append((name, inHand))
        say("SIGKILL for \(name), which has \(inHand.count) messages in hand.")
    }

    private func killServerIfDue(_ stage: QueueStage) {
        guard !isServerKilled, hasHandled(QueuePlan.serverKill) else { return }
        isServerKilled = true
        record.serverKills += 1
        expected.insert("server")
        stage.kill("server")
        say("SIGKILL for the server.")
    }

    private func show() {
        guard hasProducer, now - shownAt >= .seconds(1) else { return }
        shownAt = now
        say("produced \(record.produced.count)  handled \(record.handled.count)")
    }

    // MARK: The end

    /// Whether all is done that can be.
    private func isDone() async throws -> Bool {
        let done = record.handled.count + (record.handled[QueuePlan.poison] == nil ? 1 : 0)
        guard hasProducedAll, record.killedWorkers.count == 2, done >= record.wanted else { return false }
        let store = try await survey()
        return store.pending == 0 && !store.deadLetters.isEmpty
    }

    private func survey() async throws -> QueueRecord.Store {
        try await withRedisClient("127.0.0.1:\(port)") {
            $0.logger = RegistryOption.logger
        } _: { client in
            func numbers(_ stream: String) async throws -> [Int] {
                try await client.xrange(stream).compactMap { $0.text("number").flatMap { Int($0) } }
            }
            let group = try await client.xinfoGroups(QueuePlan.stream).first { $0.name == QueuePlan.group }
            return QueueRecord.Store(
                stream: try await numbers(QueuePlan.stream), deadLetters: try await numbers(QueuePlan.deadLetters),
                entriesRead: group?.entriesRead ?? 0, pending: group?.pendingCount ?? -1, lag: group?.lag ?? -1)
        }
    }

    /// Prints how it ended.
    ///
    /// - Returns: The exit code.
    private func report(_ outcome: Outcome, _ log: [String]) -> Int32 {
        if let failure = outcome.failure {
            let left = record.leftovers
            let lines =
                [style.red("The demonstration ended early: \(failure)")] + log.map { "  " + $0 }
                + (left.isEmpty ? [] : ["still there: " + left.joined(separator: ", ")])
            for line in lines { StandardStream.output.writeLine(line) }
            return outcome.code
        }
        let claims = record.claims()
        let held = claims.count { $0.holds }
        StandardStream.output.writeLine("")
        for line in DemoText.summary(claims, style: style) { StandardStream.output.writeLine(line) }
        StandardStream.output.writeLine("")
        StandardStream.output.writeLine(style.bold("\(held) of \(claims.count) claims held."))
        return held == claims.count ? 0 : 1
    }
}
