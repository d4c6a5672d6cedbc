// SPDX-License-Identifier: Apache-2.0

public import Logging
internal import MartletHTTP2Session

/// What a subscriber may ask about the message that it handles.
public struct MessageContext: Sendable {
    /// The message as the broker delivered it.
    public let delivery: BrokerDelivery
    /// The queue that the subscriber shares, if it does.
    public let queue: String?

    let runtime: ServiceRuntime
    private var ownLogger: Logger?
    /// The trace that this message's own calls belong to, where somebody has begun a span; else that of the publisher.
    package var traceHeaders: [(String, String)]?

    init(_ delivery: BrokerDelivery, queue: String?, runtime: ServiceRuntime) {
        self.delivery = delivery
        self.queue = queue
        self.runtime = runtime
    }

    /// The name of the service that handles the message.
    public var service: String { self.runtime.name }

    /// The topic that the message came by.
    public var topic: String { self.delivery.topic }

    /// Names the message among all; empty where its publisher gave it no id. The same message may come more than once.
    public var messageID: String { self.delivery.message.id }

    /// How often the message has been delivered, this time included.
    public var deliveryCount: Int { self.delivery.deliveryCount }

    /// The name of the service that published it, if it says so.
    public var publisher: String? { self.delivery.message.headers[MessageHeaders.fromService] }

    /// What the publisher said beside the message, without what only the broker uses.
    public var metadata: CallMetadata { self.delivery.message.headers.metadata }

    /// The service's logger, with what tells this message from others, or the one that an interceptor put in its place.
    public var logger: Logger {
        get { self.ownLogger ?? self.makeLogger() }
        set { self.ownLogger = newValue }
    }

    private func makeLogger() -> Logger {
        var logger = self.runtime.logger
        logger[metadataKey: "topic"] = "\(self.topic)"
        if !self.messageID.isEmpty { logger[metadataKey: "message_id"] = "\(self.messageID)" }
        if self.deliveryCount > 1 { logger[metadataKey: "delivery"] = "\(self.deliveryCount)" }
        let traceparent =
            self.traceHeaders?.first { $0.0 == "traceparent" }?.1 ?? self.delivery.message.headers["traceparent"]
        if let trace = traceparent.flatMap(TraceParent.init) { logger[metadataKey: "trace_id"] = "\(trace.traceID)" }
        return logger
    }

    /// A client for calls and messages on behalf of this one: the trace goes along.
    public var client: MicroClient {
        var headers = HeaderBlock()
        for name in InheritedCall.traceHeaders {
            if let value = self.delivery.message.headers[name] { headers.append(name, value) }
        }
        return self.runtime.client.onBehalf(of: headers, deadline: nil, trace: self.traceHeaders)
    }
}

/// Code around every message that a service's subscribers handle; the first one that was added is the outermost.
///
/// Call `next` to go on; throw to have the message delivered again. Returning without `next` acknowledges it.
public typealias SubscriberInterceptor =
    @Sendable (_ context: MessageContext, _ next: (MessageContext) async throws -> Void) async throws -> Void
