// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletFleetBench
import MartletProcesses
import MartletTestPrograms
import Testing

/// Processes that end while they are called, with and without a word.
@Suite(.serialized, .timeLimit(.minutes(30))) struct KilledNodesTests {
    /// Ten nodes to a process, of which one is killed; `MARTLET_SOAK` makes each a process of its own and the pace
    /// 5,000 calls a second.
    @Test func killingAThirdOfThirtyNodesFailsNoCall() async throws {
        let (processes, perProcess) = isSoak ? (30, 1) : (3, 10)
        try await EtcdProcess.with(.martlet) { store in
            var options = NodeProcess.Options(store: store.endpoint, count: perProcess)
            options.timeToLive = 5
            options.interval = 1
            try await withNodes(processes, options) { nodes in
                try await withFleetClient(store) { client in
                    let load = PacedLoad(client, callsPerSecond: isSoak ? 5_000 : 500, isIdempotent: true)
                    let killed = nodes.prefix(processes / 3)
                    let dead = Set(killed.flatMap(\.nodes).map(\.id))
                    try await load.run {
                        // All of them are being called when a third vanishes.
                        let all = Set(nodes.flatMap(\.nodes).map(\.id))
                        let areAllCalled = try await eventually { Set(load.calls.map(\.node)).isSuperset(of: all) }
                        #expect(areAllCalled)
                        for process in killed { process.kill() }
                        for process in killed { await process.end() }
                        let seen = load.calls.count
                        let doCallsGoOn = try await eventually { load.calls.count > seen + 100 }
                        #expect(doCallsGoOn)
                        let rest = all.subtracting(dead)
                        let isForgotten = try await eventually { try await registered(store) == rest }
                        #expect(isForgotten)
                    }
                    #expect(dead.count == 10)
                    expectNoFailures(load, atLeast: 200)
                }
            }
        }
    }

    /// Three nodes are replaced one by one, as a deployment does it, by nothing but SIGTERM.
    @Test func endingNodesOneByOneFailsNoCall() async throws {
        try await EtcdProcess.with(.martlet) { store in
            let options = NodeProcess.Options(store: store.endpoint)
            try await withNodes(3, options) { old in
                try await withFleetClient(store) { client in
                    // None of the calls may be made twice.
                    let load = PacedLoad(client, callsPerSecond: isSoak ? 2_000 : 300, isIdempotent: false)
                    let long = Task {
                        // Some take longer than what a node waits for its clients to see that it leaves.
                        var count = 0
                        while !Task.isCancelled {
                            do {
                                try await FleetService.wait(client, milliseconds: 400)
                                count += 1
                            } catch is CancellationError {}
                        }
                        return count
                    }
                    defer { long.cancel() }
                    try await withNodes(3, options) { new in
                        try await load.run {
                            for (leaving, arrived) in zip(old, new) {
                                _ = try await load.first(limit: patience) { $0.node == arrived.id }
                                leaving.terminate()
                                let exit = await leaving.end()
                                #expect(exit == .code(0))
                            }
                        }
                        // The longest call began before the last node left.
                        long.cancel()
                        _ = await long.result
                    }
                    #expect(try await long.value > 0)
                    expectNoFailures(load, atLeast: 200)
                }
            }
        }
    }
}
