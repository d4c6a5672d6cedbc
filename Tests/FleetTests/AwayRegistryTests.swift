// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletFleetBench
import MartletProcesses
import MartletTestPrograms
import Testing

/// Calls go on while the store that names the nodes is not there.
@Suite(.serialized, .timeLimit(.minutes(4))) struct AwayRegistryTests {
    /// The store is killed and comes back with its data. Who started meanwhile registers by itself.
    ///
    /// `MARTLET_SOAK` leaves it away for a minute.
    @Test func aStoreThatIsAwayFailsNoCall() async throws {
        try await EtcdProcess.with(.martlet) { store in
            var options = NodeProcess.Options(store: store.endpoint)
            if !isSoak {
                options.timeToLive = 2
                options.interval = 0.5
            }
            try await withNodes(3, options) { nodes in
                try await withFleetClient(store) { client in
                    try await FleetService.call(client)
                    let load = PacedLoad(client, callsPerSecond: 200, isIdempotent: false)
                    try await load.run {
                        await store.kill()
                        try await withNodes(1, options) { try await Self.comeBack(store, nodes, $0[0], load) }
                    }
                    expectNoFailures(load, atLeast: 200)
                }
            }
        }
    }

    /// Lets the store come back after a while and waits until a node is called that started without it.
    private static func comeBack(
        _ store: EtcdProcess, _ nodes: [NodeProcess], _ late: NodeProcess, _ load: PacedLoad
    ) async throws {
        try await Task.sleep(for: isSoak ? .seconds(60) : .seconds(3))
        #expect(!load.calls.contains { $0.node == late.id })
        try await store.restart()
        _ = try await load.first(limit: patience) { $0.node == late.id }
        let all = Set(nodes.map(\.id) + [late.id])
        let areAllRegistered = try await eventually { try await registered(store) == all }
        #expect(areAllRegistered)
        // Leaving is told the store as well: no call may find the node gone.
        late.terminate()
        let exit = await late.end()
        #expect(exit == .code(0))
    }

    /// The store comes and goes faster than anybody registers.
    @Test func aStoreThatFlapsFailsNoCall() async throws {
        try await EtcdProcess.with(.martlet) { store in
            var options = NodeProcess.Options(store: store.endpoint)
            options.timeToLive = 2
            options.interval = 0.5
            try await withNodes(3, options) { nodes in
                try await withFleetClient(store) { client in
                    try await FleetService.call(client)
                    let load = PacedLoad(client, callsPerSecond: 200, isIdempotent: false)
                    try await load.run {
                        for round in 0..<(isSoak ? 60 : 5) {
                            try await store.restart()
                            // Sometimes long enough for a lease to be refreshed, sometimes not.
                            try await Task.sleep(for: .milliseconds(round.isMultiple(of: 2) ? 50 : 700))
                        }
                        let all = Set(nodes.map(\.id))
                        let areAllRegistered = try await eventually { try await registered(store) == all }
                        #expect(areAllRegistered)
                    }
                    expectNoFailures(load, atLeast: 200)
                    // Whoever asks the store now finds everybody, and can call them.
                    try await withFleetClient(store) { fresh in
                        var called: Set<String> = []
                        for _ in 0..<6 { called.insert(try await FleetService.call(fresh).node) }
                        #expect(called == Set(nodes.map(\.id)))
                    }
                }
            }
        }
    }
}
