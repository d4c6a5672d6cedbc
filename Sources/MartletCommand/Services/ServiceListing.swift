// SPDX-License-Identifier: Apache-2.0

package import Martlet

/// How `martlet services` shows what is registered.
package enum ServiceListing {
    /// A table with one row a node; name, version and endpoints stand in a service's first row only.
    package static func table(_ services: [ServiceRecord]) -> [String] {
        guard !services.isEmpty else { return ["no services are registered"] }
        var table = TextTable(["SERVICE", "VERSION", "NODE", "ADDRESS", "ENDPOINTS"].map { ($0, .left) })
        for service in services {
            let endpoints = endpointNames(service).joined(separator: ", ")
            for (position, node) in service.nodes.enumerated() {
                let isFirst = position == 0
                table.add([
                    isFirst ? service.name : "", isFirst ? service.version : "", node.id, node.address,
                    isFirst ? endpoints : "",
                ])
            }
        }
        return table.lines
    }

    /// One JSON object a service and version, each on a line.
    package static func json(_ services: [ServiceRecord]) -> [String] {
        services.map { String(decoding: $0.jsonBytes, as: UTF8.self) }
    }

    /// One line about a change: `+` for a node that came or changed, `-` for one that went.
    package static func line(_ change: RegistryChange) -> [String] {
        switch change {
        case .snapshot(let records): records.flatMap { line(.put($0)) }
        case .put(let record):
            record.nodes.map { PeerText.line("+ \(record.name) \(record.version)  \($0.id)  \($0.address)") }
        case .remove(let service, let nodeID): [PeerText.line("- \(service)  \(nodeID)")]
        }
    }

    /// The same as JSON: `{"event":"put","service":{…}}` or `{"event":"remove","service":"…","node":"…"}`.
    package static func jsonLine(_ change: RegistryChange) -> [String] {
        switch change {
        case .snapshot(let records): records.flatMap { jsonLine(.put($0)) }
        case .put(let record):
            ["{\"event\":\"put\",\"service\":\(String(decoding: record.jsonBytes, as: UTF8.self))}"]
        case .remove(let service, let nodeID):
            [JSONLine.object([("event", "remove"), ("service", service), ("node", nodeID)])]
        }
    }

    private static func endpointNames(_ service: ServiceRecord) -> [String] {
        (service.endpoints ?? []).map { $0.metadata?["stream"] == "true" ? $0.name + " (stream)" : $0.name }
    }
}
