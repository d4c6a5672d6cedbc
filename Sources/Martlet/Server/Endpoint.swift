// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire

/// What a context knows of its endpoint.
package final class EndpointInfo: Sendable {
    let name: String

    init(name: String) { self.name = name }
}

/// One endpoint of a service before it runs.
package struct Endpoint: Sendable {
    let info: EndpointInfo
    let handler: Substring
    let method: Substring
    /// Internal endpoints answer calls but aren't registered.
    var isInternal = false
    let record: @Sendable () -> EndpointRecord
    let makeRoute: @Sendable (ServiceRuntime) -> GRPCRoute

    init(
        _ name: String, record: @escaping @Sendable () -> EndpointRecord,
        makeRoute: @escaping @Sendable (ServiceRuntime, EndpointInfo) -> GRPCRoute
    ) {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        precondition(
            parts.count == 2 && !parts[0].isEmpty && !parts[1].isEmpty && !name.contains("/"),
            "an endpoint's name is Handler.Method, not \"\(name)\"")
        let info = EndpointInfo(name: name)
        self.info = info
        self.handler = parts[0]
        self.method = parts[1]
        self.record = record
        self.makeRoute = { makeRoute($0, info) }
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
            name,
            record: { EndpointRecord(name: name, request: requests.describe(), response: responses.describe()) },
            makeRoute: { runtime, info in
                if runtime.interceptors.isEmpty {
                    return .unary(subtypes: .any, pool: executor.pool) { call, bytes in
                        do {
                            let codec = try runtime.codec(of: call)
                            let context = HandlerContext(call: call, runtime: runtime, info: info)
                            let response = try await handler(try requests.decode(bytes, codec), context)
                            return try responses.encode(response, codec)
                        } catch {
                            throw runtime.status(for: error)
                        }
                    }
                }
                return .unary(subtypes: .any, pool: executor.pool) { call, bytes in
                    do {
                        var response: [UInt8]?
                        let context = HandlerContext(call: call, runtime: runtime, info: info)
                        try await runtime.intercepted(context) { context in
                            let codec = try runtime.codec(of: call)
                            let value = try await handler(try requests.decode(bytes, codec), context)
                            response = try responses.encode(value, codec)
                        }
                        guard let response else { throw Self.nothingAnswered }
                        return response
                    } catch {
                        throw runtime.status(for: error)
                    }
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
        self.stream(name, executor) { codec, reader, writer, context in
            guard let bytes = try await reader.next() else {
                throw MicroError(.badRequest, "\(name) needs a request message")
            }
            let writer = MessageWriter(.server(writer), responses, codec)
            try await handler(try requests.decode(bytes, codec), writer, context)
        }
    }

    /// Many requests, one response.
    static func clientStream<Request: Sendable, Response: Sendable>(
        _ name: String, _ executor: HandlerExecutor, _ requests: MessageCoding<Request>,
        _ responses: MessageCoding<Response>,
        _ handler: @escaping MicroService.ClientStreamHandler<Request, Response>
    ) -> Endpoint {
        self.stream(name, executor) { codec, reader, writer, context in
            let response = try await handler(MessageStream(.server(reader), requests, codec), context)
            try await writer.write(try responses.encode(response, codec))
        }
    }

    /// Many requests, many responses.
    static func bidirectionalStream<Request: Sendable, Response: Sendable>(
        _ name: String, _ executor: HandlerExecutor, _ requests: MessageCoding<Request>,
        _ responses: MessageCoding<Response>,
        _ handler: @escaping MicroService.BidirectionalStreamHandler<Request, Response>
    ) -> Endpoint {
        self.stream(name, executor) { codec, reader, writer, context in
            try await handler(
                MessageStream(.server(reader), requests, codec), MessageWriter(.server(writer), responses, codec),
                context)
        }
    }

    private static func stream(
        _ name: String, _ executor: HandlerExecutor,
        _ body:
            @escaping @Sendable (
                MessageCodec, MartletGRPCWire.MessageReader, MartletGRPCWire.MessageWriter, HandlerContext
            ) async throws -> Void
    ) -> Endpoint {
        Endpoint(
            name,
            record: {
                // go-micro describes streams by its own two interface types, not by their messages.
                EndpointRecord(
                    name: name, request: ValueRecord(name: "Context", type: "Context"),
                    response: ValueRecord(name: "Stream", type: "Stream"), metadata: ["stream": "true"])
            },
            makeRoute: { runtime, info in
                .stream(subtypes: .any, pool: executor.pool) { call, reader, writer in
                    do {
                        let context = HandlerContext(call: call, runtime: runtime, info: info)
                        try await runtime.intercepted(context) { context in
                            try await body(try runtime.codec(of: call), reader, writer, context)
                        }
                    } catch {
                        throw runtime.status(for: error)
                    }
                }
            })
    }
}
