// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Martlet
import MartletEtcd
import MartletEtcdClient
import Synchronization

/// `martlet demo`
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Watch services register, share calls, survive a SIGKILL and come back, in twenty seconds.",
        discussion: """
            Starts a store, two Greeter services and a client, each a process of its own. The client calls twenty \
            times a second; one Greeter is killed with SIGKILL while it works on a call, and later started again. \
            The end is a table of what was claimed and what was measured; the exit code is 0 only if every claim held.

              martlet demo
              martlet demo --seconds 60 --rate 100

            And a queue whose workers and server are killed:
              martlet demo queue
            And a cluster whose leader is killed:
              martlet demo cluster
            """,
        subcommands: [DemoQueueCommand.self, DemoClusterCommand.self])

    @Option(help: "How long to call, in seconds.")
    var seconds = 20

    @Option(help: "Calls a second.")
    var rate = 20

    mutating func validate() throws {
        guard (DemoPlan.minimumSeconds...3600).contains(seconds) else {
            throw ValidationError("--seconds is from \(DemoPlan.minimumSeconds) to 3600")
        }
        guard (DemoPlan.minimumCallsPerSecond...DemoPlan.maximumCallsPerSecond).contains(rate) else {
            throw ValidationError(
                "--rate is from \(DemoPlan.minimumCallsPerSecond) to \(DemoPlan.maximumCallsPerSecond)")
        }
    }

    mutating func run() async throws {
        let code = try await DemoRun(plan: DemoPlan(seconds: seconds, callsPerSecond: rate)).run()
        if code != 0 { throw ExitCode(code) }
    }
}

/// Plays a script with real processes.
private final class DemoRun {
    private enum Input: Sendable {
        case event(DemoScript.Event)
        case ending(Ending.Reason)
    }

    private var script: DemoScript
    private var screen: DemoScreen
    private let style: TerminalStyle
    private let inputs: AsyncStream<Input>
    private let send: AsyncStream<Input>.Continuation
    private let begin = ContinuousClock.now
    private var helpers: [Task<Void, Never>] = []

    /// How often the script looks at the clock.
    private static let tickInterval = Duration.milliseconds(50)

    init(plan: DemoPlan) {
        script = DemoScript(plan: plan)
        let environment = ProcessInfo.processInfo.environment
        let isTerminal = StandardStream.output.isTerminal
        style = TerminalStyle(isTerminal: isTerminal, environment: environment)
        screen = DemoScreen(
            style: style, isTerminal: isTerminal && environment["TERM"] != "dumb",
            callsPerSecond: plan.callsPerSecond)
        // Unbounded: a few hundred reports a second at most, each handled in microseconds.
        (inputs, send) = AsyncStream.makeStream(of: Input.self, bufferingPolicy: .unbounded)
    }

    private var now: Duration { begin.duration(to: .now) }

    func run() async throws -> Int32 {
        let ending = await Ending()
        let send = send
        let stage = try DemoStage(callsPerSecond: script.plan.callsPerSecond) { send.yield(.event($0)) }
        helpers = [Self.passSignals(ending, send), Self.tick(send)]
        let outcome = await play(stage)
        for helper in helpers { helper.cancel() }
        let failedLog = outcome.failed.map { stage.logTail(of: $0) } ?? []
        script.noteLeftovers(await stage.strike())
        return report(outcome, failedLog)
    }

    private static func passSignals(_ ending: Ending, _ send: AsyncStream<Input>.Continuation) -> Task<Void, Never> {
        Task {
            for await reason in ending.reasons { send.yield(.ending(reason)) }
        }
    }

    private static func tick(_ send: AsyncStream<Input>.Continuation) -> Task<Void, Never> {
        Task {
            while !Task.isCancelled {
                send.yield(.event(.tick))
                try? await Task.sleep(for: tickInterval)
            }
        }
    }

    private struct Outcome {
        /// Nil when the script came to its end.
        var failure: String?
        var failed: DemoScript.Child?
        var code: Int32 = 0
    }

    /// Feeds the script until it is over.
    private func play(_ stage: DemoStage) async -> Outcome {
        screen.print([style.bold("A store, two Greeters and a client start as processes of their own.")])
        do { try stage.start(.server, registry: nil) } catch { return Outcome(failure: "\(error)", code: 1) }
        for await input in inputs {
            switch input {
            case .ending(.signal(let name, let number)):
                // As a shell reports a process that a signal ended.
                return Outcome(failure: "interrupted by \(name)", code: 128 + number)
            case .ending(.inputEnded), .ending(.failed): continue
            case .event(let event):
                let orders = script.handle(event, now: now, nanoseconds: MonotonicTime.nanoseconds)
                for order in orders {
                    if let outcome = carryOut(order, stage) { return outcome }
                }
                if case .report(_, let report) = event { screen.note(report) }
                if let first = script.firstAnswer { screen.refresh(at: now - first) }
            }
        }
        return Outcome(failure: "the events ended", code: 1)
    }

    /// - Returns: The outcome, where the order ends the demonstration.
    private func carryOut(_ order: DemoScript.Order, _ stage: DemoStage) -> Outcome? {
        switch order {
        case .kill(let child): stage.send(SIGKILL, to: child)
        case .stop(let child): stage.send(SIGTERM, to: child)
        case .say(let text): screen.say(text, at: script.firstAnswer.map { now - $0 } ?? .zero)
        case .finish: return Outcome()
        case .giveUp(let text, let child): return Outcome(failure: text, failed: child, code: 1)
        case .start(let child):
            do {
                try stage.start(child, registry: script.registry)
            } catch {
                return Outcome(failure: "\(error)", code: 1)
            }
        case .follow(let registry):
            screen.print([
                "", "Look into the same store from another terminal:",
                "  " + style.bold("etcdctl --endpoints=\(registry) get --prefix /micro/registry/"),
                "or call a Greeter yourself:",
                "  "
                    + style.bold(
                        "martlet call \(DemoService.name) \(DemoService.endpoint) '{\"name\": \"Ann\"}' "
                            + "--registry \(registry)"
                    ),
                "",
            ])
            follow(registry)
        }
        return nil
    }

    /// Counts the nodes in the registry whenever it changes.
    private func follow(_ registry: String) {
        let send = send
        helpers.append(
            Task {
                let mirror = Mutex(RegistryMirror())
                try? await EtcdRegistry(endpoints: [registry]) { $0.logger = RegistryOption.logger }.watch { change in
                    let count = mirror.withLock { mirror in
                        _ = mirror.apply(change)
                        return mirror.nodes(of: DemoService.name).count
                    }
                    send.yield(.event(.registry(count)))
                }
            })
    }

    /// Prints how it ended.
    ///
    /// - Returns: The exit code.
    private func report(_ outcome: Outcome, _ failedLog: [String]) -> Int32 {
        if let failure = outcome.failure {
            let left = script.record.leftovers
            screen.print(
                [style.red("The demonstration ended early: \(failure)")] + failedLog.map { "  " + $0 }
                    + (left.isEmpty ? [] : ["still there: " + left.joined(separator: ", ")]))
            return outcome.code
        }
        let claims = script.record.claims(script.plan)
        let held = claims.count { $0.holds }
        screen.print(
            [""] + DemoText.summary(claims, style: style) + ["", style.bold("\(held) of \(claims.count) claims held.")])
        return held == claims.count ? 0 : 1
    }
}
