// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire

/// Who may ask a listener's plain HTTP, and what of it is there: `--host-whitelist`, `--cors`, `--enable-grpc-gateway`,
/// `--listen-metrics-urls`. Source: etcd server/embed.
package struct HTTPAccess: Sendable, Equatable {
    /// Host names that requests may name; nil: any, as it always is over TLS. A page that a browser loaded from
    /// elsewhere names the host it thinks it talks to (CVE-2018-5702).
    package var hosts: Set<String>?
    /// Origins whose pages may read answers; nil: all.
    package var origins: Set<String>?
    package var hasGateway = true
    /// Nothing but metrics and health, for whoever asks.
    package var isMetricsOnly = false

    package init() {}

    init(_ flags: ServerFlags, _ listener: ServerOptions.Listener) {
        isMetricsOnly = listener.role == .metrics
        guard !isMetricsOnly else { return }
        hasGateway = flags.boolean("enable-grpc-gateway")
        if !listener.url.isEncrypted { hosts = Self.names(flags.strings("host-whitelist")) }
        origins = Self.names(flags.strings("cors"))
    }

    private static func names(_ names: [String]) -> Set<String>? {
        names.isEmpty || names.contains("*") ? nil : Set(names)
    }

    /// Answers the requests that `handler` is not to see.
    package func guarding(_ handler: @escaping HTTP1Handler) -> HTTP1Handler {
        { request in
            if let refusal = refusal(request) { return refusal }
            let headers = headers(request)
            guard !isPreflight(request) else { return HTTP1Response(status: 200, headers: headers, body: []) }
            var response = await handler(request)
            // What a listener's settings say is said once.
            response.headers.removeAll { $0.0.lowercased().hasPrefix("access-control-") }
            response.headers += headers
            return response
        }
    }

    /// Nil for a request that is let in.
    package func refusal(_ request: HTTP1Request) -> HTTP1Response? {
        let path = String(request.uri.prefix { $0 != "?" })
        if isMetricsOnly { return Self.isMetrics(path) ? nil : Self.notFound }
        if let hosts {
            let host = Self.hostname(request.headers.first { $0.0.lowercased() == "host" }?.1 ?? "")
            guard hosts.contains(host) else { return Self.misdirected(host) }
        }
        if !hasGateway, !isPreflight(request), path.hasPrefix("/v3") { return Self.notFound }
        return nil
    }

    /// Whether a browser only asks what it may ask.
    package func isPreflight(_ request: HTTP1Request) -> Bool { !isMetricsOnly && request.method == "OPTIONS" }

    /// What lets a page read the answer.
    package func headers(_ request: HTTP1Request) -> [(String, String)] {
        guard !isMetricsOnly else { return [] }
        let origin: String
        if let origins {
            guard let asked = request.headers.first(where: { $0.0.lowercased() == "origin" })?.1,
                origins.contains(asked)
            else { return [] }
            origin = asked
        } else {
            origin = "*"
        }
        return [
            ("Access-Control-Allow-Methods", "POST, GET, OPTIONS, PUT, DELETE"),
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Headers", "accept, content-type, authorization"),
        ]
    }

    private static func isMetrics(_ path: String) -> Bool {
        ["/metrics", "/health", "/livez", "/readyz"].contains(path) || path.hasPrefix("/livez/")
            || path.hasPrefix("/readyz/")
    }

    /// A host without its port.
    private static func hostname(_ host: String) -> String {
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
            return String(host[host.index(after: host.startIndex)..<end])
        }
        let parts = host.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 ? String(parts[0]) : host
    }

    private static var notFound: HTTP1Response { text(404, "404 page not found\n") }

    private static func misdirected(_ host: String) -> HTTP1Response {
        text(
            421,
            """

            etcd received your request, but the Host header was unrecognized.

            To fix this, choose one of the following options:
            - Enable TLS, then any HTTPS request will be allowed.
            - Add the hostname you want to use to the whitelist in settings.
              - e.g. etcd --host-whitelist \(host.goQuoted)

            This requirement has been added to help prevent "DNS Rebinding" attacks (CVE-2018-5702).


            """)
    }

    private static func text(_ status: Int, _ body: String) -> HTTP1Response {
        HTTP1Response(
            status: status,
            headers: [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")],
            body: Array(body.utf8))
    }
}
