// SPDX-License-Identifier: Apache-2.0

public import SwiftProtobuf

/// A call that is written down before it is made, in the shape of go-micro's `NewRequest`.
public struct MicroRequest<Body: Sendable>: Sendable {
    /// The service's name in the registry.
    public var service: String
    /// `Handler.Method`, or a gRPC path that starts with a slash.
    public var endpoint: String
    public var body: Body

    public init(_ service: String, _ endpoint: String, _ body: Body) {
        self.service = service
        self.endpoint = endpoint
        self.body = body
    }
}

extension MicroClient {
    /// Makes a call of `Codable` types.
    public func call<Request: Codable & Sendable, Response: Codable & Sendable>(
        _ request: MicroRequest<Request>, configure: (inout RequestOptions) -> Void = { _ in }
    ) async throws -> Response {
        try await self.call(request.service, request.endpoint, request.body, configure: configure)
    }

    /// Makes a call of protobuf messages.
    public func call<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ request: MicroRequest<Request>, configure: (inout RequestOptions) -> Void = { _ in }
    ) async throws -> Response {
        try await self.call(request.service, request.endpoint, request.body, configure: configure)
    }

    /// Makes a call of types that are both.
    public func call<Request: SwiftProtobuf.Message & Codable, Response: SwiftProtobuf.Message & Codable>(
        _ request: MicroRequest<Request>, configure: (inout RequestOptions) -> Void = { _ in }
    ) async throws -> Response {
        try await self.call(request.service, request.endpoint, request.body, configure: configure)
    }
}
