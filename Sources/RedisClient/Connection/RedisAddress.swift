// SPDX-License-Identifier: Apache-2.0

/// Where a server listens, and what its URL says beside that.
struct RedisAddress: Hashable, Sendable {
    enum Place: Hashable, Sendable {
        case hostPort(String, Int)
        case unixSocket(String)
        /// A server of this process, by a name that it listens as; no socket is involved.
        case inProcess(String)
    }

    /// The port that Redis and Martlet serve streams at.
    static let defaultPort = 6379

    var place: Place
    /// `nil` where the text doesn't say.
    var isEncrypted: Bool?
    var credentials: RedisCredentials?
    var database: Int?

    /// Reads `host:port`, `host`, `unix:/path`, `/path`, `inprocess:name`, and
    /// `redis://user:password@host:port/database`, also with `rediss://` for TLS.
    init(_ text: String) throws(RedisError) {
        var rest = text[...]
        var scheme: Substring?
        if let end = rest.firstRange(of: "://") {
            scheme = rest[..<end.lowerBound]
            rest = rest[end.upperBound...]
        }
        switch scheme {
        case nil: break
        case "redis", "valkey": isEncrypted = false
        case "rediss", "valkeys": isEncrypted = true
        case "unix", "redis+unix", "redis-socket": break
        default: throw Self.malformed(text)
        }
        let isSocket = scheme?.hasSuffix("unix") == true || scheme == "redis-socket"
        if !isSocket, scheme == nil, rest.hasPrefix("unix:") || rest.hasPrefix("/") {
            let path = rest.hasPrefix("unix:") ? rest.dropFirst(5) : rest
            guard !path.isEmpty else { throw Self.malformed(text) }
            place = .unixSocket(String(path))
            return
        }
        if scheme == nil, rest.hasPrefix("inprocess:") {
            let name = rest.dropFirst("inprocess:".count)
            guard !name.isEmpty else { throw Self.malformed(text) }
            place = .inProcess(String(name))
            // What never leaves the process has nobody to hide from.
            isEncrypted = false
            return
        }
        if scheme != nil, let at = rest.lastIndex(of: "@") {
            let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let user = try Self.unescaped(parts[0], in: text)
            if parts.count == 2 {
                credentials = RedisCredentials(
                    user: user.isEmpty ? "default" : user, password: try Self.unescaped(parts[1], in: text))
            }
            rest = rest[rest.index(after: at)...]
        }
        if isSocket {
            guard rest.hasPrefix("/") else { throw Self.malformed(text) }
            place = .unixSocket(String(rest))
            return
        }
        if let slash = rest.firstIndex(of: "/") {
            let number = rest[rest.index(after: slash)...]
            rest = rest[..<slash]
            if !number.isEmpty {
                guard scheme != nil, let database = Int(number), database >= 0 else { throw Self.malformed(text) }
                self.database = database
            }
        }
        place = try Self.hostPort(rest, in: text)
    }

    private static func hostPort(_ text: Substring, in whole: String) throws(RedisError) -> Place {
        var host = text
        var port = defaultPort
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw malformed(whole) }
            host = text[text.index(after: text.startIndex)..<end]
            let tail = text[text.index(after: end)...]
            if !tail.isEmpty {
                guard tail.hasPrefix(":"), let number = UInt16(tail.dropFirst()) else { throw malformed(whole) }
                port = Int(number)
            }
        } else if let colon = text.lastIndex(of: ":") {
            guard let number = UInt16(text[text.index(after: colon)...]) else { throw malformed(whole) }
            host = text[..<colon]
            port = Int(number)
        }
        guard !host.isEmpty, !host.contains(" ") else { throw malformed(whole) }
        return .hostPort(String(host), port)
    }

    /// Text with `%` and two hexadecimal digits for what can't stand in a URL.
    private static func unescaped(_ text: Substring, in whole: String) throws(RedisError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard rest.count >= 2, let value = UInt8(String(rest.prefix(2)) ?? "", radix: 16) else {
                    throw malformed(whole)
                }
                rest = rest.dropFirst(2)
                bytes.append(value)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func malformed(_ text: String) -> RedisError {
        // A URL may hold a password.
        let shown = text.contains("@") ? "…" + text[(text.lastIndex(of: "@") ?? text.startIndex)...] : text
        return RedisError(.invalidRequest, "malformed address: \"\(shown)\"", wasNotExecuted: true)
    }
}
