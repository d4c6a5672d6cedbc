// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire

/// What the gateway answers, in the shapes that clients of etcd's know.
enum GatewayAnswer {
    private static let json = ("Content-Type", "application/json")
    /// Tells that the answer is a service's.
    private static let fromService = ("Grpc-Metadata-Content-Type", "application/grpc")

    static func message(_ json: [UInt8]) -> HTTP1Response {
        HTTP1Response(status: 200, headers: [Self.json, Self.fromService], body: json)
    }

    /// A message that goes in parts, as its client takes them. Its call lives until the last is gone.
    static func longMessage(_ json: [UInt8], of call: GatewayCall) -> HTTP1Response {
        HTTP1Response(status: 200, headers: [Self.json, fromService]) { writer in
            var rest = json[...]
            while !rest.isEmpty {
                let part = Array(rest.prefix(partBytes))
                rest = rest.dropFirst(part.count)
                try await writer.write(part)
            }
            withExtendedLifetime(call) {}
        }
    }

    /// What of a long text is handed to the connection at once.
    private static let partBytes = 256 << 10

    /// The beginning of a stream of messages. `first` is nil where the service ended the call without any.
    static func stream(_ first: [UInt8]?, _ rest: @escaping HTTP1Response.Stream) -> HTTP1Response {
        HTTP1Response(
            status: 200, headers: first == nil ? [json] : [json, fromService], body: first ?? [], stream: rest)
    }

    /// A message of a stream: a line of its own.
    static let resultPrefix = Array(#"{"result":"#.utf8)
    static let resultSuffix = Array("}\n".utf8)

    /// A call that failed.
    static func failure(_ status: GRPCStatus) -> HTTP1Response {
        var body = Array(#"{"error":"#.utf8)
        JSONText.append(status.message.utf8, to: &body)
        body += #","code":\#(status.code.rawValue),"message":"#.utf8
        JSONText.append(status.message.utf8, to: &body)
        body.append(UInt8(ascii: "}"))
        return HTTP1Response(status: httpStatus(of: status.code), headers: [json], body: body)
    }

    /// A stream that failed before its first message.
    static func streamFailure(_ status: GRPCStatus) -> HTTP1Response {
        HTTP1Response(status: httpStatus(of: status.code), headers: [json], body: streamEnd(status))
    }

    /// The last part of a stream that failed.
    static func streamEnd(_ status: GRPCStatus) -> [UInt8] {
        let http = httpStatus(of: status.code)
        var body = Array(#"{"error":{"grpc_code":\#(status.code.rawValue),"http_code":\#(http),"message":"#.utf8)
        JSONText.append(status.message.utf8, to: &body)
        body += #","http_status":"\#(reason(of: http))"}}"#.utf8
        return body
    }

    /// Source: grpc-gateway's table, as etcd 3.5 has it.
    static func httpStatus(of code: GRPCStatusCode) -> Int {
        switch code {
        case .ok: 200
        case .cancelled: 408
        case .invalidArgument, .failedPrecondition, .outOfRange: 400
        case .deadlineExceeded: 504
        case .notFound: 404
        case .alreadyExists, .aborted: 409
        case .permissionDenied: 403
        case .unauthenticated: 401
        case .resourceExhausted: 429
        case .unimplemented: 501
        case .unavailable: 503
        default: 500
        }
    }

    private static func reason(of status: Int) -> String {
        switch status {
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 429: "Too Many Requests"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        default: "Internal Server Error"
        }
    }
}
