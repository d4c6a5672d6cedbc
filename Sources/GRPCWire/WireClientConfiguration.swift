// SPDX-License-Identifier: Apache-2.0

package import MartletHTTP2Session
package import NIOCore

/// How a ``WireClient`` behaves.
package struct WireClientConfiguration: Sendable {
    /// The largest message a server may send, decompressed.
    package var maximumMessageBytes = 4 << 20
    /// The largest message a call may send.
    package var maximumSentMessageBytes = Int(Int32.max)
    /// Connecting includes TLS and the server's SETTINGS.
    package var connectTimeout = TimeAmount.seconds(5)
    package var backoff = ReconnectBackoff()
    /// Connections to one target; a second one is made only when the first has reached the server's stream limit.
    package var maximumConnections = 8
    /// A connection without calls for this long is closed; the next call makes a new one. Source: gRPC, client
    /// idleness.
    package var idleTimeout: TimeAmount? = .minutes(30)
    /// A connection that is older, give or take a tenth, takes no more calls: another one takes its place first, and
    /// its own calls end as they will.
    package var maximumAge: TimeAmount?
    package var keepalive = KeepaliveConfiguration.clientDefaults
    package var tls: WireClientTLS?
    /// `:authority`, where it is not the target's own.
    package var authority: String?
    package var userAgent = "martlet-swift"

    package init() {}
}

/// The pause before the next attempt to connect. Source: gRPC, doc/connection-backoff, with a shorter start: a
/// service that comes back on the same machine is found within a second.
package struct ReconnectBackoff: Sendable {
    package var initial = TimeAmount.milliseconds(200)
    package var multiplier = 1.6
    package var maximum = TimeAmount.seconds(30)
    /// Each pause is between `1 - jitter` and `1 + jitter` times its nominal length.
    package var jitter = 0.2

    package init() {}

    /// The pause after `failures` failed attempts in a row; `unit` is random in `0..<1`.
    package func pause(failures: Int, unit: Double) -> TimeAmount {
        var nominal = Double(self.initial.nanoseconds)
        for _ in 1..<max(failures, 1) {
            nominal *= self.multiplier
            if nominal >= Double(self.maximum.nanoseconds) { break }
        }
        nominal = min(nominal, Double(self.maximum.nanoseconds))
        return .nanoseconds(Int64(nominal * (1 - self.jitter + 2 * self.jitter * unit)))
    }
}

/// What a single call asks for.
package struct WireCallOptions: Sendable {
    package var metadata = HeaderBlock()
    /// When the call ends with status 4, on both sides; the sooner of the two counts.
    package var deadline: NIODeadline?
    package var timeout: Duration?
    /// What follows `application/grpc+`; empty sends the bare type.
    package var contentSubtype = "proto"
    /// Waits for a connection instead of failing while the target cannot be reached.
    package var waitForReady = false
    /// Sends messages by gzip.
    package var compress = false
    /// Instead of the client's own limit.
    package var maximumMessageBytes: Int?

    package init() {}

    var resolvedDeadline: NIODeadline? {
        guard let timeout = self.timeout else { return self.deadline }
        let end = NIODeadline.after(.init(timeout))
        return self.deadline.map { min($0, end) } ?? end
    }
}

/// What a unary call returned.
package struct WireReply: Sendable {
    package var message: [UInt8]
    package var metadata: HeaderBlock
    package var trailers: HeaderBlock

    package init(message: [UInt8], metadata: HeaderBlock, trailers: HeaderBlock) {
        self.message = message
        self.metadata = metadata
        self.trailers = trailers
    }
}

/// The state of a client's connection. Source: gRPC, doc/connectivity-semantics-and-api.
package enum ConnectivityState: Sendable {
    case idle, connecting, ready, transientFailure, shutdown
}
