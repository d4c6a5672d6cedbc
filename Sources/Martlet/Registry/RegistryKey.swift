// SPDX-License-Identifier: Apache-2.0

/// The keys under which go-micro's etcd registry stores nodes: `/micro/registry/<service>/<node id>`.
package enum RegistryKey {
    package static let prefix = "/micro/registry/"

    /// The key of one node; a slash inside the service's name or the node's id is written as a dash.
    package static func node(service: String, id: String) -> String {
        self.prefix + self.part(service) + "/" + self.part(id)
    }

    /// The prefix of all nodes of a service.
    package static func service(_ name: String) -> String { self.prefix + self.part(name) + "/" }

    /// The two parts of a node's key, or `nil` for a key of another shape.
    package static func parts(of key: String) -> (service: String, id: String)? {
        guard key.hasPrefix(self.prefix) else { return nil }
        let rest = key.dropFirst(self.prefix.count)
        guard let slash = rest.firstIndex(of: "/") else { return nil }
        let id = rest[rest.index(after: slash)...]
        guard slash != rest.startIndex, !id.isEmpty, !id.contains("/") else { return nil }
        return (String(rest[..<slash]), String(id))
    }

    /// A name as it stands in a key.
    package static func part(_ name: String) -> String {
        name.utf8.contains(UInt8(ascii: "/")) ? String(name.map { $0 == "/" ? "-" : $0 }) : name
    }
}
