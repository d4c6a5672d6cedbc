// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Logging
import Martlet

/// Calls of nodes that are given by their ports, through the mirror of a registry, the selector, the breakers, two
/// interceptors and the codec; prints their rate, and the processor time of each in this process.
struct ClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client", abstract: "Calls as fast as they are answered.")

    @Option(help: "The nodes' ports, with commas between them.")
    var ports: String

    @Option(help: "Tasks that call at the same time.")
    var tasks = 100

    @Option(help: "Calls in all, after a tenth as many to warm up.")
    var calls = 20_000

    @Option(help: "Files of allocation counters, with commas between them: what each counts a call is printed too.")
    var counters: String?

    mutating func run() async throws {
        let registry = InMemoryRegistry()
        for (number, port) in self.ports.split(separator: ",").enumerated() {
            let node = NodeRecord(id: "node-\(number)", address: "127.0.0.1:\(port)")
            try await registry.register(
                ServiceRecord(name: FleetService.name, version: "1", nodes: [node]), options: RegistrationOptions())
        }
        let perTask = max(1, self.calls / self.tasks)
        let made = Double(perTask * self.tasks)
        var figures = Figures()
        try await withMicroClient(
            registry: registry,
            configure: {
                $0.logger.logLevel = .error
                $0.timeout = .seconds(10)
                // Two that do nothing, as the server's benchmark has them.
                $0.intercept { context, next in try await next(context) }
                $0.intercept { context, next in try await next(context) }
            }
        ) { client in
            try await self.makeCalls(client, perTask: max(1, perTask / 10))
            let paths = self.counters?.split(separator: ",").map(String.init) ?? []
            let before = try paths.map(Self.counter)
            let (start, startTime) = (ContinuousClock.now, Self.processorSeconds)
            try await self.makeCalls(client, perTask: perTask)
            let elapsed = start.duration(to: .now) / .seconds(1)
            let spent = Self.processorSeconds - startTime
            for (number, path) in paths.enumerated() {
                figures.add("allocations-\(number)", Double(try Self.counter(path) - before[number]) / made)
            }
            figures.add("calls/s", Int(made / elapsed))
            figures.add("cpu-us/call", spent / made * 1e6)
        }
        figures.print()
    }

    private func makeCalls(_ client: MicroClient, perTask: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<self.tasks {
                group.addTask { for _ in 0..<perTask { try await FleetService.call(client) } }
            }
            try await group.waitForAll()
        }
    }

    /// What a process that was started with the counting library has allocated so far.
    private static func counter(_ path: String) throws -> UInt64 {
        let data = try Data(contentsOf: URL(filePath: path))
        guard data.count >= 8 else { throw Failure("\(path) is no counter") }
        return data.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// User and system time of all threads of this process.
    private static var processorSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
