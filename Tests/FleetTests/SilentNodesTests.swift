// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletFleetBench
import MartletTestPrograms
import Synchronization
import Testing

/// Nodes that don't answer, though nothing says that they are gone.
@Suite(.serialized, .timeLimit(.minutes(30))) struct SilentNodesTests {
    /// The peer is gone without a FIN: nothing but the connection's own pings can tell. Found out by a call that has
    /// minutes left; afterwards the node is left alone.
    @Test func aHalfOpenConnectionIsFoundOut() async throws {
        try await withNodes(2) { nodes in
            let proxy = SwallowingProxy()
            let address = try await proxy.start(for: nodes[0].nodes[0].port)
            let registry = try await registry(of: [("silent", address), ("well", nodes[1].nodes[0].address)])
            try await withMicroClient(
                registry: registry,
                configure: {
                    $0.timeout = .seconds(600)
                    $0.breaker.firstPause = .seconds(600)
                    $0.breaker.maximumPause = .seconds(600)
                }
            ) { client in
                var called: Set<String> = []
                for _ in 0..<4 { called.insert(try await FleetService.call(client).node) }
                #expect(called == ["silent", "well"])
                proxy.swallow()
                // Whether the calls may be repeated makes the difference between an answer and an error that says so.
                let silent = { @Sendable (options: inout RequestOptions) in
                    options.selector = NodeSelector { nodes, _ in nodes.firstIndex { $0.id == "silent" } ?? 0 }
                }
                let repeated = Task {
                    try await FleetService.call(client) {
                        silent(&$0)
                        $0.isIdempotent = true
                    }
                }
                let failed = Task { try await FleetService.call(client, configure: silent) }
                let error = await #expect(throws: MicroError.self) { try await failed.value }
                #expect(error?.code == .unavailable)
                let answered = try await repeated.value
                #expect(answered.node == "well" && answered.attempts == 2)
                let swallowed = proxy.swallowed
                #expect(swallowed > 0)
                for _ in 0..<20 {
                    let call = try await FleetService.call(client)
                    #expect(call.node == "well" && call.attempts == 1)
                }
                #expect(proxy.swallowed == swallowed)
            }
            await proxy.end()
        }
    }

    /// A process that stands still takes the calls of its share for as long as one attempt may take, some times, and
    /// then none. When it goes on it is called again.
    @Test func aStoppedProcessCostsNoIdempotentCall() async throws {
        try await withNodes(3) { nodes in
            let registry = try await registry(of: nodes.map { ($0.id, $0.nodes[0].address) })
            try await withMicroClient(registry: registry, configure: { $0.timeout = patience }) { client in
                func call() async throws -> (node: String, attempts: Int) {
                    try await FleetService.call(client) {
                        $0.isIdempotent = true
                        $0.attemptTimeout = .seconds(3)
                    }
                }
                for _ in 0..<6 { _ = try await call() }
                nodes[0].freeze()
                var late = 0
                for _ in 0..<60 {
                    let answered = try await call()
                    #expect(answered.node != nodes[0].id)
                    late += answered.attempts - 1
                }
                // Five in a row open the breaker, and then a call a pause looks whether the node is back. Without the
                // breaker it would be one in three, each with its three seconds.
                #expect(late < 20)
                nodes[0].thaw()
                #expect(try await eventually { try await call().node == nodes[0].id })
            }
        }
    }

    private final class Counter: Sendable { let value = Atomic(0) }

    /// The callers of a node that doesn't answer are few: the others' turn never comes there.
    @Test(arguments: [true, false]) func outstandingCallsKeepAwayFromASlowNode(_ isLeast: Bool) async throws {
        let callers = 9
        try await withNodes(3) { nodes in
            let registry = try await registry(of: nodes.map { ($0.id, $0.nodes[0].address) })
            try await withMicroClient(
                registry: registry,
                configure: {
                    $0.timeout = .seconds(600)
                    $0.selector = isLeast ? .leastOutstanding : .powerOfTwoChoices
                    // Neither is what is looked at here.
                    $0.ejection = nil
                    $0.hedging = nil
                }
            ) { client in
                for _ in 0..<12 { try await FleetService.call(client) }
                nodes[0].freeze()
                let finished = Counter()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<callers {
                        group.addTask {
                            while !Task.isCancelled {
                                try await FleetService.call(client)
                                finished.value.add(1, ordering: .relaxed)
                            }
                        }
                    }
                    // In turn each of them would soon stand at the stopped node, after 27 calls or so.
                    let doGoOn = try await eventually { finished.value.load(ordering: .relaxed) > 1_000 }
                    #expect(doGoOn)
                    nodes[0].thaw()
                    group.cancelAll()
                    while let result = await group.nextResult() {
                        if case .failure(let error) = result { #expect(error is CancellationError) }
                    }
                }
            }
        }
    }
}
