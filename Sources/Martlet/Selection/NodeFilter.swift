// SPDX-License-Identifier: Apache-2.0

/// Which nodes a call may go to.
///
/// Several are joined by *and*. What a filter leaves is worked out once each time the registry changes, not once a
/// call.
///
///     $0.filters = [.version("2"), .zone("eu-1").preferred]
public struct NodeFilter: Sendable, Hashable {
    private enum Rule: Sendable, Hashable {
        case label(String, String)
        case version(String)
        case endpoint
    }

    private let rule: Rule

    /// Whether other nodes are called when none of these can be.
    public private(set) var isPreference = false

    private init(_ rule: Rule) { self.rule = rule }

    /// Nodes whose metadata has this value under this key.
    public static func label(_ key: String, _ value: String) -> NodeFilter { NodeFilter(.label(key, value)) }

    /// Nodes that run this version of the service.
    public static func version(_ version: String) -> NodeFilter { NodeFilter(.version(version)) }

    /// Nodes that registered the endpoint which is called. One that registered no endpoints at all is taken to have it.
    public static var endpoint: NodeFilter { NodeFilter(.endpoint) }

    /// Nodes whose metadata names this zone, under `zone`.
    public static func zone(_ zone: String) -> NodeFilter { .label("zone", zone) }

    /// The same filter as a wish: while none of the nodes that pass can be called, the others are.
    public var preferred: NodeFilter {
        var filter = self
        filter.isPreference = true
        return filter
    }

    /// Whether what the filter leaves depends on the endpoint.
    var dependsOnEndpoint: Bool { self.rule == .endpoint }

    func admits(_ channel: NodeChannel, endpoint: String) -> Bool {
        switch self.rule {
        case .label(let key, let value): channel.node.metadata?[key] == value
        case .version(let version): channel.version == version
        case .endpoint: channel.endpoints?.contains { $0.name == endpoint } ?? true
        }
    }
}
