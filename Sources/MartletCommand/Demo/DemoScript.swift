// SPDX-License-Identifier: Apache-2.0

/// The course of the demonstration as a value: events with their time go in, orders come out.
///
///     server listens → Greeters A and B serve → client calls, time counts from its first answer
///       → at the kill time, B is killed as a call begins there → B starts again → the client is stopped
package struct DemoScript: Sendable {
    /// A process of the demonstration.
    package enum Child: Sendable, Hashable {
        case server
        /// A Greeter in its nth life.
        case greeter(String, life: Int)
        case client
    }

    package enum Event: Sendable, Equatable {
        case report(Child, DemoReport)
        case exited(Child, String)
        /// How many nodes of the service the registry has now.
        case registry(Int)
        case tick
    }

    package enum Order: Sendable, Equatable {
        case start(Child)
        /// SIGKILL, at once.
        case kill(Child)
        /// SIGTERM.
        case stop(Child)
        /// A sentence for the reader.
        case say(String)
        /// The server is there: follow its registry.
        case follow(registry: String)
        case finish
        /// The demonstration can't go on.
        case giveUp(String, Child?)
    }

    private enum Phase: Equatable {
        case starting
        case calling
        /// The next young call at the victim is its last.
        case armed
        case killed
        case returned
        case stopping
    }

    package let plan: DemoPlan
    package private(set) var record = DemoRecord()
    /// When the first answer came; the plan counts from it.
    package private(set) var firstAnswer: Duration?
    /// The server's address, once it listens.
    package private(set) var registry: String?
    private var phase = Phase.starting
    private var serving: Set<Child> = []
    private var startTime: Duration?
    private var shownAnswers = 0

    /// Answers that are printed in full at the start, so that a reader sees them alternate.
    private static let shownAnswerCount = 4
    private static let survivor = Child.greeter(DemoRecord.survivor, life: 1)
    private static let victim = Child.greeter(DemoRecord.victim, life: 1)
    private static let returned = Child.greeter(DemoRecord.victim, life: 2)

    package init(plan: DemoPlan) { self.plan = plan }

    /// Notes what was still there after the end.
    package mutating func noteLeftovers(_ leftovers: [String]) { record.leftovers = leftovers }

    /// - Parameters:
    ///   - now: Time since the demonstration began.
    ///   - nanoseconds: The system's monotonic clock, as reports have it.
    package mutating func handle(_ event: Event, now: Duration, nanoseconds: Int64) -> [Order] {
        switch event {
        case .report(let child, let report): handle(report, from: child, now, nanoseconds)
        case .exited(let child, let how): handleExit(of: child, how)
        case .registry(let count): note(count)
        case .tick: tick(now)
        }
    }

    private mutating func handle(
        _ report: DemoReport, from child: Child, _ now: Duration, _ nanoseconds: Int64
    ) -> [Order] {
        switch report {
        case .listening(let address):
            registry = address
            return [
                .say("the store listens on \(address); two Greeters start"), .follow(registry: address),
                .start(Self.survivor), .start(Self.victim),
            ]
        case .serving(let address):
            return handleServing(child, address)
        case .began(let call, let at):
            guard phase == .armed, child == Self.victim, nanoseconds - at < DemoPlan.freshNanoseconds else { return [] }
            phase = .killed
            record.killedCall = call
            return [.kill(child), .say("SIGKILL to Greeter B: call \(call) is in flight there")]
        case .ended(let call):
            if child == Self.victim, call == record.killedCall { record.didKilledCallEnd = true }
            return []
        case .answered(let call, let node, let greeting, let microseconds):
            record.calls.append(.init(number: call, node: node, microseconds: microseconds))
            return handleAnswer(call, greeting, microseconds, now)
        case .failed(let call, let error, let microseconds):
            record.calls.append(.init(number: call, node: nil, microseconds: microseconds))
            record.firstError = record.firstError ?? error
            return [.say("call \(call) failed: \(error)")]
        }
    }

    private mutating func handleServing(_ child: Child, _ address: String) -> [Order] {
        serving.insert(child)
        if child == Self.returned { return [.say("Greeter B serves again, on \(address)")] }
        guard serving.isSuperset(of: [Self.survivor, Self.victim]) else { return [] }
        let rate = plan.callsPerSecond
        return [.say("both serve; a client calls them \(rate) times a second"), .start(.client)]
    }

    private mutating func handleAnswer(
        _ call: Int, _ greeting: String, _ microseconds: UInt64, _ now: Duration
    ) -> [Order] {
        if firstAnswer == nil {
            firstAnswer = now
            phase = .calling
        }
        if call == record.killedCall {
            let time = DemoText.milliseconds(microseconds)
            return [.say("call \(call) was answered after \(time): \(greeting)")]
        }
        guard shownAnswers < Self.shownAnswerCount else { return [] }
        shownAnswers += 1
        return [.say("call \(call): \(greeting)")]
    }

    private mutating func handleExit(of child: Child, _ how: String) -> [Order] {
        if child == .client, phase == .stopping { return [.finish] }
        if child == Self.victim, record.killedCall != nil { return [] }
        return [.giveUp("\(child) ended by itself: \(how)", child)]
    }

    private mutating func note(_ count: Int) -> [Order] {
        guard phase != .stopping, record.registryCounts.last != count else { return [] }
        record.registryCounts.append(count)
        guard phase == .killed, count == 1 else { return [] }
        return [.say("its lease has run out: the registry has one Greeter")]
    }

    private mutating func tick(_ now: Duration) -> [Order] {
        guard let firstAnswer else {
            let start = startTime ?? now
            startTime = start
            return now - start > DemoPlan.patience ? [.giveUp("nothing was answered", nil)] : []
        }
        let elapsed = now - firstAnswer
        switch phase {
        case .calling where elapsed >= plan.killTime:
            phase = .armed
        case .killed where elapsed >= plan.returnTime:
            phase = .returned
            return [.say("Greeter B starts again"), .start(Self.returned)]
        case .starting, .calling, .armed, .killed, .returned:
            guard elapsed >= plan.length else { return [] }
            phase = .stopping
            return [.stop(.client)]
        case .stopping:
            // Its last calls end by their time limit; nothing can hold it for longer than that.
            if elapsed > plan.length + DemoPlan.patience { return [.giveUp("the client does not end", .client)] }
        }
        return []
    }
}

extension DemoScript.Child: CustomStringConvertible {
    package var description: String {
        switch self {
        case .server: "server"
        case .greeter(let name, let life): life == 1 ? "greeter-\(name)" : "greeter-\(name)-\(life)"
        case .client: "client"
        }
    }
}
