// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire

/// The endpoints that need no gRPC: what probes, load balancers and Prometheus ask for.
package enum PlainEndpoints {
    /// Whether the answer depends on a read that asks the cluster.
    static func asksTheCluster(_ request: HTTP1Request) -> Bool {
        let target = RequestTarget(request.uri)
        switch target.path {
        case "/health": return !HealthSummary.isSerializable(target.query)
        default: return HealthChecks(path: target.path)?.asksTheCluster(target.query) ?? false
        }
    }

    /// Whether the answer is the page of metrics.
    static func asksForMetrics(_ request: HTTP1Request) -> Bool {
        request.method == "GET" && RequestTarget(request.uri).path == metricsPath
    }

    private static let metricsPath = "/metrics"

    /// - Parameters:
    ///   - metrics: the page, where it is asked for.
    ///   - probes: counts what probes are told.
    package static func respond(
        to request: HTTP1Request, state: MemberState, metrics: String = "", noting probes: ProbeCounter? = nil
    ) -> HTTP1Response {
        let target = RequestTarget(request.uri)
        let answer: () -> HTTP1Response
        switch target.path {
        case "/health":
            answer = { HealthSummary.respond(target.query, state.health, noting: probes) }
        case "/version":
            answer = { version(of: state.clusterVersion) }
        case metricsPath:
            answer = { .text(200, metrics, type: MetricsPage.contentType) }
        default:
            guard let checks = HealthChecks(path: target.path) else { return .failure(404, "404 page not found\n") }
            answer = { checks.respond(target.query, state.health, noting: probes) }
        }
        return request.method == "GET" ? answer() : onlyGET
    }

    /// What `/version` answers, on the clients' port and the peers'.
    static func version(of cluster: String) -> HTTP1Response {
        .text(
            200,
            #"{"etcdserver":"\#(EtcdVersion.server)","etcdcluster":"\#(cluster)","#
                + #""storage":"\#(EtcdVersion.storage)"}"#,
            type: "application/json")
    }

    static var onlyGET: HTTP1Response {
        var refusal = HTTP1Response.failure(405, "Method Not Allowed\n")
        refusal.headers.append(("Allow", "GET"))
        return refusal
    }
}

/// The items of a query string, in order. Percent escapes stay: no name or value here needs one.
struct QueryItems {
    private var items: [(name: Substring, value: Substring)] = []

    init(_ query: Substring) {
        items = query.split(separator: "&").map { item in
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (parts[0], parts.count > 1 ? parts[1] : "")
        }
    }

    func contains(_ name: String) -> Bool {
        items.contains { $0.name == name }
    }

    func values(of name: String) -> [Substring] {
        items.filter { $0.name == name }.map(\.value)
    }
}
