// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletFleetBench
import MartletTestPrograms
import Testing

/// Nodes that are processes of their own come and go, and callers follow them through the store.
@Suite(.serialized, .timeLimit(.minutes(30))) struct DiscoveryTests {
    @Test func aNodeThatRegistersGetsItsShare() async throws {
        try await EtcdProcess.with(.martlet) { store in
            let options = NodeProcess.Options(store: store.endpoint)
            try await withNodes(2, options) { nodes in
                try await withFleetClient(store) { client in
                    for _ in 0..<4 { try await FleetService.call(client) }
                    try await withNodes(1, options) { new in
                        #expect(try await eventually { try await FleetService.call(client).node == new[0].id })
                        var counts: [String: Int] = [:]
                        for _ in 0..<60 { counts[try await FleetService.call(client).node, default: 0] += 1 }
                        #expect(counts == [nodes[0].id: 20, nodes[1].id: 20, new[0].id: 20])
                    }
                }
            }
        }
    }

    /// No call fails and next to none notices; and once the lease has run out, nobody hears of the node any more.
    @Test func aKilledNodeIsTriedOnceAndForgottenWithItsLease() async throws {
        try await EtcdProcess.with(.martlet) { store in
            var options = NodeProcess.Options(store: store.endpoint)
            // Longer than a busy machine keeps a node from renewing it.
            options.timeToLive = 15
            options.interval = 0.5
            try await withNodes(3, options) { nodes in
                // A node is tried again after a pause: here only when this test is long over.
                try await withFleetClient(store, configure: { $0.breaker.firstPause = .seconds(600) }) { client in
                    var called: Set<String> = []
                    for _ in 0..<6 { called.insert(try await FleetService.call(client).node) }
                    #expect(called == Set(nodes.map(\.id)))
                    nodes[0].kill()
                    await nodes[0].end()
                    var attempts = 0
                    for _ in 0..<30 {
                        let call = try await FleetService.call(client) { $0.isIdempotent = true }
                        #expect(call.node != nodes[0].id)
                        attempts += call.attempts
                    }
                    // One finds out, whether it was under way as the connection broke, or about to go out on it.
                    #expect(30...31 ~= attempts)
                }
                #expect(try await eventually { try await registered(store) == Set(nodes[1...].map(\.id)) })
                try await withFleetClient(store) { client in
                    for _ in 0..<12 {
                        let call = try await FleetService.call(client)
                        #expect(call.attempts == 1)
                    }
                }
            }
        }
    }

    /// A handler with a programming error ends its process and its own call. The others' calls go on elsewhere.
    @Test func aTrapEndsOneNodeAndNoOtherCall() async throws {
        try await EtcdProcess.with(.martlet) { store in
            var options = NodeProcess.Options(store: store.endpoint)
            // Its report of the crash would take seconds.
            options.environment = ["SWIFT_BACKTRACE": "enable=no"]
            try await withNodes(3, options) { nodes in
                try await withFleetClient(store) { client in
                    let load = PacedLoad(client, callsPerSecond: 200, isIdempotent: true)
                    try await load.run {
                        let error = await #expect(throws: MicroError.self) { try await FleetService.trap(client) }
                        #expect(error?.code == .unavailable)
                        #expect(try await eventually { nodes.count { !$0.isRunning } == 1 })
                        try await Task.sleep(for: .milliseconds(500))
                        #expect(try await eventually { load.calls.count >= 50 })
                    }
                    expectNoFailures(load, atLeast: 50)
                    #expect(nodes.count { !$0.isRunning } == 1)
                }
            }
        }
    }
}
