// SPDX-License-Identifier: Apache-2.0

public import SwiftProtobuf

extension MicroService {
    /// Handles one message of a topic. Returning acknowledges it, throwing has it delivered again.
    public typealias MessageHandler<Body> = @Sendable (Body, MessageContext) async throws -> Void

    /// Handles the messages of a topic with a function of a `Codable` type.
    ///
    /// Returning acknowledges a message. Throwing has it delivered again after a pause, up to the limit of the options;
    /// then it goes to the dead-letter topic, or is dropped. A message that can't be read goes there at once.
    ///
    /// - Parameters:
    ///   - topic: The topic.
    ///   - queue: Subscribers of the same queue share its messages; with `nil` this one gets every message.
    ///   - configure: Changes how messages are delivered.
    ///   - handler: Handles one message; it may run for several at once.
    public mutating func subscribe<Body: Codable & Sendable>(
        _ topic: String, queue: String? = nil, configure: (inout SubscriptionOptions) -> Void = { _ in },
        _ handler: @escaping MessageHandler<Body>
    ) {
        self.subscribe(topic, queue, configure, .codable, handler)
    }

    /// Handles the messages of a topic with a function of a protobuf message.
    public mutating func subscribe<Body: SwiftProtobuf.Message>(
        _ topic: String, queue: String? = nil, configure: (inout SubscriptionOptions) -> Void = { _ in },
        _ handler: @escaping MessageHandler<Body>
    ) {
        self.subscribe(topic, queue, configure, .protobuf, handler)
    }

    /// Handles the messages of a topic with a function of a protobuf message that is `Codable` too.
    public mutating func subscribe<Body: SwiftProtobuf.Message & Codable>(
        _ topic: String, queue: String? = nil, configure: (inout SubscriptionOptions) -> Void = { _ in },
        _ handler: @escaping MessageHandler<Body>
    ) {
        self.subscribe(topic, queue, configure, .protobufAndCodable, handler)
    }

    /// Handles the messages of a topic as the bytes that they are, whatever their format.
    public mutating func subscribe(
        _ topic: String, queue: String? = nil, configure: (inout SubscriptionOptions) -> Void = { _ in },
        _ handler: @escaping MessageHandler<[UInt8]>
    ) {
        self.subscribe(topic, queue, configure, .raw, handler)
    }

    private mutating func subscribe<Body: Sendable>(
        _ topic: String, _ queue: String?, _ configure: (inout SubscriptionOptions) -> Void,
        _ coding: MessageCoding<Body>, _ handler: @escaping MessageHandler<Body>
    ) {
        precondition(!topic.isEmpty, "a topic has a name")
        var options = SubscriptionOptions()
        configure(&options)
        self.subscribers.append(.typed(topic, queue, options, coding, handler))
    }

    /// Puts code around every message that subscribers handle, inside the interceptors that are there already.
    public mutating func interceptSubscribers(_ interceptor: @escaping SubscriberInterceptor) {
        self.subscriberInterceptors.append(interceptor)
    }
}
