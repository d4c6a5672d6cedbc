// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
public import SwiftProtobuf

extension MicroClient {
    /// Calls an endpoint that answers with many messages.
    ///
    /// Leaving `body` ends the stream, whether or not it has come to its end.
    @discardableResult
    public func serverStream<Request: Codable & Sendable, Response: Codable & Sendable, Result>(
        _ service: String, _ endpoint: String, _ request: Request, of type: Response.Type = Response.self,
        configure: (inout RequestOptions) -> Void = { _ in }, _ body: (MessageStream<Response>) async throws -> Result
    ) async throws -> Result {
        try await self.serverStream(service, endpoint, request, .codable, .codable, configure, body)
    }

    /// The same for protobuf messages.
    @discardableResult
    public func serverStream<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message, Result>(
        _ service: String, _ endpoint: String, _ request: Request, of type: Response.Type = Response.self,
        configure: (inout RequestOptions) -> Void = { _ in }, _ body: (MessageStream<Response>) async throws -> Result
    ) async throws -> Result {
        try await self.serverStream(service, endpoint, request, .protobuf, .protobuf, configure, body)
    }

    /// The same for types that are both.
    @discardableResult
    public func serverStream<
        Request: SwiftProtobuf.Message & Codable, Response: SwiftProtobuf.Message & Codable, Result
    >(
        _ service: String, _ endpoint: String, _ request: Request, of type: Response.Type = Response.self,
        configure: (inout RequestOptions) -> Void = { _ in }, _ body: (MessageStream<Response>) async throws -> Result
    ) async throws -> Result {
        try await self.serverStream(
            service, endpoint, request, .protobufAndCodable, .protobufAndCodable, configure, body)
    }

    /// Calls an endpoint that takes many messages and answers with one.
    ///
    /// `body` writes the requests; the response comes after it has returned.
    public func clientStream<Request: Codable & Sendable, Response: Codable & Sendable>(
        _ service: String, _ endpoint: String, of type: Request.Type = Request.self,
        configure: (inout RequestOptions) -> Void = { _ in }, _ body: (MessageWriter<Request>) async throws -> Void
    ) async throws -> Response {
        try await self.clientStream(service, endpoint, .codable, .codable, configure, body)
    }

    /// The same for protobuf messages.
    public func clientStream<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ service: String, _ endpoint: String, of type: Request.Type = Request.self,
        configure: (inout RequestOptions) -> Void = { _ in }, _ body: (MessageWriter<Request>) async throws -> Void
    ) async throws -> Response {
        try await self.clientStream(service, endpoint, .protobuf, .protobuf, configure, body)
    }

    /// The same for types that are both.
    public func clientStream<Request: SwiftProtobuf.Message & Codable, Response: SwiftProtobuf.Message & Codable>(
        _ service: String, _ endpoint: String, of type: Request.Type = Request.self,
        configure: (inout RequestOptions) -> Void = { _ in }, _ body: (MessageWriter<Request>) async throws -> Void
    ) async throws -> Response {
        try await self.clientStream(service, endpoint, .protobufAndCodable, .protobufAndCodable, configure, body)
    }

    /// Calls an endpoint that takes and answers many messages at the same time.
    ///
    /// Leaving `body` ends the stream; call ``MessageWriter/finish()`` to say that no more requests follow.
    @discardableResult
    public func bidirectionalStream<Request: Codable & Sendable, Response: Codable & Sendable, Result>(
        _ service: String, _ endpoint: String, sending request: Request.Type = Request.self,
        receiving response: Response.Type = Response.self, configure: (inout RequestOptions) -> Void = { _ in },
        _ body: (MessageWriter<Request>, MessageStream<Response>) async throws -> Result
    ) async throws -> Result {
        try await self.bidirectionalStream(service, endpoint, .codable, .codable, configure, body)
    }

    /// The same for protobuf messages.
    @discardableResult
    public func bidirectionalStream<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message, Result>(
        _ service: String, _ endpoint: String, sending request: Request.Type = Request.self,
        receiving response: Response.Type = Response.self, configure: (inout RequestOptions) -> Void = { _ in },
        _ body: (MessageWriter<Request>, MessageStream<Response>) async throws -> Result
    ) async throws -> Result {
        try await self.bidirectionalStream(service, endpoint, .protobuf, .protobuf, configure, body)
    }

    /// The same for types that are both.
    @discardableResult
    public func bidirectionalStream<
        Request: SwiftProtobuf.Message & Codable, Response: SwiftProtobuf.Message & Codable, Result
    >(
        _ service: String, _ endpoint: String, sending request: Request.Type = Request.self,
        receiving response: Response.Type = Response.self, configure: (inout RequestOptions) -> Void = { _ in },
        _ body: (MessageWriter<Request>, MessageStream<Response>) async throws -> Result
    ) async throws -> Result {
        try await self.bidirectionalStream(
            service, endpoint, .protobufAndCodable, .protobufAndCodable, configure, body)
    }
}

// MARK: - Responses with their metadata

extension MicroClient {
    /// Calls an endpoint that takes many messages and answers with one, and returns the response with what came beside
    /// it.
    ///
    /// - Throws: ``MicroError``, or `CancellationError` when the task is cancelled.
    public func clientStream<Request: Codable & Sendable, Response: Codable & Sendable>(
        _ service: String, _ endpoint: String, of type: Request.Type = Request.self,
        configure: (inout RequestOptions) -> Void = { _ in }, _ body: (MessageWriter<Request>) async throws -> Void
    ) async throws -> MicroResponse<Response> {
        try await self.clientStreamResponse(service, endpoint, .codable, .codable, configure, body)
    }

