// SPDX-License-Identifier: Apache-2.0

package import MartletRedisServer

/// Where Redis's clients are listened for, and what they may take.
package struct StreamListeners: Sendable, Equatable {
    package var urls: [ServerURL] = []
    /// Whether nobody asked for them: a port that is taken is no reason to end.
    package var areDefault = false
    /// Nil: nobody is asked for a password.
    package var passwordFile: String?
    /// Whether clients may use DEBUG.
    package var allowsDebugging = false
    package var limits = ClientLimits()

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
        limits = try Self.limits(flags)
        guard flags.isGiven("listen-stream-urls") else {
            guard !Self.telling.contains(where: flags.isGiven) else { return }
            urls = [ServerURL(scheme: .http, host: "127.0.0.1", port: Self.defaultPort)]
            areDefault = true
            return
        }
        for text in flags.strings("listen-stream-urls") { urls.append(try Self.url(text)) }
    }

    private static func limits(_ flags: ServerFlags) throws(ServerFlagError) -> ClientLimits {
        var limits = ClientLimits()
        limits.clients = Int(clamping: flags.number("stream-max-clients"))
        guard limits.clients > 0 else { throw .conflict("--stream-max-clients must be >0") }
        limits.idleSeconds = seconds(flags.duration("stream-idle-timeout"))
        limits.keepaliveSeconds = seconds(flags.duration("stream-tcp-keepalive"))
        limits.queryBytes = Int(clamping: flags.size("stream-query-buffer-limit"))
        guard limits.queryBytes >= ClientLimits.leastQueryBytes else {
            throw .conflict("--stream-query-buffer-limit must be >=\(ClientLimits.leastQueryBytes)")
        }
        let output = flags.string("stream-output-buffer-limit")
        if output.isEmpty { return limits }
        do throws(OutputLimits.Malformed) {
            try limits.output.set(output)
        } catch {
            throw .badValue(output, "stream-output-buffer-limit", error.reason)
        }
        return limits
    }

    /// Whole ones, no fewer than that. Redis counts them in 32 bits.
    private static func seconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        return Int(Int32(clamping: attoseconds > 0 ? seconds + 1 : seconds))
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
