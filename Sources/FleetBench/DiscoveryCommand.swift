// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Martlet
import MartletEtcd
import NIOCore

/// How soon callers use a node that has just registered, and leave one that was killed.
///
/// While three nodes are called all the time a fourth registers, is called for a while and is killed, round by round.
struct DiscoveryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discovery", abstract: "A node that comes, and is killed.")

    @Option(help: "The program martlet.")
    var store: String

    @Option(help: "How often a node comes and is killed.")
    var rounds = 5

    @Option(help: "Calls a second.")
    var rate = 2_000

    @Option(help: "Seconds that a record outlives its node.")
    var timeToLive = 2.0

    private static let stayingNodes = 3
    /// From its registration on a node gets its share within this time.
    private static let promised: UInt64 = 100_000_000
    /// How long shares are counted, from then on.
    private static let counted: UInt64 = 1_000_000_000

    private struct Round {
        /// From the registration to the first call, in milliseconds.
        var firstCall = 0.0
        /// Of the calls that were made once the promised time was over, as a multiple of a fair one.
        var share = 0.0
        /// Calls that were tried on the killed node first, of those that were begun before the first failure was known.
        var triedAtOnce = 0
        /// The same of those that were begun after it, but before the breaker let a call try the node again.
        var triedBeforeThePauseEnded = 0
        /// Calls that tried whether the node was back.
        var probes = 0
        /// From the kill to the end of the record, in seconds.
        var expiry = 0.0
        /// Calls that were tried on the node when its record was gone.
        var triedAfterwards = 0
    }

    mutating func run() async throws {
        let (rounds, rate, timeToLive) = (self.rounds, self.rate, self.timeToLive)
        try await StoreProcess.with(program: self.store) { store in
            var options = NodeProcess.Options(store: store.address)
            options.timeToLive = timeToLive
            options.interval = timeToLive / 3
            let staying = try await NodeProcess.start(Self.stayingNodes, options: options)
            defer { for node in staying { node.kill() } }
            let registry = EtcdRegistry(endpoints: [store.address])
            let client = FleetService.client(store: store.address)
            let load = PacedLoad(client, callsPerSecond: rate, isIdempotent: true)
            let found = try await load.run { [options] in
                var found: [Round] = []
                for _ in 0..<rounds { found.append(try await Self.round(load, registry, options)) }
                return found
            }
            await client.close()
            Self.print(found, load)
        }
    }

    private static func round(
        _ load: PacedLoad, _ registry: EtcdRegistry, _ options: NodeProcess.Options
    ) async throws -> Round {
        var round = Round()
        let process = try await NodeProcess.start(options: options)
        defer { process.kill() }
        let node = process.nodes[0]
        let first = try await load.first { $0.node == node.id }
        // The client may hear of the record before the node does that it is written.
        round.firstCall = Double(max(first.dueNanoseconds, node.startedNanoseconds) - node.startedNanoseconds) / 1e6

        let begin = node.startedNanoseconds + Self.promised
        let end = begin + Self.counted
        _ = try await load.first { $0.dueNanoseconds >= end }
        let calls = load.calls.filter { (begin..<end).contains($0.dueNanoseconds) }
        let own = calls.count { $0.node == node.id }
        round.share = Double(own * (Self.stayingNodes + 1)) / Double(max(1, calls.count))

        let killed = NIODeadline.now().uptimeNanoseconds
        process.kill()
        func isRegistered() async throws -> Bool {
            try await registry.services(named: FleetService.name).flatMap(\.nodes).contains { $0.id == node.id }
        }
        while try await isRegistered() {
            try await Task.sleep(for: .milliseconds(10))
        }
        let gone = NIODeadline.now().uptimeNanoseconds
        round.expiry = Double(gone - killed) / 1e9
        // Some time for the event, and some in which nothing may happen.
        let quiet = gone + Self.promised
        _ = try await load.first { $0.dueNanoseconds >= quiet + Self.counted }

        let tried = load.calls.filter { $0.endedNanoseconds >= killed && ($0.attempts > 1 || $0.failure != nil) }
        guard let known = tried.map(\.endedNanoseconds).min() else { return round }
        // The shortest pause of a breaker: a fifth less than what its policy says.
        let pause = known + BreakerPolicy().firstPause.nanosecondCount * 4 / 5
        round.triedAtOnce = tried.count { $0.dueNanoseconds <= known }
        round.triedBeforeThePauseEnded = tried.count { known < $0.dueNanoseconds && $0.dueNanoseconds < pause }
        round.probes = tried.count { pause <= $0.dueNanoseconds && $0.dueNanoseconds < quiet }
        round.triedAfterwards = tried.count { quiet <= $0.dueNanoseconds }
        return round
    }

    private static func print(_ rounds: [Round], _ load: PacedLoad) {
        let firstCalls = rounds.map(\.firstCall).sorted()
        var figures = Figures()
        figures.add("calls", load.calls.count)
        figures.add("left-out", load.leftOut)
        figures.add("errors", load.failures.count)
        figures.add("first-call-median-ms", firstCalls[firstCalls.count / 2])
        figures.add("first-call-max-ms", firstCalls.last ?? 0)
        figures.add("share-min", rounds.map(\.share).min() ?? 0)
        figures.add("share-max", rounds.map(\.share).max() ?? 0)
        figures.add("tried-at-once", rounds.map(\.triedAtOnce).max() ?? 0)
        figures.add("tried-after-failure", rounds.reduce(0) { $0 + $1.triedBeforeThePauseEnded })
        figures.add("probes-max", rounds.map(\.probes).max() ?? 0)
        figures.add("expiry-max-s", rounds.map(\.expiry).max() ?? 0)
        figures.add("tried-after-expiry", rounds.reduce(0) { $0 + $1.triedAfterwards })
        figures.print()
    }
}
