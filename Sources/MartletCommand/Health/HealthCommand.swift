// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Martlet
import MartletGRPCWire

/// `martlet health SERVICE`
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Ask every node of a service how it is.",
        discussion: """
            Asks by gRPC's health protocol, and where a node doesn't know that, by go-micro's Debug.Health.

              martlet health go.micro.server
              martlet health go.micro.server -o json
              martlet health --address 127.0.0.1:2379

            The exit code is 0 when every node serves, else 1.
            """)

    @Argument(
        help: "The service's name in the registry; with --address a gRPC service's full name, or nothing.",
        completion: .services)
    var service: String?

    @OptionGroup var connection: ConnectionOptions

    @OptionGroup var output: OutputOption

    mutating func validate() throws {
        if service == nil, connection.address == nil { throw ValidationError("name a service, or an --address") }
    }

    mutating func run() async throws {
        let access = try await ServiceAccess.find(service ?? "", connection)
        var nodes = access.nodes
        // A server at an address is asked for the gRPC service that was named; nodes are asked for themselves.
        let asked = connection.address == nil ? "" : service ?? ""
        if let address = connection.address { nodes = [NodeRecord(id: "", address: address)] }
        let reports = try await withThrowingTaskGroup(of: NodeHealth.self) { group in
            for node in nodes {
                group.addTask { await NodeHealth.ask(node, asked, access) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }.sorted { ($0.address, $0.id) < ($1.address, $1.id) }

        if output.isJSON {
            for report in reports { StandardStream.output.writeLine(report.json) }
        } else {
            var table = TextTable(
                [("ADDRESS", .left), ("STATUS", .left), ("TIME", .right), ("NODE", .left)])
            for report in reports { table.add([report.address, report.status, report.timeText, report.id]) }
            for line in table.lines { StandardStream.output.writeLine(line) }
        }
        if !reports.allSatisfy(\.isServing) { throw ExitCode.failure }
    }
}
