// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// The Prometheus text of what is really counted, under etcd's names.
enum MetricsPage {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    static func text(for state: MemberState) -> String {
        var page = Page()
        let counters = state.counters
        page.add("etcd_cluster_version", .gauge, "The cluster's version as label.", 1, [("cluster_version", "3.6")])
        page.add(
            "etcd_server_version", .gauge, "The server's version as label.", 1, [("server_version", EtcdVersion.server)]
        )
        page.add(
            "etcd_server_id", .gauge, "The member's id as label, in hexadecimal.", 1,
            [("server_id", String(state.identity.memberID, radix: 16))]
        )
        page.add("etcd_server_has_leader", .gauge, "1 where a leader is known.", 1)
        page.add("etcd_server_is_leader", .gauge, "1 on the leader.", 1)
        page.add("etcd_server_is_learner", .gauge, "1 on a learner.", 0)
        page.add(
            "etcd_server_proposals_committed_total", .gauge, "Index of the last committed entry.", state.appliedIndex)
        page.add("etcd_server_proposals_applied_total", .gauge, "Index of the last applied entry.", state.appliedIndex)
        page.add("etcd_server_proposals_failed_total", .counter, "Proposals refused.", counters.proposalsFailed)
        page.add(
            "etcd_server_quota_backend_bytes", .gauge, "Quota of the store.", state.quotaBytes)
        page.add("etcd_mvcc_put_total", .counter, "Puts outside of transactions.", counters.puts)
        page.add("etcd_mvcc_delete_total", .counter, "Deletes outside of transactions.", counters.deletes)
        page.add("etcd_mvcc_range_total", .counter, "Ranges outside of transactions.", counters.ranges)
        page.add("etcd_mvcc_txn_total", .counter, "Transactions.", counters.transactions)
        page.add("etcd_mvcc_db_total_size_in_bytes", .gauge, "Estimated size of the store.", state.estimatedBytes)
        page.add(
            "etcd_mvcc_db_total_size_in_use_in_bytes", .gauge, "The same: nothing lies idle.", state.estimatedBytes)
        page.add("etcd_debugging_mvcc_current_revision", .gauge, "The store's revision.", state.revision)
        page.add("etcd_debugging_mvcc_compact_revision", .gauge, "The compacted revision.", state.compactRevision)
        page.add("etcd_debugging_auth_revision", .gauge, "Changes of users and roles.", state.authRevision)
        page.add("etcd_debugging_mvcc_events_total", .counter, "Events sent to watchers.", counters.watchEvents)
        page.add("etcd_debugging_mvcc_watch_stream_total", .gauge, "Open watch streams.", state.watchStreams)
        page.add("etcd_debugging_lease_granted_total", .counter, "Leases granted.", counters.leasesGranted)
        page.add("etcd_debugging_lease_revoked_total", .counter, "Leases revoked.", counters.leasesRevoked)
        page.add("etcd_debugging_lease_renewed_total", .counter, "Renewals of leases.", counters.leasesRenewed)
        page.add("etcd_debugging_server_lease_expired_total", .counter, "Leases expired.", counters.leasesExpired)
        return page.text
    }

    private enum Kind: String { case counter, gauge }

    private struct Page {
        var text = ""

        mutating func add(
            _ name: String,
            _ kind: Kind,
            _ help: String,
            _ value: some BinaryInteger,
            _ labels: [(name: String, value: String)] = []
        ) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n\(name)"
            if !labels.isEmpty {
                text += "{" + labels.map { "\($0.name)=\"\($0.value)\"" }.joined(separator: ",") + "}"
            }
            text += " \(value)\n"
        }
    }
}
