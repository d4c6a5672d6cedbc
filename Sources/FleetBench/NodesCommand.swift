// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Logging
import Martlet

/// What many registered nodes cost a client: the memory of its copy of the registry, the time that a change takes, and
/// the time that each selector takes to choose.
struct NodesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "nodes", abstract: "Many nodes in a client's cache.")

    @Option(help: "How many nodes.")
    var nodes = 10_000

    @Option(help: "Choices of each selector.")
    var choices = 200_000

    private static let changes = 200
    private static let keys = (0..<1_024).map { "user-\($0)" }

    mutating func run() async throws {
        var figures = Figures()
        figures.add("nodes", self.nodes)
        try await self.measureCache(&figures)
        try self.measureSelectors(&figures)
        figures.print()
    }

    /// A registry whose every snapshot and change is read from JSON, as one from a store is, and kept by nobody else.
    private final class GeneratedRegistry: ServiceRegistry {
        private let address: String
        private let count: Int
        private let changes: AsyncStream<RegistryChange>
        let change: AsyncStream<RegistryChange>.Continuation

        init(_ address: String, count: Int) {
            self.address = address
            self.count = count
            (self.changes, self.change) = AsyncStream.makeStream(of: RegistryChange.self)
        }

        var name: String { "generated" }

        func record(_ number: Int, tag: String = "") -> ServiceRecord? {
            let json = """
                {"name":"\(FleetService.name)","version":"1","metadata":null,"endpoints":[{"name":"Fleet.Hello",\
                "request":{"name":"StringValue","type":"StringValue","values":[{"name":"value","type":"string",\
                "values":null}]},"response":{"name":"StringValue","type":"StringValue","values":[{"name":"value",\
                "type":"string","values":null}]},"metadata":{}}],"nodes":[{"id":"\(FleetService.name)-\
                0a1b2c3d-0000-4000-8000-\(String(1_000_000_000_000 + number).suffix(12))","address":"\(self.address)",\
                "metadata":{"protocol":"grpc","registry":"etcd","server":"grpc","transport":"grpc","tag":"\(tag)"}}]}
                """
            return ServiceRecord(jsonBytes: [UInt8](json.utf8))
        }

        func register(_ record: ServiceRecord, options: RegistrationOptions) async throws {}
        func deregister(_ record: ServiceRecord) async throws {}
        func services(named name: String) async throws -> [ServiceRecord] { [] }
        func services() async throws -> [ServiceRecord] { [] }

        func watch(_ deliver: @Sendable @escaping (RegistryChange) -> Void) async throws {
            deliver(.snapshot((0..<self.count).compactMap { self.record($0) }))
            for await change in self.changes { deliver(change) }
        }
    }

    private func measureCache(_ figures: inout Figures) async throws {
        // All nodes are this one process: what the others would cost is not measured here.
        let process = try await NodeProcess.start()
        defer { process.kill() }
        let registry = GeneratedRegistry(process.nodes[0].address, count: self.nodes)
        let small = GeneratedRegistry(process.nodes[0].address, count: 1)
        // The first call of a process makes much that stays, whatever the number of nodes.
        try await withMicroClient(registry: small) { try await FleetService.call($0) }
        let before = try Self.residentBytes()
        let client = MicroClient(registry: registry) {
            $0.selector = .leastOutstanding
            $0.timeout = .seconds(60)
        }
        let start = ContinuousClock.now
        try await FleetService.call(client)
        figures.add("first-call-ms", start.duration(to: .now) / .milliseconds(1))
        let after = try Self.residentBytes()
        figures.add("cache-bytes-per-node", Double(max(0, after - before)) / Double(self.nodes))
        figures.add("cache-mib", Double(max(0, after - before)) / 1_048_576)

        let changed = ContinuousClock.now
        for number in 0..<Self.changes {
            guard let record = registry.record(number * self.nodes / Self.changes, tag: "changed") else { continue }
            registry.change.yield(.put(record))
        }
        // Behind all the changes: a node that only now can be called, and by its version only.
        guard var last = registry.record(self.nodes) else { throw Failure("no record") }
        last.version = "last"
        registry.change.yield(.put(last))
        while (try? await FleetService.call(client) { $0.filter = { $1 == "last" } }) == nil {
            try await Task.sleep(for: .milliseconds(1))
        }
        figures.add("change-us", changed.duration(to: .now) / .microseconds(1) / Double(Self.changes))
        registry.change.finish()
        await client.close()
    }

    private func measureSelectors(_ figures: inout Figures) throws {
        let settings = NodeChannel.Settings(logger: Logger(label: "fleet"))
        let channels = try (0..<self.nodes).map { number in
            try NodeChannel(
                NodeRecord(id: "node-\(number)", address: "127.0.0.1:1", metadata: ["weight": "\(1 + number % 5)"]),
                version: "1", endpoints: nil, settings)
        }
        let set = NodeSet(channels, CallCounters(offset: 0, nowNanoseconds: 0, lookInterval: 1_000_000_000))
        let selectors: [(String, NodeSelector)] = [
            ("round-robin", .roundRobin), ("random", .random(seed: 1)), ("weighted", .weighted),
            ("least-outstanding", .leastOutstanding), ("two-choices", .powerOfTwoChoices),
            ("consistent-hash", .consistentHash),
        ]
        for (name, selector) in selectors {
            func choose(_ count: Int) throws {
                for number in 0..<count {
                    let key = Self.keys[number % Self.keys.count]
                    guard set.choose(ChoiceRequest(selector, key: key, nowNanoseconds: 1)) != nil else {
                        throw Failure("no node")
                    }
                }
            }
            // The first choice prepares.
            let prepared = ContinuousClock.now
            try choose(1)
            figures.add("\(name)-prepare-us", prepared.duration(to: .now) / .microseconds(1))
            try choose(self.choices / 10)
            let start = ContinuousClock.now
            try choose(self.choices)
            figures.add("\(name)-ns", start.duration(to: .now) / .nanoseconds(1) / Double(self.choices))
        }
    }

    private static func residentBytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        guard let kilobytes = line?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw Failure("the system does not say what memory is resident")
        }
        return kilobytes * 1024
    }
}
