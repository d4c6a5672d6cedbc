// SPDX-License-Identifier: Apache-2.0

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
        return try await self.core.unary(
            service, endpoint, bytes, codec: codec, options: options, inherited: self.inherited)
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

    private func call<Request, Response>(
        _ service: String, _ endpoint: String, _ request: Request, _ requests: MessageCoding<Request>,
        _ responses: MessageCoding<Response>, _ configure: (inout RequestOptions) -> Void
    ) async throws -> Response {
        var options = RequestOptions()
        configure(&options)
        let codec = options.codec ?? requests.preferred
        let message = try CallFailure.mapped { try requests.encode(request, codec) }
        let response = try await self.core.unary(
            service, endpoint, message, codec: codec, options: options, inherited: self.inherited)
        return try CallFailure.mapped { try responses.decode(response, codec) }
    }
}

extension CallFailure {
    /// Runs `body` and throws what a caller may see of its error.
    static func mapped<Result>(_ body: () throws -> Result) throws -> Result {
        do { return try body() } catch { throw self.error(for: error) }
    }
}
