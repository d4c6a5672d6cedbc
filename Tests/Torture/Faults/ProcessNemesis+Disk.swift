// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdClient

extension ProcessNemesis {
    private static let fullMilliseconds = 300..<4_000
    /// Members must agree on an alarm's end, and the network may be broken.
    private static let disarmLimit = Duration.seconds(180)

    /// Takes the room from a member's disk for a while: what it can't write any more raises an alarm, and all writes
    /// are refused until somebody takes that back. Nothing may be lost by it, and the member must not end.
    mutating func fill() async throws {
        let member = cluster.member(random.below(cluster.count))
        guard try member.setDiskFull(true) else { return }
        let length = Duration.milliseconds(Int.random(in: Self.fullMilliseconds, using: &random))
        tell("\(member.name)'s disk is full for \(length)")
        try? await Task.sleep(for: length)
        _ = try member.setDiskFull(false)
        await disarm()
    }

    /// Takes back the alarms that a full disk has raised. What can't be done now is done with the next, or in the end.
    func disarm() async {
        let end = ContinuousClock.now + Self.disarmLimit
        while ContinuousClock.now < end, cluster.troubles.isEmpty {
            for member in cluster.members where member.isRunning {
                let raised = try? await cluster.withClient([member.endpoint], timeout: .seconds(2)) { client in
                    let alarms = try await client.maintenance.alarms()
                    for alarm in alarms { try await client.maintenance.disarm(alarm) }
                    return alarms
                }
                guard let raised else { continue }
                if !raised.isEmpty { tell("alarms are taken back: \(raised.map { "\($0)" }.joined(separator: ", "))") }
                return
            }
            try? await Task.sleep(for: .milliseconds(100))
        }
    }
}
