// SPDX-License-Identifier: Apache-2.0

public import SwiftProtobuf

extension MicroService {
    /// Answers one request with one response.
    public typealias UnaryHandler<Request, Response> =
        @Sendable (Request, HandlerContext) async throws -> Response
    /// Answers one request with many messages.
    public typealias ServerStreamHandler<Request, Response: Sendable> =
        @Sendable (Request, MessageWriter<Response>, HandlerContext) async throws -> Void
    /// Answers many messages with one.
    public typealias ClientStreamHandler<Request: Sendable, Response> =
        @Sendable (MessageStream<Request>, HandlerContext) async throws -> Response
    /// Takes and answers many messages at the same time.
    public typealias BidirectionalStreamHandler<Request: Sendable, Response: Sendable> =
        @Sendable (MessageStream<Request>, MessageWriter<Response>, HandlerContext) async throws -> Void
}

extension MicroService {
    /// Answers an endpoint with a function of `Codable` types; they travel as JSON.
    ///
    /// - Parameters:
    ///   - endpoint: `Handler.Method`; it must not be handled already.
    ///   - executor: Where the handler runs.
    ///   - handler: Throw a ``MicroError`` to choose what the caller sees; other errors become code 500.
    public mutating func handle<Request: Codable & Sendable, Response: Codable & Sendable>(
        _ endpoint: String, on executor: HandlerExecutor = .eventLoop,
        _ handler: @escaping UnaryHandler<Request, Response>
    ) {
        self.add(.unary(endpoint, executor, .codable, .codable, handler))
    }

    /// Answers an endpoint with a function of protobuf messages; they travel as protobuf, or JSON where asked for.
    public mutating func handle<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ endpoint: String, on executor: HandlerExecutor = .eventLoop,
        _ handler: @escaping UnaryHandler<Request, Response>
    ) {
        self.add(.unary(endpoint, executor, .protobuf, .protobuf, handler))
    }

    /// Answers an endpoint with a function of protobuf messages that are `Codable` too; they count as messages.
    public mutating func handle<
        Request: SwiftProtobuf.Message & Codable, Response: SwiftProtobuf.Message & Codable
    >(
        _ endpoint: String, on executor: HandlerExecutor = .eventLoop,
        _ handler: @escaping UnaryHandler<Request, Response>
    ) {
        self.add(.unary(endpoint, executor, .protobufAndCodable, .protobufAndCodable, handler))
    }

    /// Answers an endpoint with a function of bytes; they are the messages as they travel, whatever their format.
    public mutating func handle(
        _ endpoint: String, on executor: HandlerExecutor = .eventLoop,
        _ handler: @escaping UnaryHandler<[UInt8], [UInt8]>
    ) {
        self.add(.unary(endpoint, executor, .raw, .raw, handler))
    }
}

extension MicroService {
    /// Answers one request with many messages of `Codable` types.
    public mutating func serverStream<Request: Codable & Sendable, Response: Codable & Sendable>(
        _ endpoint: String, on executor: HandlerExecutor = .eventLoop,
        _ handler: @escaping ServerStreamHandler<Request, Response>
    ) {
        self.add(.serverStream(endpoint, executor, .codable, .codable, handler))
    }

    /// Answers one request with many protobuf messages.
    public mutating func serverStream<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ endpoint: String, on executor: HandlerExecutor = .eventLoop,
        _ handler: @escaping ServerStreamHandler<Request, Response>
    ) {
        self.add(.serverStream(endpoint, executor, .protobuf, .protobuf, handler))
    }

    /// Answers one request with many messages of types that are both.
    public mutating func serverStream<
        Request: SwiftProtobuf.Message & Codable, Response: SwiftProtobuf.Message & Codable
    >(
        _ endpoint: String, on executor: HandlerExecutor = .eventLoop,
        _ handler: @escaping ServerStreamHandler<Request, Response>
    ) {
        self.add(.serverStream(endpoint, executor, .protobufAndCodable, .protobufAndCodable, handler))
    }

    /// Answers many messages of `Codable` types with one.
    public mutating func clientStream<Request: Codable & Sendable, Response: Codable & Sendable>(
        _ endpoint: String, on executor: HandlerExecutor = .eventLoop,
        _ handler: @escaping ClientStreamHandler<Request, Response>
    ) {
        self.add(.clientStream(endpoint, executor, .codable, .codable, handler))
    }

    /// Answers many protobuf messages with one.
    public mutating func clientStream<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ endpoint: String, on executor: HandlerExecutor = .eventLoop,
        _ handler: @escaping ClientStreamHandler<Request, Response>
    ) {
        self.add(.clientStream(endpoint, executor, .protobuf, .protobuf, handler))
    }

    /// Answers many messages of types that are both with one.
    public mutating func clientStream<
        Request: SwiftProtobuf.Message & Codable, Response: SwiftProtobuf.Message & Codable
    >(
        _ endpoint: String, on executor: HandlerExecutor = .eventLoop,
        _ handler: @escaping ClientStreamHandler<Request, Response>
    ) {
        self.add(.clientStream(endpoint, executor, .protobufAndCodable, .protobufAndCodable, handler))
    }

    /// Takes and answers many messages of `Codable` types at the same time.
    public mutating func bidirectionalStream<Request: Codable & Sendable, Response: Codable & Sendable>(
        _ endpoint: String, on executor: HandlerExecutor = .eventLoop,
        _ handler: @escaping BidirectionalStreamHandler<Request, Response>
    ) {
        self.add(.bidirectionalStream(endpoint, executor, .codable, .codable, handler))
    }

    /// Takes and answers many protobuf messages at the same time.
    public mutating func bidirectionalStream<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ endpoint: String, on executor: HandlerExecutor = .eventLoop,
        _ handler: @escaping BidirectionalStreamHandler<Request, Response>
    ) {
        self.add(.bidirectionalStream(endpoint, executor, .protobuf, .protobuf, handler))
    }

    /// Takes and answers many messages of types that are both at the same time.
    public mutating func bidirectionalStream<
        Request: SwiftProtobuf.Message & Codable, Response: SwiftProtobuf.Message & Codable
    >(
        _ endpoint: String, on executor: HandlerExecutor = .eventLoop,
        _ handler: @escaping BidirectionalStreamHandler<Request, Response>
    ) {
        self.add(.bidirectionalStream(endpoint, executor, .protobufAndCodable, .protobufAndCodable, handler))
    }

    /// Takes and answers many messages that stay bytes, whatever their format.
    public mutating func bidirectionalStream(
        _ endpoint: String, on executor: HandlerExecutor = .eventLoop,
        _ handler: @escaping BidirectionalStreamHandler<[UInt8], [UInt8]>
    ) {
        self.add(.bidirectionalStream(endpoint, executor, .raw, .raw, handler))
    }
}