    /// The same for protobuf messages.
    public func clientStream<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ service: String, _ endpoint: String, of type: Request.Type = Request.self,
        configure: (inout RequestOptions) -> Void = { _ in }, _ body: (MessageWriter<Request>) async throws -> Void
    ) async throws -> MicroResponse<Response> {
        try await self.clientStreamResponse(service, endpoint, .protobuf, .protobuf, configure, body)
    }

    /// The same for types that are both.
    public func clientStream<Request: SwiftProtobuf.Message & Codable, Response: SwiftProtobuf.Message & Codable>(
        _ service: String, _ endpoint: String, of type: Request.Type = Request.self,
        configure: (inout RequestOptions) -> Void = { _ in }, _ body: (MessageWriter<Request>) async throws -> Void
    ) async throws -> MicroResponse<Response> {
        try await self.clientStreamResponse(
            service, endpoint, .protobufAndCodable, .protobufAndCodable, configure, body)
    }
}

extension MicroClient {
    private func serverStream<Request: Sendable, Response: Sendable, Result>(
        _ service: String, _ endpoint: String, _ request: Request, _ requests: MessageCoding<Request>,
        _ responses: MessageCoding<Response>, _ configure: (inout RequestOptions) -> Void,
        _ body: (MessageStream<Response>) async throws -> Result
    ) async throws -> Result {
        try await self.stream(service, endpoint, .serverStream, requests, configure) { opened, codec in
            let stream = opened.stream
            let writer = MessageWriter(.client(stream), requests, codec)
            try await writer.write(request)
            writer.finish()
            return try await body(MessageStream(.client(stream), responses, codec))
        }
    }

    private func clientStream<Request: Sendable, Response: Sendable>(
        _ service: String, _ endpoint: String, _ requests: MessageCoding<Request>,
        _ responses: MessageCoding<Response>, _ configure: (inout RequestOptions) -> Void,
        _ body: (MessageWriter<Request>) async throws -> Void
    ) async throws -> Response {
        try await self.clientStreamResponse(service, endpoint, requests, responses, configure, body).message
    }

    private func clientStreamResponse<Request: Sendable, Response: Sendable>(
        _ service: String, _ endpoint: String, _ requests: MessageCoding<Request>,
        _ responses: MessageCoding<Response>, _ configure: (inout RequestOptions) -> Void,
        _ body: (MessageWriter<Request>) async throws -> Void
    ) async throws -> MicroResponse<Response> {
        try await self.stream(service, endpoint, .clientStream, requests, configure) { opened, codec in
            let stream = opened.stream
            let writer = MessageWriter(.client(stream), requests, codec)
            try await body(writer)
            writer.finish()
            let answers = MessageStream(.client(stream), responses, codec)
            guard let response = try await answers.next() else {
                throw MicroError(.internalServerError, "\(endpoint) ended without a response", id: MicroError.clientID)
            }
            // The status comes after the message: a call may still have failed.
            _ = try await answers.next()
            return MicroResponse(
                message: response, metadata: CallMetadata(headers: stream.receivedMetadata),
                trailingMetadata: CallMetadata(headers: stream.trailers), node: opened.node,
                attempts: opened.attempts)
        }
    }

    private func bidirectionalStream<Request: Sendable, Response: Sendable, Result>(
        _ service: String, _ endpoint: String, _ requests: MessageCoding<Request>,
        _ responses: MessageCoding<Response>, _ configure: (inout RequestOptions) -> Void,
        _ body: (MessageWriter<Request>, MessageStream<Response>) async throws -> Result
    ) async throws -> Result {
        try await self.stream(service, endpoint, .bidirectionalStream, requests, configure) { opened, codec in
            try await body(
                MessageWriter(.client(opened.stream), requests, codec),
                MessageStream(.client(opened.stream), responses, codec))
        }
    }

    private func stream<Request, Result>(
        _ service: String, _ endpoint: String, _ kind: CallKind, _ requests: MessageCoding<Request>,
        _ configure: (inout RequestOptions) -> Void, _ body: (OpenedStream, MessageCodec) async throws -> Result
    ) async throws -> Result {
        var options = RequestOptions()
        configure(&options)
        if self.core.configuration.interceptors.isEmpty {
            return try await self.stream(service, endpoint, requests, options, nil, body)
        }
        var result: Result?
        var context = CallContext(service, endpoint, kind, options, self.core.logger)
        context.inheritedTrace = self.inherited?.trace ?? []
        context.debugSpans = self.core.configuration.debugSpans
        try await self.core.intercepted(context) { context in
            result = try await self.stream(service, endpoint, requests, context.options, context.outcome, body)
        }
        guard let result else { throw ClientCore.nothingAnswered }
        return result
    }

    private func stream<Request, Result>(
        _ service: String, _ endpoint: String, _ requests: MessageCoding<Request>, _ options: RequestOptions,
        _ outcome: CallOutcomeBox?, _ body: (OpenedStream, MessageCodec) async throws -> Result
    ) async throws -> Result {
        let codec = options.codec ?? requests.preferred
        return try await self.core.stream(
            service, endpoint, codec: codec, options: options, inherited: self.inherited, outcome: outcome
        ) { opened in
            defer { outcome?.take(opened) }
            return try await body(opened, codec)
        }
    }
}
