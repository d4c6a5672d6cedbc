// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletFleetBench
import MartletProcesses
import MartletTestPrograms
import Testing

/// Calls go on while the store that names the nodes is not there.
@Suite(.serialized, .timeLimit(.minutes(30))) struct AwayRegistryTests {
    /// What both tests begin with: three nodes in a store of Martlet's own, and a client that calls them under load.
    private struct Fleet {
        let store: EtcdProcess
        let options: NodeProcess.Options
        let nodes: [NodeProcess]
        let load: PacedLoad

        /// Runs `body` under load and expects that no call fails.
        ///
        /// - Parameter isShortLived: Whether records live for two seconds; else for as long as they do by default.
        static func run(
            isShortLived: Bool, _ body: (Fleet) async throws -> Void,
            afterwards: (Fleet) async throws -> Void = { _ in }
        ) async throws {
            try await EtcdProcess.with(.martlet) { store in
                var options = NodeProcess.Options(store: store.endpoint)
                if isShortLived {
                    options.timeToLive = 2
                    options.interval = 0.5
                }
                try await withNodes(3, options) { [options] nodes in
                    try await withFleetClient(store) { client in
                        try await FleetService.call(client)
                        let load = PacedLoad(client, callsPerSecond: 200, isIdempotent: false)
                        let fleet = Fleet(store: store, options: options, nodes: nodes, load: load)
                        try await load.run {
                            try await body(fleet)
                            #expect(try await eventually { load.calls.count >= 200 })
                        }
                        expectNoFailures(load, atLeast: 200)
                        try await afterwards(fleet)
                    }
                }
            }
        }
    }

    /// The store is killed and comes back with its data. Who started meanwhile registers by itself.
    ///
    /// `MARTLET_SOAK` leaves it away for a minute, under the default time to live.
    @Test func aStoreThatIsAwayFailsNoCall() async throws {
        try await Fleet.run(isShortLived: !isSoak) { fleet in
            await fleet.store.kill()
            try await withNodes(1, fleet.options) { try await Self.comeBack(fleet, $0[0]) }
        }
    }

    /// Lets the store come back after a while and waits until a node is called that started without it.
    private static func comeBack(_ fleet: Fleet, _ late: NodeProcess) async throws {
        try await Task.sleep(for: isSoak ? .seconds(60) : .seconds(3))
        #expect(!fleet.load.calls.contains { $0.node == late.id })
        try await fleet.store.restart()
        _ = try await fleet.load.first(limit: patience) { $0.node == late.id }
        let all = Set(fleet.nodes.map(\.id) + [late.id])
        let areAllRegistered = try await eventually { try await registered(fleet.store) == all }
        #expect(areAllRegistered)
        // Leaving is told the store as well: no call may find the node gone.
        late.terminate()
        let exit = await late.end()
        #expect(exit == .code(0))
    }

    /// The store comes and goes faster than anybody registers.
    @Test func aStoreThatFlapsFailsNoCall() async throws {
        try await Fleet.run(isShortLived: true) { fleet in
            for round in 0..<(isSoak ? 60 : 5) {
                try await fleet.store.restart()
                // Sometimes long enough for a lease to be refreshed, sometimes not.
                try await Task.sleep(for: .milliseconds(round.isMultiple(of: 2) ? 50 : 700))
            }
            let all = Set(fleet.nodes.map(\.id))
            let areAllRegistered = try await eventually { try await registered(fleet.store) == all }
            #expect(areAllRegistered)
        } afterwards: { fleet in
            // Whoever asks the store now finds everybody, and can call them.
            try await withFleetClient(fleet.store) { fresh in
                var called: Set<String> = []
                // A lease of two seconds may have ended meanwhile on a busy machine: its node comes again.
                let all = Set(fleet.nodes.map(\.id))
                let areAllCalled = try await eventually {
                    called.insert(try await FleetService.call(fresh).node)
                    return called == all
                }
                #expect(areAllCalled)
            }
        }
    }
}
