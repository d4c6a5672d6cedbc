// SPDX-License-Identifier: Apache-2.0

public import SwiftProtobuf

// Messages as they are published, for what publishes them in another way: a schedule, or a store's transaction.
extension MicroClient {
    /// The message that `publish` would hand to the broker: a `Codable` value, as JSON. Interceptors don't see it.
    ///
    /// - Throws: ``MicroError`` where it can't be written.
    public func message<Body: Codable & Sendable>(
        for topic: String, _ body: Body, configure: (inout PublishOptions) -> Void = { _ in }
    ) throws -> BrokerMessage {
        try self.message(topic, body, .codable, configure)
    }

    /// The message that `publish` would hand to the broker: a protobuf message. Interceptors don't see it.
    ///
    /// - Throws: ``MicroError`` where it can't be written.
    public func message<Body: SwiftProtobuf.Message>(
        for topic: String, _ body: Body, configure: (inout PublishOptions) -> Void = { _ in }
    ) throws -> BrokerMessage {
        try self.message(topic, body, .protobuf, configure)
    }

    /// The message that `publish` would hand to the broker: a protobuf message that is `Codable` too, as protobuf.
    /// Interceptors don't see it.
    ///
    /// - Throws: ``MicroError`` where it can't be written.
    public func message<Body: SwiftProtobuf.Message & Codable>(
        for topic: String, _ body: Body, configure: (inout PublishOptions) -> Void = { _ in }
    ) throws -> BrokerMessage {
        try self.message(topic, body, .protobufAndCodable, configure)
    }

    private func message<Body>(
        _ topic: String, _ body: Body, _ coding: MessageCoding<Body>, _ configure: (inout PublishOptions) -> Void
    ) throws -> BrokerMessage {
        var options = PublishOptions()
        configure(&options)
        return try self.message(topic, body, coding, options, self.inherited?.trace ?? [])
    }
}
