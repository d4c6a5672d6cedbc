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
    let streamInterceptors: [StreamInterceptor]
    let subscriberInterceptors: [SubscriberInterceptor]
    let hook: RouterHook?
    let codecs: [MessageCodec]
    let client: MicroClient
    let health = HealthState()
    /// What the service has logged lately.
    let log: DebugLog
    /// Its last spans, where it is traced.
    let spans: DebugSpans

    init(_ service: MicroService, client: MicroClient) {
        self.name = service.name
        let log = DebugLog()
        var logger = service.configuration.logger
        logger.handler = RecordingLogHandler(base: logger.handler, log: log)
        self.log = log
        self.spans = client.core.configuration.debugSpans ?? DebugSpans()
        self.logger = logger
        self.interceptors = service.interceptors
        self.streamInterceptors = service.streamInterceptors
        self.subscriberInterceptors = service.subscriberInterceptors
        self.hook = service.hook
        self.codecs = service.configuration.codecs
        self.client = client
    }

    /// The codec of a call; throws status 12 for a subtype that nobody registered, unless the endpoint takes any.
    func codec(of call: AnsweredCall, isRaw: Bool) throws -> MessageCodec {
        let codec = MessageCodec.selected(
            contentSubtype: call.contentSubtype, xContentType: { call.metadata.first("x-content-type") },
            custom: self.codecs)
        if let codec { return codec }
        guard isRaw else {
            throw GRPCStatus(.unimplemented, "Unsupported Content-Type: application/grpc+\(call.contentSubtype)")
        }
        return .bytes
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

    /// What the messages of a stream run through; `nil` where nobody looks.
    func tap(_ context: HandlerContext) -> StreamTap? {
        self.streamInterceptors.isEmpty ? nil : StreamTap(interceptors: self.streamInterceptors, context: context)
    }

    /// The service's logger with what tells one call from others.
    func logger(for context: HandlerContext) -> Logger {
        var logger = self.logger
        logger[metadataKey: "endpoint"] = "\(context.endpoint)"
        if let caller = context.caller { logger[metadataKey: "caller"] = "\(caller)" }
        let traceparent =
            context.traceHeaders?.first { $0.0 == "traceparent" }?.1 ?? context.call.metadata.first("traceparent")
        if let trace = traceparent.flatMap(TraceParent.init) { logger[metadataKey: "trace_id"] = "\(trace.traceID)" }
        return logger
    }
}

// MARK: - Errors

extension ServiceRuntime {
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
        // A status that a handler chose, or that came with the error from another service; success is no error.
        let native = error.grpcStatusCode.flatMap { $0 > 0 ? $0 : nil }
        let code = GRPCStatusCode(rawValue: native ?? error.code.grpcStatusCode)
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
