// SPDX-License-Identifier: Apache-2.0

/// Something the demonstration shows, and whether it did.
package struct DemoClaim: Sendable, Equatable {
    package var text: String
    package var measured: String
    package var holds: Bool
}

extension DemoRecord {
    /// The share that a Greeter must have of the calls while there are two.
    package static let fairShare = 45.0...55.0
    /// Fewer calls than this in a phase prove nothing.
    package static let minimumPhaseCalls = 20
    /// The least part of the calls that should have been made; below, the rate was not kept and nothing was shown.
    static let minimumRatePart = 0.9

    /// The judgement.
    package func claims(_ plan: DemoPlan) -> [DemoClaim] {
        [
            answered(plan), share("two Greeters share the calls", callsBefore), killed, alone, forgotten,
            share("the returned Greeter shares again", callsAfter), nothingLeft,
        ]
    }

    private func answered(_ plan: DemoPlan) -> DemoClaim {
        let expected = Double(plan.callsPerSecond) * (plan.length / .seconds(1)) * Self.minimumRatePart
        let count = calls.count
        return DemoClaim(
            text: "every call is answered",
            measured: "\(count) calls, \(errorCount) errors" + (firstError.map { ": \($0)" } ?? ""),
            holds: errorCount == 0 && firstError == nil && Double(count) >= expected)
    }

    private func share(_ text: String, _ calls: [Call]) -> DemoClaim {
        let count = calls.count { $0.node == Self.victim }
        guard !calls.isEmpty else { return DemoClaim(text: text, measured: "no calls", holds: false) }
        let percent = 100 * Double(count) / Double(calls.count)
        let other = calls.count { $0.node == Self.survivor }
        return DemoClaim(
            text: text,
            measured: "A \(other), B \(count) of \(calls.count) calls: \(DemoText.decimal(percent)) %",
            holds: calls.count >= Self.minimumPhaseCalls && Self.fairShare.contains(percent))
    }

    private var killed: DemoClaim {
        let text = "SIGKILL hit a call in flight"
        guard let killedCall else { return DemoClaim(text: text, measured: "nothing was killed", holds: false) }
        guard !didKilledCallEnd else {
            return DemoClaim(text: text, measured: "call \(killedCall) was over by then", holds: false)
        }
        guard let call = calls.first(where: { $0.number == killedCall }), let node = call.node else {
            return DemoClaim(text: text, measured: "call \(killedCall) was never answered", holds: false)
        }
        let time = DemoText.milliseconds(call.microseconds)
        return DemoClaim(
            text: text, measured: "call \(killedCall): begun at B, answered by \(node) after \(time)",
            holds: node == Self.survivor)
    }

    private var alone: DemoClaim {
        let calls = callsWithout
        let errors = calls.count { $0.node == nil }
        return DemoClaim(
            text: "calls go on with one Greeter", measured: "\(calls.count) calls, \(errors) errors",
            holds: calls.count >= Self.minimumPhaseCalls && errors == 0)
    }

    private var forgotten: DemoClaim {
        var wanted: [Int] = [2, 1, 2]
        for count in registryCounts where count == wanted.first { wanted.removeFirst() }
        return DemoClaim(
            text: "the registry noticed both",
            measured: "nodes: " + registryCounts.map(String.init).joined(separator: ", "), holds: wanted.isEmpty)
    }

    private var nothingLeft: DemoClaim {
        DemoClaim(
            text: "nothing is left behind",
            measured: leftovers.isEmpty ? "all processes ended, files removed" : leftovers.joined(separator: ", "),
            holds: leftovers.isEmpty)
    }
}
