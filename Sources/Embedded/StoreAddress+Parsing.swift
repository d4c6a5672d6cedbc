// SPDX-License-Identifier: Apache-2.0

extension StoreAddress {
    /// Reads an address; see ``StoreAddress``. An empty text means ``embedded``.
    ///
    /// - Throws: ``MartletStoreError/Code/invalidAddress`` with a sentence that says what is wrong.
    public init(_ text: String) throws(MartletStoreError) {
        let words = text.split { $0 == "," || $0.isWhitespace }
        if words.isEmpty || words == ["embedded"] {
            self = .embedded
            return
        }
        let trimmed = text.drop { $0.isWhitespace }
        if trimmed.hasPrefix("embedded:") {
            self = .embedded(path: try Self.path(trimmed.dropFirst("embedded:".count)))
            return
        }
        var parser = Parser()
        for word in words { try parser.take(word) }
        self.init(place: .servers(parser.servers))
    }

    /// All of the rest is the path: folders may have spaces and commas in their names.
    private static func path(_ rest: Substring) throws(MartletStoreError) -> String {
        var path = rest.hasPrefix("//") ? rest.dropFirst(2) : rest
        while path.last?.isWhitespace == true { path.removeLast() }
        guard !path.isEmpty else {
            throw MartletStoreError(
                .invalidAddress, "embedded: needs a folder behind it; in memory it is embedded alone")
        }
        return String(path)
    }
}

/// Reads one address after the other.
private struct Parser {
    private(set) var servers = StoreAddress.Servers()
    /// Of the last address that had a scheme.
    private var kind: Kind?

    private struct Kind {
        enum System { case etcd, redis, martlet }
        var system: System
        var scheme: String
        var isEncrypted: Bool
        /// With its `@`.
        var user: Substring = ""
        /// A database, with its slash.
        var suffix: Substring = ""
    }

    mutating func take(_ word: Substring) throws(MartletStoreError) {
        var rest = word
        if let end = rest.firstRange(of: "://") {
            var kind = try Self.kind(String(rest[..<end.lowerBound]), in: word)
            rest = rest[end.upperBound...]
            if let at = rest.lastIndex(of: "@") {
                kind.user = rest[...at]
                rest = rest[rest.index(after: at)...]
            }
            self.kind = kind
        }
        if let slash = rest.firstIndex(of: "/") {
            kind?.suffix = rest[slash...]
            rest = rest[..<slash]
        }
        guard let kind else {
            throw Self.error(
                "\"\(Self.shown(word))\" has no scheme: it is embedded, embedded:PATH, or begins with etcd://, "
                    + "redis:// or martlet://")
        }
        let (host, port) = try Self.hostPort(rest, in: word)
        switch kind.system {
        case .etcd: try takeKeys("\(host):\(port ?? 2379)", kind, word)
        case .redis: servers.streams.append("\(kind.scheme)://\(kind.user)\(host):\(port ?? 6379)\(kind.suffix)")
        case .martlet:
            guard port == nil else {
                throw Self.error(
                    "\"\(Self.shown(word))\" has a port, but keys and streams have one each: give "
                        + "etcd://\(host):… and redis://\(host):…")
            }
            try takeKeys("\(host):2379", kind, word)
            servers.streams.append("\(kind.isEncrypted ? "rediss" : "redis")://\(kind.user)\(host):6379")
        }
    }

    private mutating func takeKeys(_ endpoint: String, _ kind: Kind, _ word: Substring) throws(MartletStoreError) {
        guard kind.suffix.isEmpty || kind.suffix == "/" else {
            throw Self.error("\"\(Self.shown(word))\" has a path, which servers of keys don't have")
        }
        servers.keys.append(kind.isEncrypted ? "https://\(endpoint)" : endpoint)
        guard !kind.user.isEmpty else { return }
        let parts = kind.user.dropLast().split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let user = Self.unescaped(parts[0]), let password = Self.unescaped(parts[1]) else {
            throw Self.error("before the @ of \"\(Self.shown(word))\" there must be a name, a colon and a password")
        }
        let isSame = servers.keysUser == nil || servers.keysUser == user && servers.keysPassword == password
        guard isSame else { throw Self.error("servers of keys are one cluster, and have one name and password") }
        (servers.keysUser, servers.keysPassword) = (user, password)
    }

    private static func kind(_ scheme: String, in word: Substring) throws(MartletStoreError) -> Kind {
        switch scheme {
        case "etcd": return Kind(system: .etcd, scheme: scheme, isEncrypted: false)
        case "etcds": return Kind(system: .etcd, scheme: scheme, isEncrypted: true)
        case "redis", "valkey": return Kind(system: .redis, scheme: scheme, isEncrypted: false)
        case "rediss", "valkeys": return Kind(system: .redis, scheme: scheme, isEncrypted: true)
        case "martlet": return Kind(system: .martlet, scheme: scheme, isEncrypted: false)
        case "martlets": return Kind(system: .martlet, scheme: scheme, isEncrypted: true)
        case "http", "https":
            let meant = scheme == "http" ? "etcd" : "etcds"
            throw error("\"\(shown(word))\" doesn't say what is there: begin it with \(meant)://")
        default:
            throw error(
                "\"\(shown(word))\" has the scheme \(scheme): known are embedded, etcd, etcds, redis, rediss, "
                    + "valkey, valkeys, martlet and martlets")
        }
    }

    private static func hostPort(
        _ text: Substring, in word: Substring
    ) throws(MartletStoreError) -> (host: Substring, port: UInt16?) {
        var host = text
        var tail: Substring = ""
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            host = text[...end]
            tail = text[text.index(after: end)...]
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            tail = text[colon...]
        }
        let isHost = !host.isEmpty && (host.hasPrefix("[") || !host.contains(":"))
        guard isHost, !host.contains("@"), !host.contains("/") else {
            throw error("\"\(shown(word))\" has no host")
        }
        guard !tail.isEmpty else { return (host, nil) }
        guard tail.hasPrefix(":"), let port = UInt16(tail.dropFirst()), port > 0 else {
            throw error("\"\(shown(word))\" has no port behind the colon; ports are 1 to 65535")
        }
        return (host, port)
    }

    /// Text with `%` and two hexadecimal digits; nil where other things follow a `%`.
    private static func unescaped(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let digits = String(rest.prefix(2)), let value = UInt8(digits, radix: 16) else {
                return nil
            }
            rest = rest.dropFirst(2)
            bytes.append(value)
        }
        return String(bytes: bytes)
    }

    /// An address as it may stand in a log: without name and password.
    private static func shown(_ word: Substring) -> String {
        guard let at = word.lastIndex(of: "@") else { return String(word) }
        let scheme = word.firstRange(of: "://").map { word[..<$0.upperBound] } ?? ""
        return "\(scheme)…\(word[at...])"
    }

    private static func error(_ what: String) -> MartletStoreError {
        MartletStoreError(.invalidAddress, "the store's address can't be read: \(what)")
    }
}

extension String {
    fileprivate init?(bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        self = text
    }
}
