// SPDX-License-Identifier: Apache-2.0

/// How one call is made.
public struct RequestOptions: Sendable {
    /// How long the call may take in all, further attempts included; `nil` takes the client's default.
    ///
    /// A stream has no time limit unless one is set here.
    public var timeout: Duration?

    /// How long one attempt of an idempotent call may take before another node is asked; `nil` for as long as the call.
    ///
    /// See ``hedging`` for asking another node without giving the first one up.
    public var attemptTimeout: Duration?

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

    /// What ``NodeSelector/consistentHash`` finds the node by: a user's or a session's name, for example.
    public var key: String?

    /// Which nodes the call may go to; `nil` takes the client's filters.
    public var filters: [NodeFilter]?

    /// Leaves only nodes that this function wants; it gets a node and the service's version there.
    ///
    /// It is asked about every node of the service, each time; ``filters`` cost nothing a call.
    public var filter: (@Sendable (_ node: NodeRecord, _ version: String) -> Bool)?

    /// How many attempts a call may have in all; `nil` takes the client's number.
    public var maximumAttempts: Int?

    /// Asks another node too when an answer is late; `nil` takes the client's policy. Only for idempotent calls, and
    /// not for streams.
    public var hedging: CallHedgingPolicy?

    public init() {}
}
