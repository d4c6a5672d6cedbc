// SPDX-License-Identifier: Apache-2.0

internal import Logging

/// One subscriber of a service before it runs.
struct Subscriber: Sendable {
    typealias Handler = @Sendable (ServiceRuntime, MessageContext) async throws -> Void

    let topic: String
    let queue: String?
    let options: SubscriptionOptions
    let describe: @Sendable () -> ValueRecord
    let handler: Handler

    /// What the registry says of it. Source: go-micro, endpoints of functions that subscribe.
    var record: EndpointRecord {
        EndpointRecord(
            name: "Func", request: self.describe(), metadata: ["subscriber": "true", "topic": self.topic])
    }

    static func typed<Body: Sendable>(
        _ topic: String, _ queue: String?, _ options: SubscriptionOptions, _ coding: MessageCoding<Body>,
        _ handler: @escaping MicroService.MessageHandler<Body>
    ) -> Subscriber {
        Subscriber(topic: topic, queue: queue, options: options, describe: coding.describe) { runtime, context in
            let message = context.delivery.message
            let type = message.headers[MessageHeaders.contentType]
            let codec: MessageCodec
            if coding.isRaw {
                codec = .bytes
            } else if let type {
                guard let named = MessageCodec.named(contentType: type, custom: runtime.codecs) else {
                    throw UnreadableMessage(reason: "Unsupported Content-Type: \(type)")
                }
                codec = named
            } else {
                codec = coding.preferred
            }
            let body: Body
            do {
                body = try coding.decode(message.body, codec)
            } catch let error as MalformedMessage {
                throw UnreadableMessage(reason: error.text)
            } catch let error as UnsupportedCodec {
                throw UnreadableMessage(reason: error.message)
            }
            try await handler(body, context)
        }
    }

    /// Handles one message and says what becomes of it.
    func outcome(
        of delivery: BrokerDelivery, _ runtime: ServiceRuntime, _ broker: any MessageBroker
    ) async
        -> DeliveryOutcome
    {
        let context = MessageContext(delivery, queue: self.queue, runtime: runtime)
        do {
            try await runtime.intercepted(context) { try await self.handler(runtime, $0) }
            return .acknowledge
        } catch {
            // To be read never makes it readable.
            let isHopeless = error is UnreadableMessage || delivery.deliveryCount >= self.options.maximumDeliveries
            guard isHopeless else {
                context.logger.info("message comes again", metadata: ["error": "\(error)"])
                return .redeliver(after: self.options.pause(afterDelivery: delivery.deliveryCount))
            }
            context.logger.warning("message is given up", metadata: ["error": "\(error)"])
            return await self.bury(delivery, "\(error)", context, broker)
        }
    }

    /// What a dead letter tells of the error at most: enough to know it again.
    private static let maximumReasonLength = 1000

    private func bury(
        _ delivery: BrokerDelivery, _ reason: String, _ context: MessageContext, _ broker: any MessageBroker
    ) async -> DeliveryOutcome {
        guard let topic = self.options.deadLetterTopic else { return .discard }
        if self.queue != nil, broker.features.contains(.deadLetters) {
            return .bury(reason: String(reason.prefix(Self.maximumReasonLength)))
        }
        do {
            try await broker.publish(delivery.message, to: topic)
            return .discard
        } catch {
            context.logger.warning("message is not buried yet", metadata: ["error": "\(error)"])
            return .redeliver(after: self.options.maximumRedeliveryDelay)
        }
    }
}

/// A message whose body is not what its subscriber reads.
struct UnreadableMessage: Error, CustomStringConvertible {
    var reason: String
    var description: String { self.reason }
}

extension ServiceRuntime {
    /// Runs `body` inside all subscriber interceptors.
    func intercepted(_ context: MessageContext, _ body: (MessageContext) async throws -> Void) async throws {
        try await self.intercepted(context, from: 0, body)
    }

    private func intercepted(
        _ context: MessageContext, from position: Int, _ body: (MessageContext) async throws -> Void
    ) async throws {
        guard position < self.subscriberInterceptors.count else { return try await body(context) }
        try await self.subscriberInterceptors[position](context) { context in
            try await self.intercepted(context, from: position + 1, body)
        }
    }
}
