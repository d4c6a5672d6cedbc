// SPDX-License-Identifier: Apache-2.0

/// Where Redis's clients are listened for.
package struct StreamListeners: Sendable, Equatable {
    package var urls: [ServerURL] = []
    /// Whether nobody asked for them: a port that is taken is no reason to end.
    package var areDefault = false
    /// Nil: nobody is asked for a password.
    package var passwordFile: String?
    /// Whether clients may use DEBUG.
    package var allowsDebugging = false

    /// Source: Redis.
    private static let defaultPort = 6379
    /// Who says where etcd's clients connect gets what they have said, and nothing beside it.
    private static let telling = [
        "listen-client-urls", "listen-peer-urls", "listen-client-http-urls", "advertise-client-urls",
        "initial-advertise-peer-urls", "initial-cluster", "initial-cluster-token", "initial-cluster-state",
        "config-file",
    ]

    init(_ flags: ServerFlags) throws(ServerFlagError) {
        let file = flags.string("stream-password-file")
        passwordFile = file.isEmpty ? nil : file
        allowsDebugging = flags.boolean("stream-enable-debug-command")
        guard flags.isGiven("listen-stream-urls") else {
            guard !Self.telling.contains(where: flags.isGiven) else { return }
            urls = [ServerURL(scheme: .http, host: "127.0.0.1", port: Self.defaultPort)]
            areDefault = true
            return
        }
        for text in flags.strings("listen-stream-urls") { urls.append(try Self.url(text)) }
    }

    /// A URL whose scheme is one of etcd's where it was one of Redis's.
    private static func url(_ text: String) throws(ServerFlagError) -> ServerURL {
        var rest = text
        for (scheme, other) in [("redis://", "http://"), ("rediss://", "https://")] where text.hasPrefix(scheme) {
            rest = String(text.dropFirst(scheme.count))
            if rest.hasSuffix("/") { rest.removeLast() }
            // A port, unless the last colon is part of an address.
            if !rest.contains(":") || rest.hasSuffix("]") { rest += ":\(defaultPort)" }
            rest = other + rest
        }
        let isRedis = rest != text
        do throws(ServerURL.Malformed) {
            let url = try ServerURL(rest)
            guard isRedis || url.isSocketFile else {
                throw ServerURL.Malformed(reason: "URL scheme must be redis, rediss, unix, or unixs: \(text)")
            }
            guard url.isBindable else { throw ServerURL.Malformed(reason: "expected IP in URL for binding (\(text))") }
            return url
        } catch {
            throw .badValue(text, "listen-stream-urls", error.reason)
        }
    }

    package var areEncrypted: Bool { urls.contains { $0.isEncrypted } }

    /// As it was asked for.
    static func text(_ url: ServerURL) -> String {
        let text = url.description
        switch url.scheme {
        case .http: return "redis" + text.dropFirst("http".count)
        case .https: return "rediss" + text.dropFirst("https".count)
        case .unix, .unixs: return text
        }
    }
}
