// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Martlet
import MartletEtcd
import NIOCore

/// What callers notice when a third of all nodes is killed at the same moment.
struct KillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "kill", abstract: "A third of the nodes is killed.")

    @Option(help: "The program martlet.")
    var store: String

    @Option(help: "Nodes, each a process of its own.")
    var nodes = 30

    @Option(help: "Calls a second, all idempotent.")
    var rate = 5_000

    @Option(help: "Seconds in all; the nodes are killed when a third of them is over.")
    var seconds = 9.0

    @Option(help: "Seconds that a record outlives its node.")
    var timeToLive = 5.0

    mutating func run() async throws {
        let (nodes, rate, seconds, timeToLive) = (self.nodes, self.rate, self.seconds, self.timeToLive)
        try await StoreProcess.with(program: self.store) { store in
            var options = NodeProcess.Options(store: store.address)
            options.timeToLive = timeToLive
            options.interval = timeToLive / 3
            let processes = try await NodeProcess.start(nodes, options: options)
            defer { for process in processes { process.kill() } }
            let client = FleetService.client(store: store.address)
            // The connections are made before anything is measured.
            for _ in 0..<nodes * 2 { try await FleetService.call(client) }
            let load = PacedLoad(client, callsPerSecond: rate, isIdempotent: true)
            let (start, killed) = try await load.run {
                let start = NIODeadline.now().uptimeNanoseconds
                try await Task.sleep(for: .seconds(seconds / 3))
                for process in processes.prefix(nodes / 3) { process.kill() }
                let killed = NIODeadline.now().uptimeNanoseconds
                try await Task.sleep(for: .seconds(seconds * 2 / 3))
                return (start, killed)
            }
            await client.close()
            Self.print(load, start, killed)
        }
    }

    private static func print(_ load: PacedLoad, _ start: UInt64, _ killed: UInt64) {
        let calls = load.calls
        let end = calls.map(\.endedNanoseconds).max() ?? start
        var figures = Figures()
        figures.add("calls", calls.count)
        figures.add("rate", Double(calls.count) / Double(max(1, end - start)) * 1e9)
        figures.add("left-out", load.leftOut)
        figures.add("errors", load.failures.count)
        figures.add("repeated", calls.count { $0.attempts > 1 })
        figures.add("attempts-max", calls.map(\.attempts).max() ?? 0)
        calls.filter { $0.endedNanoseconds < killed }.addLatencies("before", to: &figures)
        calls.filter { $0.endedNanoseconds >= killed }.addLatencies("after", to: &figures)
        figures.print()
        if let failure = load.failures.first { say("# \(failure)") }
    }
}
