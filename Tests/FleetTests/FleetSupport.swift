// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Martlet
import MartletEtcd
import MartletFleetBench
import MartletTestPrograms
import Testing

/// The program whose processes are nodes.
let fleetProgram = BuiltBinary.path(of: "MartletFleetBench")

/// Whether tests may take minutes: the figures at full size.
let isSoak = ProcessInfo.processInfo.environment["MARTLET_SOAK"] != nil

/// Starts nodes that are processes of their own, runs `body` and kills those that still run.
func withNodes<Result>(
    _ count: Int, _ options: NodeProcess.Options = NodeProcess.Options(),
    _ body: ([NodeProcess]) async throws -> Result
) async throws -> Result {
    let nodes = try await NodeProcess.start(count, fleetProgram, options: options)
    defer { for node in nodes { node.kill() } }
    return try await body(nodes)
}

/// Runs `body` with a client that finds the service in a store.
func withFleetClient<Result>(
    _ store: EtcdProcess, configure: (inout MicroClient.Configuration) -> Void = { _ in },
    _ body: (MicroClient) async throws -> Result
) async throws -> Result {
    try await withMicroClient(
        registry: .etcd(store.endpoint),
        configure: {
            $0.logger.logLevel = .error
            // A busy machine may be slow; what is looked for is errors.
            $0.timeout = patience
            $0.connectTimeout = patience / 3
            $0.registryPatience = patience
            $0.mirrorPatience = patience
            configure(&$0)
        }, body)
}

/// A registry in this process that names some nodes.
func registry(of nodes: [(id: String, address: String)]) async throws -> InMemoryRegistry {
    let registry = InMemoryRegistry()
    for (id, address) in nodes {
        try await registry.register(
            ServiceRecord(
                name: FleetService.name, version: "1", nodes: [NodeRecord(id: id, address: address)]),
            options: RegistrationOptions())
    }
    return registry
}

/// The nodes that a store names.
func registered(_ store: EtcdProcess) async throws -> Set<String> {
    let services = try await EtcdRegistry(endpoints: [store.endpoint]).services(named: FleetService.name)
    return Set(services.flatMap(\.nodes).map(\.id))
}

/// Says what failed, if anything did, and that there were calls at all.
func expectNoFailures(
    _ load: PacedLoad, atLeast calls: Int, sourceLocation: SourceLocation = #_sourceLocation
) {
    let failures = load.failures
    // Numbers: of lists a failure would print every element.
    let (failed, made) = (failures.count, load.calls.count)
    #expect(failed == 0, "\(failed) of \(made), the first: \(failures.first ?? "")", sourceLocation: sourceLocation)
    #expect(made >= calls, sourceLocation: sourceLocation)
}
