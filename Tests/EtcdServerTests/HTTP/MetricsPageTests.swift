// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdServer
import MartletGRPCWire
import Testing

@Suite struct MetricsPageTests {
    private func page(_ change: (inout MetricsSample) -> Void) -> String {
        let identity = MemberIdentity(peerURLs: ["http://localhost:2380"], clusterToken: "etcd-cluster")
        var sample = MetricsSample(identity: identity, quotaBytes: 2 << 30)
        change(&sample)
        return MetricsPage.text(for: sample)
    }

    /// As etcd's texts: they are part of a series' name.
    @Test func boundsAreWrittenAsEtcdDoes() {
        let page = page { _ in }
        for bound in ["1", "131072", "524288", "1.048576e+06", "8.388608e+06", "+Inf"] {
            #expect(page.contains("\netcd_debugging_lease_ttl_total_bucket{le=\"\(bound)\"} 0\n"), "\(bound)")
        }
        for bound in ["0.001", "0.512", "1.024", "8.192"] {
            #expect(page.contains("\netcd_disk_wal_fsync_duration_seconds_bucket{le=\"\(bound)\"} 0\n"), "\(bound)")
        }
        #expect(page.contains(#"etcd_server_id{server_id="8e9e05c52164694d"} 1"#))
        #expect(page.contains("\netcd_server_quota_backend_bytes 2147483648\n"))
    }

    @Test func bucketsAddUp() {
        let page = page { sample in
            var method = CallCounts.Method()
            var times = ValueHistogram(bounds: CallCounts.Method.bounds)
            for seconds in [0.001, 0.005, 0.006, 3, 60] { times.add(seconds) }
            method.durations = times
            sample.calls = CallCounts(methods: ["/etcdserverpb.KV/Put": method])
        }
        let labels = #"grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary""#
        for (bound, count) in [("0.005", 2), ("0.01", 3), ("2.5", 3), ("5", 4), ("10", 4), ("+Inf", 5)] {
            #expect(page.contains("grpc_server_handling_seconds_bucket{\(labels),le=\"\(bound)\"} \(count)\n"))
        }
        #expect(page.contains("grpc_server_handling_seconds_count{\(labels)} 5\n"))
        #expect(page.contains("grpc_server_handling_seconds_sum{\(labels)} 63.012\n"))
    }

    /// What a client tells of itself may be anything.
    @Test func labelsAreEscaped() {
        let page = page { sample in
            sample.calls.clients = [CallCounts.Client(version: "a\"b\\c\nd", unaryCalls: 2, streams: 0)]
        }
        #expect(
            page.contains(
                #"etcd_server_client_requests_total{client_api_version="a\"b\\c\nd",type="unary"} 2"# + "\n"))
    }

    /// A call through the gateway is a call; one that fails is one that ended.
    @Test func callsAreCounted() async throws {
        try await ServerFixture.with({ $0.timesCalls = true }) { fixture in
            func ask(_ method: String, _ uri: String, _ body: String = "") async -> String {
                let request = HTTP1Request(method: method, uri: uri, body: Array(body.utf8))
                return String(decoding: await fixture.server.respond(to: request).body, as: UTF8.self)
            }
            _ = await ask("POST", "/v3/kv/put", #"{"key": "YQ==", "value": "Yg=="}"#)
            _ = await ask("POST", "/v3/kv/range", #"{"key": "YQ=="}"#)
            _ = await ask("POST", "/v3/kv/put", #"{}"#)
            let page = await ask("GET", "/metrics")
            let labels = #"grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary""#
            for line in [
                "grpc_server_started_total{\(labels)} 2",
                "grpc_server_handled_total{grpc_code=\"OK\",\(labels)} 1",
                "grpc_server_handled_total{grpc_code=\"InvalidArgument\",\(labels)} 1",
                "grpc_server_msg_received_total{\(labels)} 2", "grpc_server_msg_sent_total{\(labels)} 1",
                "grpc_server_handling_seconds_count{\(labels)} 2", "etcd_mvcc_put_total 1", "etcd_mvcc_range_total 1",
                #"etcd_server_range_duration_seconds_count{success="true"} 1"#,
                #"etcd_server_client_requests_total{client_api_version="unknown",type="unary"} 3"#,
                "etcd_debugging_mvcc_total_put_size_in_bytes 2", "etcd_server_has_leader 1",
            ] {
                #expect(page.contains("\n\(line)\n"), "\(line)")
            }
        }
    }
}
