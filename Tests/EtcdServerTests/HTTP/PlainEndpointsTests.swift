// SPDX-License-Identifier: Apache-2.0

import MartletEtcdServer
import MartletGRPCWire
import Testing

@Suite struct PlainEndpointsTests {
    static let state = MemberState(
        identity: MemberIdentity(peerURLs: ["http://localhost:2380"], clusterToken: "etcd-cluster"))

    private func get(
        _ uri: String, method: String = "GET", health: MemberHealth = MemberHealth()
    ) -> (status: Int, body: String, headers: [String: String]) {
        let request = HTTP1Request(method: method, uri: uri, headers: [], body: [])
        var state = Self.state
        state.health = health
        let response = PlainEndpoints.respond(to: request, state: state)
        let headers = Dictionary(response.headers, uniquingKeysWith: { first, _ in first })
        return (response.status, String(decoding: response.body, as: UTF8.self), headers)
    }

    @Test(arguments: [
        ("/health", #"{"health":"true","reason":""}"#),
        ("/health?serializable=true", #"{"health":"true","reason":""}"#),
        ("/version", #"{"etcdserver":"3.6.14","etcdcluster":"3.6.0","storage":"3.6.0"}"#),
        ("/livez", "ok\n"),
        ("/readyz", "ok\n"),
        ("/livez?verbose", "[+]serializable_read ok\nok\n"),
        ("/livez/serializable_read?verbose=true", "[+]serializable_read ok\nok\n"),
        (
            "/readyz?verbose&exclude=non_learner",
            "[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\nok\n"
        ),
    ])
    func answers(uri: String, body: String) {
        let answer = get(uri)
        #expect(answer.status == 200)
        #expect(answer.body == body)
    }

    /// In a cluster with a member of an earlier version.
    @Test func theClustersVersion() {
        var state = Self.state
        state.clusterVersion = "3.5.0"
        let response = PlainEndpoints.respond(to: HTTP1Request(method: "GET", uri: "/version"), state: state)
        let body = String(decoding: response.body, as: UTF8.self)
        #expect(body == #"{"etcdserver":"3.6.14","etcdcluster":"3.5.0","storage":"3.6.0"}"#)
        var sample = MetricsSample(identity: state.identity, quotaBytes: 1)
        sample.clusterVersion = "3.5.0"
        #expect(MetricsPage.text(for: sample).contains("\netcd_cluster_version{cluster_version=\"3.5\"} 1\n"))
    }

    @Test(arguments: ["/", "/nope", "/livez/nope", "/livez/serializable_read/x", "/healthy", ""])
    func unknownPaths(uri: String) {
        #expect(get(uri).status == 404)
        #expect(get(uri).body == "404 page not found\n")
    }

    @Test(arguments: ["/health", "/version", "/livez", "/readyz", "/metrics"])
    func onlyGet(uri: String) {
        let answer = get(uri, method: "POST")
        #expect(answer.status == 405)
        #expect(answer.headers["Allow"] == "GET")
    }

    @Test(arguments: [
        ("/health", 503, #"{"health":"false","reason":"ALARM NOSPACE"}"#),
        ("/health?exclude=NOSPACE", 503, #"{"health":"false","reason":"ALARM CORRUPT"}"#),
        ("/health?exclude=NOSPACE&exclude=CORRUPT", 503, #"{"health":"false","reason":"RAFT NO LEADER"}"#),
        ("/health?exclude=NOSPACE&exclude=CORRUPT&serializable=true", 200, #"{"health":"true","reason":""}"#),
        ("/livez", 200, "ok"),
        (
            "/readyz", 503,
            """
            [-]data_corruption failed: alarm activated: CORRUPT
            [+]serializable_read ok
            [-]linearizable_read failed: etcdserver: no leader
            [-]non_learner failed: not supported for learner

            """
        ),
        (
            "/readyz?exclude=data_corruption&exclude=non_learner&exclude=nosuch", 503,
            "[+]serializable_read ok\n[-]linearizable_read failed: etcdserver: no leader\n"
        ),
        (
            "/readyz/data_corruption?exclude=data_corruption", 503,
            "[-]data_corruption failed: alarm activated: CORRUPT\n"
        ),
        ("/readyz/serializable_read?verbose", 200, "[+]serializable_read ok\nok"),
    ])
    func illMember(uri: String, status: Int, body: String) {
        var health = MemberHealth()
        health.alarms = [.noSpace, .corrupt]
        health.hasLeader = false
        health.isLearner = true
        health.linearizableReadFault = "etcdserver: no leader"
        let answer = get(uri, health: health)
        #expect(answer.status == status)
        #expect(answer.body == body + (uri.hasPrefix("/health?") && status == 200 ? "" : "\n"))
    }

    @Test func readThatFails() {
        var health = MemberHealth()
        health.linearizableReadFault = "etcdserver: request timed out"
        #expect(
            get("/health", health: health).body
                == #"{"health":"false","reason":"RANGE ERROR:etcdserver: request timed out"}"# + "\n")
        #expect(get("/health?serializable=true", health: health).status == 200)
        health.serializableReadFault = "etcdserver: corrupt <cluster>"
        #expect(
            get("/health?serializable=true", health: health).body
                == #"{"health":"false","reason":"RANGE ERROR:etcdserver: corrupt \u003ccluster\u003e"}"# + "\n")
        #expect(get("/livez", health: health).status == 503)
    }

    @Test func probesAreCounted() {
        let probes = ProbeCounter()
        func ask(_ uri: String, _ health: MemberHealth = MemberHealth()) {
            var state = Self.state
            state.health = health
            _ = PlainEndpoints.respond(to: HTTP1Request(method: "GET", uri: uri), state: state, noting: probes)
        }
        var ill = MemberHealth()
        ill.alarms = [.corrupt]
        ask("/health")
        ask("/health", ill)
        ask("/health", ill)
        ask("/readyz/data_corruption")
        ask("/readyz/data_corruption", ill)
        ask("/livez")
        var sample = MetricsSample(identity: Self.state.identity, quotaBytes: 1)
        sample.probes = probes.counts
        let page = MetricsPage.text(for: sample)
        for line in [
            "etcd_server_health_success 1", "etcd_server_health_failures 2",
            #"etcd_server_healthcheck{name="data_corruption",type="readyz"} 0"#,
            #"etcd_server_healthcheck{name="serializable_read",type="livez"} 1"#,
            #"etcd_server_healthchecks_total{name="data_corruption",type="readyz",status="success"} 1"#,
            #"etcd_server_healthchecks_total{name="data_corruption",type="readyz",status="error"} 1"#,
        ] {
            #expect(page.contains("\n\(line)\n"), "\(line)")
        }
    }
}
