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
    private let tls: MicroTLS?
    private let start: ContinuousClock.Instant

    /// - Throws: ``CommandFailure`` when the registry can't be read or doesn't know the service.
    static func find(_ service: String, _ options: ConnectionOptions) async throws -> ServiceAccess {
        let start = ContinuousClock.now
        let tls = try options.nodes.certificates
        let registry = try options.registry.make(asksForPassword: options.address == nil)
        guard options.address == nil else {
            return ServiceAccess(
                service: service, options: options, records: [], registry: registry, tls: tls, start: start)
        }
        let records = try await options.registry.ask(registry) { try await $0.services(named: service) }
            .filter { !$0.nodes.isEmpty }
        if records.isEmpty {
            let rest = options.registry.limit - start.duration(to: .now)
            throw await options.registry.unknown(service, registry, within: rest)
        }
        return ServiceAccess(
            service: service, options: options, records: records, registry: registry, tls: tls, start: start)
    }

    var nodes: [NodeRecord] { records.flatMap(\.nodes) }

    /// Which one reflection is asked of: the address that was given, else the first.
    var firstNode: NodeRecord? { options.address.map { NodeRecord(id: "", address: $0) } ?? nodes.first }

    /// A client that chooses nodes as services do.
    func client() -> MicroClient {
        MicroClient(registry: registry) {
            $0.logger = RegistryOption.logger
            $0.tls = tls
        }
    }

    /// Runs `body` with a connection to one node.
    func withWire<Result>(_ node: NodeRecord, _ body: (WireClient) async throws -> Result) async throws -> Result {
        guard let target = WireAddress(node.address) else {
            throw CommandFailure("\(node.address) is no address such as 127.0.0.1:9090 or unix:path")
        }
        var configuration = WireClientConfiguration()
        configuration.tls = tls?.client ?? (node.isSecure ? MicroTLS().client : nil)
        let wire: WireClient
        do {
            wire = try WireClient(target, configuration: configuration, logger: RegistryOption.logger)
        } catch {
            throw CommandFailure("the certificates can't be used: \(error)")
        }
        do {
            let result = try await body(wire)
            await wire.close()
            return result
        } catch {
            await wire.close()
            throw error
        }
    }

    /// What is left of the time that the command may take; a moment at least, so that there is an error to tell.
    private var rest: Duration { max(options.registry.limit - start.duration(to: .now), .milliseconds(1)) }

    /// The metadata and time limit as a wire's options.
    func wireOptions(isStream: Bool = false) -> WireCallOptions {
        var result = WireCallOptions()
        result.metadata = options.pairs.headers
        if !isStream { result.timeout = rest }
        return result
    }

    /// The options of one call. Streams have no time limit: they last as long as there are messages.
    func callOptions(isStream: Bool = false) -> RequestOptions {
        var result = RequestOptions()
        result.address = options.address
        result.timeout = isStream ? nil : rest
        result.metadata = options.pairs
        return result
    }
}

extension RegistryOption {
    /// Says that a service isn't there, and which ones are.
    func unknown(_ service: String, _ registry: EtcdRegistry, within limit: Duration) async -> CommandFailure {
        // Only a help: without it the sentence is shorter.
        let known = limit > .zero ? try? await ask(registry, within: limit) { try await $0.services() } : nil
        return CommandFailure(
            UnknownName.sentence("service \"\(service)\" is not in the registry \(shown)", service, known?.map(\.name)))
    }
}

/// Says which names there are beside one that isn't known.
package enum UnknownName {
    /// More names than these are only counted.
    private static let shownNames = 12

    /// - Parameter known: `nil` where nobody knows.
    package static func sentence(_ start: String, _ name: String, _ known: [String]?) -> String {
        guard let known else { return start }
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
