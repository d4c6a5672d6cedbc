// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import MartletHTTP2Session
internal import NIOCore

/// What a call takes over from the call that it is made for.
struct InheritedCall: Sendable {
    var deadline: NIODeadline?
    /// Tracing headers, by name and value.
    var trace: [(String, String)]

    /// The headers that carry a trace. Source: W3C Trace Context, W3C Baggage.
    static let traceHeaders = ["traceparent", "tracestate", "baggage"]
}

/// A call on its way: what all its attempts have in common.
struct OutgoingCall: Sendable {
    let service: String
    let endpoint: String
    let options: RequestOptions
    let wireOptions: WireCallOptions
    /// How many attempts there may be in all.
    let maximumAttempts: Int
    /// Where those around the call learn of it; `nil` where there are none.
    var outcome: CallOutcomeBox?

    var deadline: NIODeadline? { self.wireOptions.deadline }

    /// How the next attempt is made. It may have less time than the call.
    func attemptOptions(_ now: NIODeadline) -> WireCallOptions {
        guard let timeout = self.options.attemptTimeout, self.options.isIdempotent else { return self.wireOptions }
        var options = self.wireOptions
        let end = now + min(TimeAmount(timeout), ClientCore.longestTimeout)
        options.deadline = options.deadline.map { min($0, end) } ?? end
        return options
    }

    /// Whether a passed deadline was only the attempt's own.
    func isAttemptTimeout(_ status: GRPCStatus, _ now: NIODeadline) -> Bool {
        guard status.code == .deadlineExceeded, self.options.attemptTimeout != nil, self.options.isIdempotent else {
            return false
        }
        return self.deadline.map { $0 > now } ?? true
    }
}

/// What one attempt has to do with: the nodes it may go to, and the one it went to.
struct Attempt {
    let set: NodeSet
    let channel: NodeChannel
    let path: String
    let start: NIODeadline
}

/// What a unary call came back with.
struct CallReply: Sendable {
    let reply: WireReply
    let node: NodeRecord
    let attempts: Int
}

/// A stream on the node that took it.
struct OpenedStream: Sendable {
    let stream: ClientStream
    let node: NodeRecord
    let attempts: Int
}
