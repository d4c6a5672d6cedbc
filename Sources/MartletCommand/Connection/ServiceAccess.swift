// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletEtcd
import MartletGRPCWire
import MartletReflection

/// What is known of a service that a command was pointed at, and how to speak with it.
///
/// Services of Martlet and go-micro take JSON, and their registry records describe them. Any other gRPC service is
/// described by its own reflection; its JSON is turned into protobuf here.
struct ServiceAccess {
    let service: String
    let options: ConnectionOptions
    /// Every version of the service in the registry; empty for one that was pointed at by its address.
    let records: [ServiceRecord]
    let registry: EtcdRegistry

    /// - Throws: ``CommandFailure`` when the registry can't be read or doesn't know the service.
    static func find(_ service: String, _ options: ConnectionOptions) async throws -> ServiceAccess {
        let registry = options.registry.make()
        guard options.address == nil else {
            return ServiceAccess(service: service, options: options, records: [], registry: registry)
        }
        let records: [ServiceRecord]
        do {
            records = try await registry.services(named: service).filter { !$0.nodes.isEmpty }
        } catch {
            throw CommandFailure(
                "the registry \(options.registry.shown) can't be read: \(error). Is `martlet server` or etcd running?")
        }
        if records.isEmpty {
            let known = (try? await registry.services().map(\.name)) ?? []
            throw CommandFailure(
                UnknownName.sentence(
                    "service \"\(service)\" is not in the registry \(options.registry.shown)", service, known))
        }
        return ServiceAccess(service: service, options: options, records: records, registry: registry)
    }

    var nodes: [NodeRecord] { records.flatMap(\.nodes) }

    /// Where reflection is asked: the address that was given, else the first node.
    var firstAddress: String? { options.address ?? nodes.first?.address }

    /// A client that chooses nodes as services do.
    func client() -> MicroClient { MicroClient(registry: registry) { $0.logger = RegistryOption.logger } }

    /// Runs `body` with a connection to one address.
    static func withWire<Result>(
        _ address: String, _ body: (WireClient) async throws -> Result
    ) async throws -> Result {
        guard let target = WireAddress(address) else {
            throw CommandFailure("\(address) is no address such as 127.0.0.1:9090 or unix:path")
        }
        let wire = try WireClient(target, logger: RegistryOption.logger)
        do {
            let result = try await body(wire)
            await wire.close()
            return result
        } catch {
            await wire.close()
            throw error
        }
    }

    /// The metadata and time limit as a wire's options.
    func wireOptions(isStream: Bool = false) -> WireCallOptions {
        var result = WireCallOptions()
        result.metadata = options.pairs.headers
        if !isStream { result.timeout = options.limit }
        return result
    }
}

/// Says which names there are beside one that isn't known.
package enum UnknownName {
    /// More names than these are only counted.
    private static let shownNames = 12

    package static func sentence(_ start: String, _ name: String, _ known: [String]) -> String {
        let names = Set(known).sorted()
        guard !names.isEmpty else { return "\(start), which is empty" }
        let near = names.filter { $0.lowercased().contains(name.lowercased()) || distance($0, name) <= 2 }
        if !near.isEmpty { return "\(start); did you mean \(near.prefix(3).joined(separator: " or "))?" }
        let more = names.count > shownNames ? " and \(names.count - shownNames) more" : ""
        return "\(start); there are: \(names.prefix(shownNames).joined(separator: ", "))\(more)"
    }

    /// How many letters must change to make one name the other. Time O(letters of one, times those of the other).
    private static func distance(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left), Array(right))
        var row = Array(0...right.count)
        for (i, character) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (character == other ? 0 : 1))
                diagonal = above
            }
        }
        return row[right.count]
    }
}
