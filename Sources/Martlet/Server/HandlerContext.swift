// SPDX-License-Identifier: Apache-2.0

public import Logging
internal import MartletGRPCWire
package import MartletHTTP2Session
internal import NIOCore

/// What a handler may ask about the call that it answers.
///
/// Everything is read from the call when it is asked for: a handler that asks nothing costs nothing.
public struct HandlerContext: Sendable {
    package let call: AnsweredCall
    let runtime: ServiceRuntime
    let info: EndpointInfo
    private var ownLogger: Logger?
    /// The trace that this call's own calls belong to, where somebody has begun a span; else that of the caller.
    package var traceHeaders: [(String, String)]?

    init(_ call: AnsweredCall, runtime: ServiceRuntime, info: EndpointInfo) {
        self.call = call
        self.runtime = runtime
        self.info = info
    }

    /// The name of the service that was called.
    public var service: String { self.runtime.name }

    /// The endpoint, `Greeter.Hello` for example.
    public var endpoint: String { self.info.name }

    /// How many messages the call has in either direction.
    public var kind: CallKind { self.info.kind }

    /// The caller's metadata, without what only the protocol uses.
    public var metadata: CallMetadata { CallMetadata(headers: self.call.metadata) }

    /// The caller's address, as it shows on this machine.
    public var peer: String? { self.call.peer.map { "\($0)" } }

    /// The name of the calling service, if it says so.
    public var caller: String? { self.call.metadata.first("micro-from-service") }

    /// When the caller stops waiting; the handler's task is cancelled then.
    public var deadline: ContinuousClock.Instant? {
        self.call.deadline.map { .now + .nanoseconds(($0 - .now()).nanoseconds) }
    }

    /// The metadata that goes out before the first message; once that is on its way, changes are ignored.
    ///
    /// A key or a value that HTTP/2 can't carry changes nothing here, and the call is answered with code 500 and what
    /// is wrong with it.
    public var responseMetadata: CallMetadata {
        get { CallMetadata(headers: self.call.responseMetadata) }
        nonmutating set {
            if self.canSend(newValue) { self.call.responseMetadata = newValue.headers }
        }
    }

    /// The metadata that goes out after the last message; as of ``responseMetadata``, what can't be sent is an error.
    public var trailingMetadata: CallMetadata {
        get { CallMetadata(headers: self.call.trailers) }
        nonmutating set {
            if self.canSend(newValue) { self.call.trailers = newValue.headers }
        }
    }

    private func canSend(_ metadata: CallMetadata) -> Bool {
        guard let fault = metadata.fault else { return true }
        self.call.refuse(self.runtime.status(for: MicroError(.internalServerError, fault)))
        self.logger.error("the response's metadata can't be sent", metadata: ["reason": "\(fault)"])
        return false
    }

    /// The service's logger, with what tells this call from others, or the one that an interceptor put in its place.
    ///
    /// It is made when it is asked for; whoever logs often keeps it.
    public var logger: Logger {
        get { self.ownLogger ?? self.runtime.logger(for: self) }
        set { self.ownLogger = newValue }
    }

    /// A client for calls on behalf of this one: the deadline and the trace go along.
    public var client: MicroClient {
        self.runtime.client.onBehalf(of: self.call.metadata, deadline: self.call.deadline, trace: self.traceHeaders)
    }
}

extension CallMetadata {
    /// Reads the headers of a call, leaving out what belongs to HTTP/2, gRPC and go-micro's envelope.
    package init(headers: HeaderBlock) {
        self.init()
        headers.forEach { name, value in
            guard !Self.isReserved(name) else { return }
            self.add(value, for: name)
        }
    }

    /// The pairs as headers; reserved names are left out, so that no metadata can break the protocol.
    package var headers: HeaderBlock {
        var headers = HeaderBlock()
        self.append(to: &headers)
        return headers
    }

    package func append(to headers: inout HeaderBlock) {
        for pair in self where !Self.isReserved(pair.key) { headers.append(pair.key, pair.value) }
    }

    static func isReserved(_ name: String) -> Bool {
        if name.utf8.first == UInt8(ascii: ":") || name.hasPrefix("grpc-") { return true }
        switch name {
        case "content-type", "te", "timeout", "x-content-type", "connection", "transfer-encoding": return true
        default: return false
        }
    }
}
