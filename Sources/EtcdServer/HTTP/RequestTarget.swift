// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire

/// What a request over HTTP/1.1 is for.
struct RequestTarget {
    /// `/v3beta/` was the prefix of the gateway's first releases.
    private static let oldPrefix = "/v3beta/"
    static let gatewayPrefix = "/v3/"

    let path: String
    let query: QueryItems

    init(_ uri: String) {
        let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = Self.unescaped(parts.first ?? "")
        let isOld = path.hasPrefix(Self.oldPrefix)
        self.path = isOld ? Self.gatewayPrefix + path.dropFirst(Self.oldPrefix.count) : path
        query = QueryItems(parts.count > 1 ? parts[1] : "")
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
