// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Martlet
import MartletEtcd
import MartletEtcdClient
import NIOCore

/// What callers notice when the registry is away for a while, and how soon everything is registered again.
struct RegistryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "registry", abstract: "The registry is away.")

    enum Outage: String, ExpressibleByArgument {
        /// Killed, and started again with its data.
        case killed
        /// Stopped for longer than records live: they all end when it goes on.
        case stopped
    }

    @Option(help: "The program martlet.")
    var store: String

    @Option(help: "killed or stopped.")
    var how = Outage.killed

    @Option(help: "Seconds that the registry is away.")
    var seconds = 60.0

    @Option(help: "Calls a second, none of them idempotent.")
    var rate = 1_000

    @Option(help: "Seconds that a record outlives its node.")
    var timeToLive = 15.0

    private static let nodes = 3
    /// Longer than it takes to register again: the interval, and the client's pause before it connects again.
    private static let patience = Duration.seconds(60)

    mutating func run() async throws {
        let (how, seconds, rate, timeToLive) = (self.how, self.seconds, self.rate, self.timeToLive)
        try await StoreProcess.with(program: self.store) { store in
            var options = NodeProcess.Options(store: store.address)
            options.timeToLive = timeToLive
            options.interval = timeToLive / 3
            let nodes = try await NodeProcess.start(Self.nodes, options: options)
            defer { for node in nodes { node.kill() } }
            let leases = try await Self.leases(store)
            let client = FleetService.client(store: store.address)
            try await FleetService.call(client)
            let load = PacedLoad(client, callsPerSecond: rate, isIdempotent: false)
            var newcomer: NodeProcess?
            defer { newcomer?.kill() }
            let registeredAfter = try await load.run { [options] in
                try await Task.sleep(for: .seconds(1))
                switch how {
                case .killed: await store.kill()
                case .stopped: store.freeze()
                }
                let end = ContinuousClock.now + .seconds(seconds)
                // It finds no registry, and registers when there is one.
                let late = try await NodeProcess.start(options: options)
                newcomer = late
                try await Task.sleep(until: end, clock: .continuous)
                switch how {
                case .killed: try await store.start()
                case .stopped: store.thaw()
                }
                let back = NIODeadline.now().uptimeNanoseconds
                let first = try await load.first(limit: Self.patience) { $0.node == late.id }
                // Leases that ran out meanwhile end some time after the registry is back, and their records with them.
                if how == .stopped { try await Self.waitForNewLeases(store, leases) }
                try await Task.sleep(for: .seconds(1))
                return Double(max(first.endedNanoseconds, back) - back) / 1e6
            }
            await client.close()
            var figures = Figures()
            figures.add("calls", load.calls.count)
            figures.add("left-out", load.leftOut)
            figures.add("errors", load.failures.count)
            figures.add("newcomer-called-ms", registeredAfter)
            load.calls.addLatencies("call", to: &figures)
            figures.print()
            if let failure = load.failures.first { say("# \(failure)") }
        }
    }

    private static func leases(_ store: StoreProcess) async throws -> Set<EtcdLeaseID> {
        let client = try EtcdClient(endpoints: store.address)
        defer { Task { await client.close() } }
        return Set(try await client.leases())
    }

    /// Waits until all nodes are registered by leases that were granted after the registry was away.
    private static func waitForNewLeases(_ store: StoreProcess, _ old: Set<EtcdLeaseID>) async throws {
        let registry = EtcdRegistry(endpoints: [store.address])
        let end = ContinuousClock.now + Self.patience
        while ContinuousClock.now < end {
            let isRenewed = try await Self.leases(store).isDisjoint(with: old)
            let count = try await registry.services(named: FleetService.name).reduce(0) { $0 + $1.nodes.count }
            if isRenewed, count == Self.nodes + 1 { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw Failure("not all nodes have registered again")
    }
}
