// SPDX-License-Identifier: Apache-2.0

/// Which connections a client keeps to each node.
///
/// Calls share connections: a second one to the same node is made only when the first is at the server's limit of
/// calls at once. Three hundred calls at once need one connection where the server allows as many. A connection that
/// breaks, or whose peer answers no ping, is dropped at once and takes no further call.
public struct PoolPolicy: Sendable, Hashable {
    /// The most connections to one node; beyond, calls wait for a place on one of them.
    public var maximumConnections = 8

    /// A connection that is older takes no more calls; `nil` for no limit.
    ///
    /// Its replacement is made first, and calls under way on it end as they will, so that no call notices. An age limit
    /// spreads load again where one address stands for several servers.
    public var maximumAge: Duration?

    /// A connection without calls for this long is closed; `nil` keeps it.
    public var idleTimeout: Duration? = .seconds(30 * 60)

    public init(
        maximumConnections: Int = 8, maximumAge: Duration? = nil, idleTimeout: Duration? = .seconds(30 * 60)
    ) {
        self.maximumConnections = maximumConnections
        self.maximumAge = maximumAge
        self.idleTimeout = idleTimeout
    }
}
