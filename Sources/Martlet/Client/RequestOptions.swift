// SPDX-License-Identifier: Apache-2.0

/// How one call is made.
public struct RequestOptions: Sendable {
    /// How long the call may take in all, further attempts included; `nil` takes the client's default.
    ///
    /// A stream has no time limit unless one is set here.
    public var timeout: Duration?

    /// Whether running the call twice does no harm. Only then is it repeated after a connection broke.
    ///
    /// A call that provably didn't run is repeated on another node in any case.
    public var isIdempotent = false

    /// Metadata that goes with the call.
    public var metadata = CallMetadata()

    /// How messages are written; `nil` takes protobuf for protobuf messages, JSON for other types.
    public var codec: MessageCodec?

    /// Calls this `host:port` instead of asking the registry.
    public var address: String?

    /// Which node takes the call; `nil` takes the client's selector.
    public var selector: NodeSelector?

    /// Leaves only nodes that this function wants; it gets a node and the service's version there.
    public var filter: (@Sendable (_ node: NodeRecord, _ version: String) -> Bool)?

    /// How many nodes a call may be tried on. The default keeps a call from wandering through a whole sick cluster.
    public var maximumAttempts = 8

    public init() {}
}
