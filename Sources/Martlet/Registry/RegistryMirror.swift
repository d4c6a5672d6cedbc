// SPDX-License-Identifier: Apache-2.0

/// A copy of a registry's content, kept current by its changes.
///
/// It is a value without clock or I/O: changes go in, nodes come out. There is no time to live: what the registry
/// said last stays true until it says otherwise, so calls go on while the registry is away.
package struct RegistryMirror: Sendable {
    /// Records of one node each, keyed by service and node id as they stand in registry keys.
    private var nodes: [String: [String: ServiceRecord]] = [:]

    /// Whether a snapshot has arrived; before that, an unknown service means nothing.
    package private(set) var isComplete = false

    package init() {}

    /// Applies a change.
    ///
    /// - Returns: The services, by key part, whose nodes may differ now.
    package mutating func apply(_ change: RegistryChange) -> Set<String> {
        switch change {
        case .snapshot(let records):
            let old = self.nodes
            self.nodes = [:]
            for record in records { self.insert(record) }
            self.isComplete = true
            return Set(old.keys).union(self.nodes.keys).filter { old[$0] != self.nodes[$0] }
        case .put(let record):
            self.insert(record)
            return [RegistryKey.part(record.name)]
        case .remove(let service, let nodeID):
            let wasThere = self.nodes[service]?.removeValue(forKey: nodeID) != nil
            if self.nodes[service]?.isEmpty == true { self.nodes[service] = nil }
            return wasThere ? [service] : []
        }
    }

    /// The nodes of a service, each with its version, in the order of their ids.
    package func nodes(of service: String) -> [(node: NodeRecord, version: String)] {
        self.records(of: service).flatMap { record in record.nodes.map { ($0, record.version) } }
    }

    /// The nodes of a service, one record each, in the order of their ids.
    package func records(of service: String) -> [ServiceRecord] {
        guard let byID = self.nodes[RegistryKey.part(service)] else { return [] }
        return byID.sorted { $0.key < $1.key }.map(\.value)
    }

    /// One record per version of a service, sorted by version.
    package func services(named name: String) -> [ServiceRecord] {
        Self.grouped((self.nodes[RegistryKey.part(name)] ?? [:]).sorted { $0.key < $1.key }.map(\.value))
    }

    /// One record per name and version, sorted.
    package func services() -> [ServiceRecord] {
        Self.grouped(self.nodes.values.flatMap { $0.sorted { $0.key < $1.key }.map(\.value) })
    }

    /// Joins records of the same name and version: endpoints and metadata are the first one's, nodes are all of them.
    package static func grouped(_ records: [ServiceRecord]) -> [ServiceRecord] {
        struct Group: Hashable {
            var name: String
            var version: String
        }
        var positions: [Group: Int] = [:]
        var result: [ServiceRecord] = []
        for record in records {
            let group = Group(name: record.name, version: record.version)
            if let position = positions[group] {
                result[position].nodes.append(contentsOf: record.nodes)
            } else {
                positions[group] = result.count
                result.append(record)
            }
        }
        return result.sorted { ($0.name, $0.version) < ($1.name, $1.version) }
    }

    private mutating func insert(_ record: ServiceRecord) {
        let service = RegistryKey.part(record.name)
        for node in record.nodes {
            var single = record
            single.nodes = [node]
            // Nodes of one service mostly list the same endpoints: then all share one list.
            if let sibling = self.nodes[service]?.values.first, sibling.endpoints == record.endpoints {
                single.endpoints = sibling.endpoints
            }
            self.nodes[service, default: [:]][RegistryKey.part(node.id)] = single
        }
    }
}
