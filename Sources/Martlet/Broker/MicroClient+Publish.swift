// SPDX-License-Identifier: Apache-2.0

public import SwiftProtobuf

/// How one message is published.
public struct PublishOptions: Sendable {
    /// What goes with the message, beside what the framework writes there itself.
    public var metadata = CallMetadata()

    /// How the message is written; `nil` takes protobuf for protobuf messages, JSON for other types.
    public var codec: MessageCodec?

    /// Names the message among all; `nil` makes a new id. Whoever publishes again what may have been published before
    /// gives both the same.
    public var messageID: String?

    /// When the message comes, how long it stays and how urgent it is. A broker that can't do that refuses it with code
    /// 501: ``MessageBroker/features``.
    public var terms = BrokerMessage.Terms()

    public init() {}
}

extension MicroClient {
    /// Publishes a `Codable` value to a topic, as JSON.
    ///
    /// - Throws: ``MicroError``; code 429 while the broker can't take more.
    public func publish<Body: Codable & Sendable>(
        _ topic: String, _ message: Body, configure: (inout PublishOptions) -> Void = { _ in }
    ) async throws {
        try await self.publish(topic, message, .codable, configure)
    }

    /// Publishes a protobuf message to a topic.
    ///
    /// - Throws: ``MicroError``; code 429 while the broker can't take more.
    public func publish<Body: SwiftProtobuf.Message>(
        _ topic: String, _ message: Body, configure: (inout PublishOptions) -> Void = { _ in }
    ) async throws {
        try await self.publish(topic, message, .protobuf, configure)
    }

    /// Publishes a protobuf message that is `Codable` too to a topic, as protobuf.
    ///
    /// - Throws: ``MicroError``; code 429 while the broker can't take more.
    public func publish<Body: SwiftProtobuf.Message & Codable>(
        _ topic: String, _ message: Body, configure: (inout PublishOptions) -> Void = { _ in }
    ) async throws {
        try await self.publish(topic, message, .protobufAndCodable, configure)
    }

    /// Publishes a message that is encoded already.
    ///
    /// - Throws: ``MicroError``; code 429 while the broker can't take more.
    public func publish(
        _ topic: String, bytes: [UInt8], codec: MessageCodec, configure: (inout PublishOptions) -> Void = { _ in }
    ) async throws {
        try await self.publish(topic, bytes, .raw) {
            configure(&$0)
            $0.codec = codec
        }
    }

    private func publish<Body>(
        _ topic: String, _ message: Body, _ coding: MessageCoding<Body>, _ configure: (inout PublishOptions) -> Void
    ) async throws {
        var options = PublishOptions()
        configure(&options)
        options.messageID = options.messageID ?? NodeIdentity.uuid()
        let trace = self.inherited?.trace ?? []
        let context = PublishContext(topic, options, self.core.logger, inheritedTrace: trace)
        try await self.core.intercepted(context) { context in
            try await self.publish(topic, message, coding, context.options, trace)
        }
    }

    private func publish<Body>(
        _ topic: String, _ message: Body, _ coding: MessageCoding<Body>, _ options: PublishOptions,
        _ trace: [(String, String)]
    ) async throws {
        let message = try self.message(topic, message, coding, options, trace)
        try message.terms.check(self.core.configuration.broker, topic)
        try await self.core.configuration.broker.publish(message, to: topic)
    }

    func message<Body>(
        _ topic: String, _ message: Body, _ coding: MessageCoding<Body>, _ options: PublishOptions,
        _ trace: [(String, String)]
    ) throws -> BrokerMessage {
        let codec = options.codec ?? coding.preferred
        let body = try CallFailure.mapped { try coding.encode(message, codec) }
        var headers = MessageHeaders()
        for pair in options.metadata where !CallMetadata.isReserved(pair.key) {
            let name = MessageHeaders.name(of: pair.key)
            headers[name] = headers[name].map { $0 + ", " + pair.value } ?? pair.value
        }
        for (name, value) in trace where headers[name] == nil { headers[name] = value }
        headers[MessageHeaders.contentType] = codec.messageContentType
        headers[MessageHeaders.topic] = topic
        headers[MessageHeaders.id] = options.messageID ?? NodeIdentity.uuid()
        if let name = self.core.configuration.serviceName { headers[MessageHeaders.fromService] = name }
        return BrokerMessage(headers: headers, body: body, terms: options.terms)
    }
}

extension MessageCodec {
    /// What a message's envelope says of its format, in the words that go-micro's subscribers know.
    var messageContentType: String {
        switch self.kind {
        case .json: "application/json"
        case .protobuf, .bytes, .custom: self.contentType
        }
    }
}
