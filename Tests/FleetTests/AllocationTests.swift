// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletAllocationCount
import MartletFleetBench
import MartletTestPrograms
import Testing

/// What a call allocates, counted in the processes that make and answer it.
@Suite(
    .serialized, .timeLimit(.minutes(30)), .enabled(if: AllocationLibrary.isSupported, "counts glibc's allocator only"))
struct AllocationTests {
    /// The most that one unary call may allocate: what was measured, and a twentieth for what differs between runs, as
    /// buffers that grow with the machine's load, timers, and the connections' own upkeep.
    ///
    /// A build without optimization allocates more: contexts and closures that otherwise live on the stack.
    private enum Limit {
        #if DEBUG
        /// Measured: 79.
        static let client = 83.0
        /// Measured: 100.
        static let server = 105.0
        #else
        /// Measured: 42.1.
        static let client = 45.0
        /// Measured: 22.7.
        static let server = 24.0
        #endif
    }

    /// Of a few calls, what begins with them and stays would weigh too much.
    private static let calls = 40_000

    @Test func aCallOverThreeNodesAllocatesLittle() async throws {
        let folder = try TemporaryFolder()
        let library = try await AllocationLibrary(in: folder.path)
        let counters = ["client", "a", "b", "c"].map { folder.file($0) }
        var nodes: [NodeProcess] = []
        defer { for node in nodes { node.kill() } }
        for counter in counters[1...] {
            var options = NodeProcess.Options()
            options.environment = library.environment(counter: counter)
            nodes.append(try await NodeProcess.start(fleetProgram, options: options))
        }
        let ports = nodes.map { "\($0.nodes[0].port)" }.joined(separator: ",")
        let environment = library.environment(counter: counters[0]).map { "\($0.key)=\($0.value)" }
        let text = try await output(
            of: "/usr/bin/env",
            environment + [
                fleetProgram, "client", "--ports", ports, "--calls", "\(Self.calls)", "--tasks", "20", "--counters",
                counters.joined(separator: ","),
            ])
        let words = text.split(separator: " ")
        let found = try (0..<4).map { number in
            let place = try #require(words.firstIndex(of: "allocations-\(number)"), "\(text)")
            return try #require(Double(words[place + 1]))
        }
        // Each node has answered a third of the calls.
        let (client, server) = (found[0], found[1...].reduce(0, +))
        print("allocations a call: client \(client), server \(server)")
        // A library that isn't loaded counts nothing.
        #expect(1...Limit.client ~= client)
        #expect(1...Limit.server ~= server)
        for node in found[1...] { #expect(node > server / 4) }
        withExtendedLifetime(folder) {}
    }
}
