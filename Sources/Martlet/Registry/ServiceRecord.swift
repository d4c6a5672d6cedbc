// SPDX-License-Identifier: Apache-2.0

/// What a registry knows of one version of a service: its endpoints and the nodes that serve it.
///
/// The shape is go-micro's `registry.Service`. Where Go writes `null` for an absent list or map, a property here is
/// `nil`; both sides read `null`, `{}` and `[]` alike.
public struct ServiceRecord: Sendable, Hashable {
    /// The name that callers use, `go.micro.server` for example.
    public var name: String
    /// The version; nodes of one name may run several.
    public var version: String
    public var metadata: [String: String]?
    public var endpoints: [EndpointRecord]?
    public var nodes: [NodeRecord]

    public init(
        name: String, version: String, metadata: [String: String]? = nil, endpoints: [EndpointRecord]? = nil,
        nodes: [NodeRecord] = []
    ) {
        self.name = name
        self.version = version
        self.metadata = metadata
        self.endpoints = endpoints
        self.nodes = nodes
    }
}

/// One process that serves a service.
public struct NodeRecord: Sendable, Hashable {
    /// Unique among the nodes of the service: `<service>-<UUID>`.
    public var id: String
    /// Where it listens, `host:port`; an IPv6 host stands in brackets.
    public var address: String
    public var metadata: [String: String]?

    public init(id: String, address: String, metadata: [String: String]? = nil) {
        self.id = id
        self.address = address
        self.metadata = metadata
    }
}

extension NodeRecord {
    /// Under this key a node's metadata says `true` where it takes encrypted connections only. Source: go-micro,
    /// broker/http.
    static let secureKey = "secure"

    package var isSecure: Bool { self.metadata?[Self.secureKey] == "true" }
}

/// One endpoint of a service and the shape of its messages.
public struct EndpointRecord: Sendable, Hashable {
    /// `Handler.Method`.
    public var name: String
    public var request: ValueRecord?
    public var response: ValueRecord?
    /// `stream: true` marks a streaming endpoint.
    public var metadata: [String: String]?

    public init(
        name: String, request: ValueRecord? = nil, response: ValueRecord? = nil, metadata: [String: String]? = [:]
    ) {
        self.name = name
        self.request = request
        self.response = response
        self.metadata = metadata
    }
}

/// The name and type of a value, and of the values inside it.
public struct ValueRecord: Sendable, Hashable {
    /// The field's name; of a whole message, the type's.
    public var name: String
    /// The type in Go's words: `string`, `int64`, `[]string`, a message's name, empty for a map.
    public var type: String
    public var values: [ValueRecord]?

    public init(name: String, type: String, values: [ValueRecord]? = nil) {
        self.name = name
        self.type = type
        self.values = values
    }
}
