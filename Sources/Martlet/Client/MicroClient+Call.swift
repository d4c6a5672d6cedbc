// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
public import SwiftProtobuf

extension MicroClient {
    /// Calls an endpoint whose messages are `Codable`; they travel as JSON.
    ///
    /// - Parameters:
    ///   - service: The service's name in the registry.
    ///   - endpoint: `Handler.Method`, or a gRPC path that starts with a slash.
    ///   - request: The request.
    ///   - configure: Sets this call's options.
    /// - Throws: ``MicroError``, or `CancellationError` when the task is cancelled.
    public func call<Request: Codable & Sendable, Response: Codable & Sendable>(
        _ service: String, _ endpoint: String, _ request: Request,
        configure: (inout RequestOptions) -> Void = { _ in }
    ) async throws -> Response {
        try await self.call(
            service, endpoint, request, MessageCoding<Request>.codable, MessageCoding<Response>.codable, configure)
    }

    /// Calls an endpoint whose messages are protobuf messages.
    ///
    /// - Throws: ``MicroError``, or `CancellationError` when the task is cancelled.
    public func call<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ service: String, _ endpoint: String, _ request: Request,
        configure: (inout RequestOptions) -> Void = { _ in }
    ) async throws -> Response {
        try await self.call(
            service, endpoint, request, MessageCoding<Request>.protobuf, MessageCoding<Response>.protobuf, configure)
    }

    /// Calls an endpoint whose messages are both `Codable` and protobuf messages; they travel as protobuf.
    ///
    /// - Throws: ``MicroError``, or `CancellationError` when the task is cancelled.
    public func call<Request: SwiftProtobuf.Message & Codable, Response: SwiftProtobuf.Message & Codable>(
        _ service: String, _ endpoint: String, _ request: Request,
        configure: (inout RequestOptions) -> Void = { _ in }
    ) async throws -> Response {
        try await self.call(
            service, endpoint, request, MessageCoding<Request>.protobufAndCodable,
            MessageCoding<Response>.protobufAndCodable, configure)
    }

    /// Calls an endpoint with a request that is encoded already, and returns the response as it came.
    ///
    /// - Throws: ``MicroError``, or `CancellationError` when the task is cancelled.
    public func call(
        _ service: String, _ endpoint: String, bytes: [UInt8], codec: MessageCodec,
        configure: (inout RequestOptions) -> Void = { _ in }
    ) async throws -> [UInt8] {
        var options = RequestOptions()
        configure(&options)
        return try await self.unary(service, endpoint, options) { options, outcome in
            let reply = try await self.core.unary(
                service, endpoint, bytes, codec: codec, options: options, inherited: self.inherited,
                outcome: outcome)
            outcome?.take(reply)
            return reply.reply.message
        }
    }

    /// Calls an endpoint with JSON text and returns the response's JSON text.
    ///
    /// - Throws: ``MicroError``, or `CancellationError` when the task is cancelled.
    public func call(
        _ service: String, _ endpoint: String, json: String, configure: (inout RequestOptions) -> Void = { _ in }
    ) async throws -> String {
        let response = try await self.call(
            service, endpoint, bytes: [UInt8](json.utf8), codec: .json, configure: configure)
        return String(decoding: response, as: UTF8.self)
    }
}

// MARK: - Responses with their metadata

extension MicroClient {
    /// Calls an endpoint whose messages are `Codable`, and returns the response with what came beside it.
    ///
    /// - Throws: ``MicroError``, or `CancellationError` when the task is cancelled.
    public func call<Request: Codable & Sendable, Response: Codable & Sendable>(
        _ service: String, _ endpoint: String, _ request: Request,
        configure: (inout RequestOptions) -> Void = { _ in }
    ) async throws -> MicroResponse<Response> {
        try await self.response(
            service, endpoint, request, MessageCoding<Request>.codable, MessageCoding<Response>.codable, configure)
    }

    /// The same for protobuf messages.
    public func call<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ service: String, _ endpoint: String, _ request: Request,
        configure: (inout RequestOptions) -> Void = { _ in }
    ) async throws -> MicroResponse<Response> {
        try await self.response(
            service, endpoint, request, MessageCoding<Request>.protobuf, MessageCoding<Response>.protobuf, configure)
    }

    /// The same for types that are both.
    public func call<Request: SwiftProtobuf.Message & Codable, Response: SwiftProtobuf.Message & Codable>(
        _ service: String, _ endpoint: String, _ request: Request,
        configure: (inout RequestOptions) -> Void = { _ in }
    ) async throws -> MicroResponse<Response> {
        try await self.response(
            service, endpoint, request, MessageCoding<Request>.protobufAndCodable,
            MessageCoding<Response>.protobufAndCodable, configure)
    }
}

extension MicroClient {
    private func call<Request, Response>(
        _ service: String, _ endpoint: String, _ request: Request, _ requests: MessageCoding<Request>,
        _ responses: MessageCoding<Response>, _ configure: (inout RequestOptions) -> Void
    ) async throws -> Response {
        var options = RequestOptions()
        configure(&options)
        return try await self.unary(service, endpoint, options) { options, outcome in
            try await self.perform(service, endpoint, request, requests, responses, options, outcome).message
        }
    }

    private func response<Request, Response: Sendable>(
        _ service: String, _ endpoint: String, _ request: Request, _ requests: MessageCoding<Request>,
        _ responses: MessageCoding<Response>, _ configure: (inout RequestOptions) -> Void
    ) async throws -> MicroResponse<Response> {
        var options = RequestOptions()
        configure(&options)
        return try await self.unary(service, endpoint, options) { options, outcome in
            let (message, reply) = try await self.perform(
                service, endpoint, request, requests, responses, options, outcome)
            return MicroResponse(
                message: message, metadata: CallMetadata(headers: reply.reply.metadata),
                trailingMetadata: CallMetadata(headers: reply.reply.trailers), node: reply.node,
                attempts: reply.attempts)
        }
    }

    /// Encodes, calls and decodes.
    private func perform<Request, Response>(
        _ service: String, _ endpoint: String, _ request: Request, _ requests: MessageCoding<Request>,
        _ responses: MessageCoding<Response>, _ options: RequestOptions, _ outcome: CallOutcomeBox?
    ) async throws -> (message: Response, CallReply) {
        let codec = options.codec ?? requests.preferred
        let message = try CallFailure.mapped { try requests.encode(request, codec) }
        let reply = try await self.core.unary(
            service, endpoint, message, codec: codec, options: options, inherited: self.inherited,
            outcome: outcome)
        outcome?.take(reply)
        return (try CallFailure.mapped { try responses.decode(reply.reply.message, codec) }, reply)
    }

    /// Runs a unary call inside the interceptors, if there are any.
    private func unary<Result>(
        _ service: String, _ endpoint: String, _ options: RequestOptions,
        _ body: (RequestOptions, CallOutcomeBox?) async throws -> Result
    ) async throws -> Result {
        if self.core.configuration.interceptors.isEmpty { return try await body(options, nil) }
        var result: Result?
        var context = CallContext(service, endpoint, .unary, options, self.core.logger)
        context.inheritedTrace = self.inherited?.trace ?? []
        context.debugSpans = self.core.configuration.debugSpans
        try await self.core.intercepted(context) { context in
            result = try await body(context.options, context.outcome)
        }
        guard let result else { throw ClientCore.nothingAnswered }
        return result
    }
}
