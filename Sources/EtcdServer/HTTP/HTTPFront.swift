// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire

/// What all requests over HTTP/1.1 have in common: their paths, and what pages of other origins are told.
struct HTTPFront: Sendable {
    /// Origins whose pages may call; `*` stands for all.
    let allowedOrigins: [String]

    /// `/v3beta/` was the prefix of the gateway's first releases.
    private static let oldPrefix = "/v3beta/"
    static let gatewayPrefix = "/v3/"

    /// The path and the query string of a request's target.
    static func split(_ uri: String) -> (path: String, query: Substring) {
        let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = unescaped(parts.first ?? "")
        let query = parts.count > 1 ? parts[1] : ""
        guard path.hasPrefix(oldPrefix) else { return (path, query) }
        return (gatewayPrefix + path.dropFirst(oldPrefix.count), query)
    }

    /// Undoes percent escapes; what is none stays.
    private static func unescaped(_ path: Substring) -> String {
        guard path.utf8.contains(UInt8(ascii: "%")) else { return String(path) }
        let text = Array(path.utf8)
        var bytes: [UInt8] = []
        var offset = 0
        while offset < text.count {
            if text[offset] == UInt8(ascii: "%"), text.count - offset > 2,
                let high = JSONText.hexDigit(text[offset + 1]), let low = JSONText.hexDigit(text[offset + 2])
            {
                bytes.append(UInt8(high << 4 | low))
                offset += 3
            } else {
                bytes.append(text[offset])
                offset += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Answers a request by `route`, unless a browser only asks what it may do.
    func respond(to request: HTTP1Request, _ route: () async -> HTTP1Response) async -> HTTP1Response {
        var response = request.method == "OPTIONS" ? HTTP1Response(status: 200) : await route()
        guard let origin = allowedOrigin(of: request) else { return response }
        response.headers =
            [
                ("Access-Control-Allow-Headers", "accept, content-type, authorization"),
                ("Access-Control-Allow-Methods", "POST, GET, OPTIONS, PUT, DELETE"),
                ("Access-Control-Allow-Origin", origin),
            ] + response.headers
        return response
    }

    private func allowedOrigin(of request: HTTP1Request) -> String? {
        if allowedOrigins.contains("*") { return "*" }
        guard let origin = request.header("origin"), allowedOrigins.contains(origin) else { return nil }
        return origin
    }
}

extension HTTP1Response {
    static func text(_ status: Int, _ body: String, type: String = "text/plain; charset=utf-8") -> HTTP1Response {
        HTTP1Response(status: status, headers: [("Content-Type", type)], body: Array(body.utf8))
    }

    /// A refusal in words that no browser should take for a page.
    static func failure(_ status: Int, _ body: String) -> HTTP1Response {
        var response = text(status, body)
        response.headers.append(("X-Content-Type-Options", "nosniff"))
        return response
    }
}
