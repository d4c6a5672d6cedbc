// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MartletGRPCWire
internal import MartletHTTP2Session
internal import MartletWireAPI
internal import SwiftProtobuf

/// What the endpoints of a running service share.
package final class ServiceRuntime: Sendable {
    let name: String
    let logger: Logger
    let interceptors: [HandlerInterceptor]
    let codecs: [MessageCodec]
    let client: MicroClient

    init(
        name: String, logger: Logger, interceptors: [HandlerInterceptor], codecs: [MessageCodec], client: MicroClient
    ) {
        self.name = name
        self.logger = logger
        self.interceptors = interceptors
        self.codecs = codecs
        self.client = client
    }

    /// The codec of a call; throws status 12 for a subtype that nobody registered.
    func codec(of call: ServerCall) throws -> MessageCodec {
        let codec = MessageCodec.selected(
            contentSubtype: call.contentSubtype, xContentType: { call.metadata.first("x-content-type") },
            custom: self.codecs)
        guard let codec else {
            throw GRPCStatus(.unimplemented, "Unsupported Content-Type: application/grpc+\(call.contentSubtype)")
        }
        return codec
    }

    /// Runs `body` inside all interceptors.
    func intercepted(_ context: HandlerContext, _ body: (HandlerContext) async throws -> Void) async throws {
        try await self.intercepted(context, from: 0, body)
    }

    private func intercepted(
        _ context: HandlerContext, from position: Int, _ body: (HandlerContext) async throws -> Void
    ) async throws {
        guard position < self.interceptors.count else { return try await body(context) }
        try await self.interceptors[position](context) { context in
            try await self.intercepted(context, from: position + 1, body)
        }
    }

    /// What a caller sees of an error.
    func status(for error: any Error) -> GRPCStatus {
        switch error {
        case let status as GRPCStatus: status
        case let error as MicroError: self.status(for: error)
        case let error as UnsupportedCodec: GRPCStatus(.unimplemented, error.message)
        case let error as MalformedMessage: self.status(for: error)
        case is CancellationError: GRPCStatus(.cancelled, "context canceled")
        default: self.status(for: MicroError(.internalServerError, "\(error)"))
        }
    }

    /// The bare text that go-micro's and gRPC's own servers answer. Beside it the detail says who could not read the
    /// request: without one, a caller takes an error that is no JSON for its client's own.
    private func status(for error: MalformedMessage) -> GRPCStatus {
        let detail = MicroError(.internalServerError, error.text, id: self.name)
        return self.status(.internalError, error.text, detail)
    }

    /// The error as JSON in the message, and as the one detail that go-micro's clients can read.
    ///
    /// Never a second detail before it: clients from 2.1 on take the first one for an error without looking.
    private func status(for error: MicroError) -> GRPCStatus {
        var error = error
        if error.id.isEmpty { error.id = self.name }
        let code = GRPCStatusCode(rawValue: error.code.grpcStatusCode)
        return self.status(code, error.jsonText, error)
    }

    private func status(_ code: GRPCStatusCode, _ message: String, _ error: MicroError) -> GRPCStatus {
        var trailers = HeaderBlock()
        if let detail = error.statusDetail(grpcStatusCode: code.rawValue, message: message) {
            trailers.append("grpc-status-details-bin", binary: detail)
        }
        return GRPCStatus(code, message, trailers: trailers)
    }
}
