// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire

/// What a context knows of its endpoint.
package final class EndpointInfo: Sendable {
    let name: String
    let kind: CallKind

    init(name: String, kind: CallKind) {
        self.name = name
        self.kind = kind
    }
}

/// One endpoint of a service before it runs.
package struct Endpoint: Sendable {
    enum Answer: Sendable {
        case handler(@Sendable (ServiceRuntime, EndpointInfo) -> EndpointHandler)
        /// Somebody else serves it on the wire.
        case mounted(GRPCRoute)
    }

    let info: EndpointInfo
    let handler: Substring
    let method: Substring
    /// Internal endpoints answer calls but aren't registered.
    var isInternal = false
    let record: @Sendable () -> EndpointRecord
    let answer: Answer

    init(_ name: String, _ kind: CallKind, record: @escaping @Sendable () -> EndpointRecord, _ answer: Answer) {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        precondition(
            parts.count == 2 && !parts[0].isEmpty && !parts[1].isEmpty && !name.contains("/"),
            "an endpoint's name is Handler.Method, not \"\(name)\"")
        self.info = EndpointInfo(name: name, kind: kind)
        self.handler = parts[0]
        self.method = parts[1]
        self.record = record
        self.answer = answer
    }

    func run(_ runtime: ServiceRuntime, _ limits: EndpointLimits) -> RunningEndpoint {
        switch self.answer {
        case .handler(let make):
            let handler = make(runtime, self.info)
            let gate = EndpointGate(limits)
            return RunningEndpoint(
                info: self.info, handler: handler, gate: gate, limits: limits,
                route: runtime.route(handler, self.info, gate, limits))
        case .mounted(let route):
            return RunningEndpoint(info: self.info, handler: nil, gate: nil, limits: limits, route: route)
        }
    }
}

extension Endpoint {
    /// One request, one response.
    static func unary<Request, Response>(
        _ name: String, _ executor: HandlerExecutor, _ requests: MessageCoding<Request>,
        _ responses: MessageCoding<Response>,
        _ handler: @escaping MicroService.UnaryHandler<Request, Response>
    ) -> Endpoint {
        Endpoint(
            name, .unary,
            record: { EndpointRecord(name: name, request: requests.describe(), response: responses.describe()) },
            .handler { runtime, info in
                if runtime.interceptors.isEmpty {
                    return .unary(executor) { context, bytes in
                        let codec = try runtime.codec(of: context.call, isRaw: requests.isRaw)
                        let response = try await handler(try requests.decode(bytes, codec), context)
                        return try responses.encode(response, codec)
                    }
                }
                return .unary(executor) { context, bytes in
                    var response: [UInt8]?
                    try await runtime.intercepted(context) { context in
                        let codec = try runtime.codec(of: context.call, isRaw: requests.isRaw)
                        let value = try await handler(try requests.decode(bytes, codec), context)
                        response = try responses.encode(value, codec)
                    }
                    guard let response else { throw Self.nothingAnswered }
                    return response
                }
            })
    }

    /// An interceptor that neither goes on nor throws leaves the caller without an answer.
    private static var nothingAnswered: MicroError {
        MicroError(.internalServerError, "an interceptor swallowed the call")
    }

    /// One request, many responses. The handler starts with the first message: go-micro's clients don't half-close.
    static func serverStream<Request: Sendable, Response: Sendable>(
        _ name: String, _ executor: HandlerExecutor, _ requests: MessageCoding<Request>,
        _ responses: MessageCoding<Response>,
        _ handler: @escaping MicroService.ServerStreamHandler<Request, Response>
    ) -> Endpoint {
        self.stream(name, .serverStream, executor, requests, responses) { requests, responses, context in
            guard let request = try await requests.next() else {
                throw MicroError(.badRequest, "\(name) needs a request message")
            }
            try await handler(request, responses, context)
        }
    }

    /// Many requests, one response.
    static func clientStream<Request: Sendable, Response: Sendable>(
        _ name: String, _ executor: HandlerExecutor, _ requests: MessageCoding<Request>,
        _ responses: MessageCoding<Response>,
        _ handler: @escaping MicroService.ClientStreamHandler<Request, Response>
    ) -> Endpoint {
        self.stream(name, .clientStream, executor, requests, responses) { requests, responses, context in
            try await responses.write(try await handler(requests, context))
        }
    }

    /// Many requests, many responses.
    static func bidirectionalStream<Request: Sendable, Response: Sendable>(
        _ name: String, _ executor: HandlerExecutor, _ requests: MessageCoding<Request>,
        _ responses: MessageCoding<Response>,
        _ handler: @escaping MicroService.BidirectionalStreamHandler<Request, Response>
    ) -> Endpoint {
        self.stream(name, .bidirectionalStream, executor, requests, responses, handler)
    }

    private static func stream<Request: Sendable, Response: Sendable>(
        _ name: String, _ kind: CallKind, _ executor: HandlerExecutor, _ requests: MessageCoding<Request>,
        _ responses: MessageCoding<Response>,
        _ body: @escaping MicroService.BidirectionalStreamHandler<Request, Response>
    ) -> Endpoint {
        Endpoint(
            name, kind,
            record: {
                // go-micro describes streams by its own two interface types, not by their messages.
                EndpointRecord(
                    name: name, request: ValueRecord(name: "Context", type: "Context"),
                    response: ValueRecord(name: "Stream", type: "Stream"), metadata: ["stream": "true"])
            },
            .handler { runtime, _ in
                .stream(executor) { context, stream in
                    try await runtime.intercepted(context) { context in
                        let codec = try runtime.codec(of: context.call, isRaw: requests.isRaw)
                        let tap = runtime.tap(context)
                        try await body(
                            MessageStream(.raw(stream, context.call), requests, codec, tap),
                            MessageWriter(.raw(stream), responses, codec, tap), context)
                    }
                }
            })
    }
}
