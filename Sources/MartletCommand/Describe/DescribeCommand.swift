// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Martlet
import MartletGRPCWire
import MartletJSON
import MartletReflection

/// `martlet describe SERVICE [ENDPOINT]`
struct DescribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Show the endpoints of a service, and JSON to fill in for their requests.",
        discussion: """
            Told by the service's record in the registry, and by its server's reflection where it has that.

              martlet describe go.micro.server
              martlet describe go.micro.server Greeter.Hello -o json
              martlet describe helloworld.Greeter --address 127.0.0.1:50051
              martlet describe --address 127.0.0.1:50051
            """)

    @Argument(
        help: "The service's name in the registry, or a gRPC service's full name; may be left out with --address.",
        completion: .services)
    var service: String?

    @Argument(help: "Only this endpoint.", completion: .endpoints)
    var endpoint: String?

    @OptionGroup var connection: ConnectionOptions

    @OptionGroup var output: OutputOption

    mutating func validate() throws {
        if service == nil, connection.address == nil { throw ValidationError("name a service, or an --address") }
    }

    mutating func run() async throws {
        let access = try await ServiceAccess.find(service ?? "", connection)
        if connection.address == nil {
            for record in access.records { try await show(record, access) }
            return
        }
        guard let node = access.firstNode else { return }
        do {
            let described = try await access.withWire(node) { wire in
                try await Self.reflected(wire, access, only: service)
            }
            guard let described else {
                throw CommandFailure(
                    "the server at \(node.address) has no reflection; "
                        + "a service of the registry is described by its record")
            }
            for (name, endpoints) in described {
                try write(name, header: name, endpoints: endpoints, version: nil, nodes: [])
            }
        } catch let status as GRPCStatus {
            throw CommandFailure("\(node.address): \(CallErrorText.text(status))")
        }
    }

    /// How long a node may take to answer by reflection what its record leaves open.
    private static let reflectionLimit = Duration.seconds(1)

    private func show(_ record: ServiceRecord, _ access: ServiceAccess) async throws {
        var endpoints = (record.endpoints ?? []).map(EndpointDescription.init)
        if endpoints.contains(where: { $0.request == nil }), let node = record.nodes.first {
            // Only a help: a node without reflection is described by its record alone.
            let more = try? await access.withWire(node) { wire in
                try await Self.reflected(wire, access, only: nil, limit: Self.reflectionLimit)
            }
            for other in (more ?? nil)?.flatMap(\.1) ?? [] {
                for index in endpoints.indices where endpoints[index].request == nil {
                    endpoints[index].complete(with: other)
                }
            }
        }
        let nodes = record.nodes.count == 1 ? "1 node" : "\(record.nodes.count) nodes"
        let version = record.version.isEmpty ? "" : "  version \(record.version)"
        try write(
            record.name, header: "\(record.name)\(version)  \(nodes)", endpoints: endpoints, version: record.version,
            nodes: record.nodes.map(\.address))
    }

    /// What a server's reflection says, service by service; its own bookkeeping is left out unless it is asked for.
    private static func reflected(
        _ wire: WireClient, _ access: ServiceAccess, only service: String?, limit: Duration? = nil
    ) async throws -> [(String, [EndpointDescription])]? {
        var options = access.wireOptions()
        if let limit { options.timeout = limit }
        let reflection = ReflectionClient(wire, options: options)
        guard var names = try await reflection.services() else { return nil }
        if let service {
            let known = names
            names = known.filter { $0 == service || $0.hasSuffix(".\(service)") }
            if names.isEmpty {
                throw CommandFailure(
                    UnknownName.sentence("service \"\(service)\" is not at this address", service, known))
            }
        } else {
            names.removeAll { $0.hasPrefix("grpc.reflection.") }
        }
        var pool = DescriptorPool()
        var result: [(String, [EndpointDescription])] = []
        for name in names {
            guard try await reflection.describe(name, into: &pool), let shape = pool.service(name) else { continue }
            result.append((name, shape.methods.map { EndpointDescription($0, of: name, in: pool) }))
        }
        return result
    }

    private func write(
        _ name: String, header: String, endpoints: [EndpointDescription], version: String?, nodes: [String]
    ) throws {
        var shown = endpoints
        if let endpoint {
            let wanted = endpoint.replacing("/", with: ".").drop { $0 == "." }
            shown = endpoints.filter { $0.name == wanted || $0.name.hasSuffix(".\(wanted)") }
            if shown.isEmpty {
                throw CommandFailure(
                    UnknownName.sentence("\(name) has no endpoint \"\(endpoint)\"", endpoint, endpoints.map(\.name)))
            }
        }
        if output.isJSON {
            var members: [(name: String, value: JSONValue)] = [("service", .string(name))]
            if let version { members.append(("version", .string(version))) }
            if !nodes.isEmpty { members.append(("nodes", .array(nodes.map(JSONValue.string)))) }
            members.append(("endpoints", .array(shown.map(\.json))))
            StandardStream.output.writeLine(JSONValue.object(members).plainText)
            return
        }
        let style = TerminalStyle(
            isTerminal: StandardStream.output.isTerminal, environment: ProcessInfo.processInfo.environment)
        StandardStream.output.writeLine(style.bold(PeerText.line(header)))
        for line in shown.flatMap(\.lines) { StandardStream.output.writeLine(PeerText.json(line)) }
    }
}
