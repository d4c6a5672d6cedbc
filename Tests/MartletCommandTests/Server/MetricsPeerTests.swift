// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletEtcdPeers
import MartletProcesses
import MartletTestPrograms
import Testing

/// /metrics of ours and of a real etcd after the same session.
@Suite(.serialized, .timeLimit(.minutes(30))) struct MetricsPeerTests {
    /// What was told at three moments: before anything, after keys, after the rest.
    struct Session {
        var start: MetricsDocument
        var keys: MetricsDocument
        var end: MetricsDocument

        init(_ server: EtcdProcess, _ control: String) async throws {
            let address = server.endpoint
            @Sendable func call(_ arguments: String..., input: String = "") async throws -> String {
                let output = try await tool(
                    control, ["--endpoints=\(address)"] + arguments, input: Array(input.utf8))
                return String(decoding: output, as: UTF8.self)
            }
            start = try await MetricsDocument(of: address)
            for (key, value) in [("a", "b"), ("a", "bb"), ("c", "d")] { _ = try await call("put", key, value) }
            _ = try await call("get", "a")
            _ = try await call("get", "", "--prefix")
            _ = try await call("del", "a")
            _ = try await call("del", "nothing")
            keys = try await MetricsDocument(of: address)

            let txn = "mod(\"c\") > \"0\"\n\nput c 1\nput e 2\nget c\n\nget c\n\n"
            _ = try await call("txn", input: txn)
            let lease = try await call("lease", "grant", "6000").split(separator: " ")[1]
            _ = try await call("lease", "keep-alive", "--once", String(lease))
            _ = try await call("put", "leased", "1", "--lease=\(lease)")
            _ = try await call("lease", "revoke", String(lease))
            _ = try await call("compact", "4")
            // Refused: compacted already; there is no such lease.
            await #expect(throws: ProgramFailure.self) { try await call("compact", "4") }
            await #expect(throws: ProgramFailure.self) { try await call("lease", "revoke", "123") }
            let watch = try await run("timeout", ["1", control, "--endpoints=\(address)", "watch", "c"])
            #expect(watch.exit == .code(124))
            try await output(of: "curl", ["-sS", "http://\(address)/health"])
            var end = try await MetricsDocument(of: address)
            let removed = "etcd_debugging_mvcc_db_compaction_keys_total"
            _ = try await eventually {
                end = try await MetricsDocument(of: address)
                return (end[removed] ?? 0) > 0
            }
            self.end = end
        }
    }

    /// Series that grow by the same while keys are read and written.
    private static let ofKeys: [String] =
        [
            "etcd_mvcc_put_total", "etcd_mvcc_delete_total", "etcd_mvcc_range_total", "etcd_mvcc_txn_total",
            "etcd_debugging_mvcc_total_put_size_in_bytes", "etcd_debugging_mvcc_keys_total",
            "etcd_debugging_mvcc_current_revision", "etcd_network_client_grpc_received_bytes_total",
            "etcd_server_proposals_failed_total",
            #"etcd_server_client_requests_total{client_api_version="3.5",type="unary"}"#,
        ] + ["Put", "Range", "DeleteRange", "Txn"].flatMap { calls("KV", $0, "unary", code: "OK") }

    /// And while there are transactions, leases, compactions, refusals.
    private static let ofAll: [String] =
        [
            "etcd_mvcc_put_total", "etcd_mvcc_delete_total", "etcd_mvcc_txn_total",
            "etcd_debugging_mvcc_total_put_size_in_bytes", "etcd_debugging_mvcc_keys_total",
            "etcd_debugging_mvcc_current_revision", "etcd_debugging_mvcc_db_compaction_keys_total",
            "etcd_debugging_lease_granted_total", "etcd_debugging_lease_revoked_total",
            "etcd_debugging_lease_renewed_total", "etcd_debugging_lease_ttl_total_sum",
            #"etcd_debugging_lease_ttl_total_bucket{le="4096"}"#,
            #"etcd_debugging_lease_ttl_total_bucket{le="8192"}"#, "etcd_debugging_server_lease_expired_total",
            "etcd_debugging_mvcc_db_compaction_total_duration_milliseconds_count", "etcd_server_health_success",
            "etcd_server_health_failures", "etcd_server_proposals_failed_total",
            #"etcd_server_client_requests_total{client_api_version="3.5",type="unary"}"#,
            #"grpc_server_started_total{grpc_method="Watch",grpc_service="etcdserverpb.Watch","#
                + #"grpc_type="bidi_stream"}"#,
        ] + refused + calls("KV", "Compact", "unary", code: "OK")
        // How a stream ends depends on who is faster.
        + calls("Lease", "LeaseKeepAlive", "bidi_stream", code: "OK").dropLast()

    private static let refused =
        calls("KV", "Compact", "unary", code: "OutOfRange") + calls("Lease", "LeaseRevoke", "unary", code: "NotFound")

    /// Families that etcd 3.5 has and we don't; `MetricsPage` says why.
    private static let leftOut = [
        "etcd_debugging_disk_backend_commit_", "etcd_debugging_mvcc_index_compaction_", "etcd_debugging_store_",
        "etcd_debugging_mvcc_range_total", "etcd_grpc_proxy_", "etcd_mvcc_db_open_read_transactions",
        "etcd_server_apply_duration_seconds", "etcd_server_go_version", "etcd_snap_", "go_", "promhttp_",
        "process_virtual_memory_max_bytes",
    ]

    /// Those of etcd 3.6 that 3.5 lacks.
    private static let newer = [
        "etcd_disk_wal_write_duration_seconds", "etcd_network_known_peers", "etcd_server_healthcheck",
        "etcd_server_healthchecks_total",
    ]

    private static func calls(_ service: String, _ method: String, _ type: String, code: String) -> [String] {
        let labels = #"grpc_method="\#(method)",grpc_service="etcdserverpb.\#(service)",grpc_type="\#(type)""#
        return [
            "grpc_server_started_total{\(labels)}", "grpc_server_msg_received_total{\(labels)}",
            "grpc_server_msg_sent_total{\(labels)}", #"grpc_server_handled_total{grpc_code="\#(code)",\#(labels)}"#,
        ]
    }

    @Test func tellsWhatEtcdTells() async throws {
        guard let release = try EtcdRelease.v35.find() else { return }
        let arguments = ["--metrics", "extensive"]
        let theirs = try await EtcdProcess.with(.etcd35, arguments: arguments) {
            try await Session($0, release.etcdctl)
        }
        let ours = try await EtcdProcess.with(.martlet, arguments: arguments) {
            try await Session($0, release.etcdctl)
        }

        for (name, family) in theirs.end.families {
            guard let own = ours.end.families[name] else {
                #expect(Self.leftOut.contains { name.hasPrefix($0) }, "\(name) is not there")
                continue
            }
            #expect(!Self.leftOut.contains { name.hasPrefix($0) }, "\(name) is there")
            #expect(own.type == family.type, "\(name)")
            #expect(own.labels == family.labels, "\(name)")
            #expect(own.bounds == family.bounds, "\(name)")
        }
        for name in Self.newer { #expect(ours.end.families[name] != nil, "\(name)") }
        for series in Self.ofKeys {
            let expected = theirs.keys.growth(of: series, since: theirs.start)
            #expect(ours.keys.growth(of: series, since: ours.start) == expected, "\(series)")
            #expect(expected != nil, "\(series)")
        }
        for series in Self.ofAll {
            let expected = theirs.end.growth(of: series, since: theirs.start)
            #expect(ours.end.growth(of: series, since: ours.start) == expected, "\(series)")
            #expect(expected != nil, "\(series)")
        }
        for gauge in [
            "etcd_server_has_leader", "etcd_server_is_leader", "etcd_server_is_learner",
            "etcd_server_leader_changes_seen_total", "etcd_server_quota_backend_bytes",
            "etcd_debugging_mvcc_compact_revision", "etcd_debugging_mvcc_watcher_total", "etcd_debugging_auth_revision",
            "etcd_server_proposals_pending",
        ] {
            #expect(ours.end[gauge] == theirs.end[gauge], "\(gauge)")
        }
        for series in [
            "etcd_disk_wal_fsync_duration_seconds_count", "etcd_disk_backend_commit_duration_seconds_count",
            "etcd_disk_wal_write_bytes_total", "etcd_mvcc_db_total_size_in_bytes", "process_resident_memory_bytes",
            "process_open_fds", "process_start_time_seconds",
        ] {
            #expect((ours.end[series] ?? 0) > 0, "\(series)")
        }
    }

    @Test func timesCallsOnlyIfAsked() async throws {
        func families(_ arguments: [String]) async throws -> [String: MetricsDocument.Family] {
            try await EtcdProcess.with(.martlet, arguments: arguments) {
                try await MetricsDocument(of: $0.endpoint).families
            }
        }
        let basic = try await families([])
        let extensive = try await families(["--metrics=extensive"])
        #expect(
            Set(extensive.keys).subtracting(basic.keys)
                == ["grpc_server_handling_seconds", "etcd_server_range_duration_seconds"])
    }
}
