// SPDX-License-Identifier: Apache-2.0

import MartletNode

/// The member and its log of proposals.
extension MetricsText {
    mutating func addServer(_ sample: MetricsSample) {
        let statistics = sample.statistics
        let version = sample.clusterVersion.split(separator: ".").prefix(2).joined(separator: ".")
        gauge("etcd_cluster_version", 1, [("cluster_version", version)], "Always 1; the cluster's version is a label.")
        gauge(
            "etcd_server_version", 1, [("server_version", EtcdVersion.server)],
            "Always 1; the version of etcd whose behaviour this server has is a label.")
        let id = String(sample.identity.memberID, radix: 16)
        gauge("etcd_server_id", 1, [("server_id", id)], "Always 1; the member's id, in hexadecimal, is a label.")
        gauge("etcd_server_has_leader", sample.hasLeader ? 1 : 0, "1 where a leader is known, else 0.")
        gauge("etcd_server_is_leader", sample.isLeader ? 1 : 0, "1 on the leader, else 0.")
        // A member alone has a vote, and applies what it commits in the same step.
        gauge("etcd_server_is_learner", sample.isLearner ? 1 : 0, "1 on a member without a vote, else 0.")
        counter("etcd_server_leader_changes_seen_total", statistics.leaderChanges, "How often a leader was found.")
        gauge("etcd_server_proposals_committed_total", sample.appliedIndex, "Index of the last committed entry.")
        gauge("etcd_server_proposals_applied_total", sample.appliedIndex, "Index of the last applied entry.")
        gauge("etcd_server_proposals_pending", statistics.pendingWrites, "Writes whose outcome is not known yet.")
        counter(
            "etcd_server_proposals_failed_total", sample.counters.proposalsFailed,
            "Writes that found no leader, or lost it.")
        counter(
            "etcd_server_read_indexes_failed_total", statistics.failedReads,
            "Reads that found no leader to confirm them.")
        counter(
            "etcd_server_slow_apply_total", statistics.slowSteps,
            "Times that the member was busy with its log's entries for more than 100 ms.")
        gauge("etcd_server_quota_backend_bytes", sample.quotaBytes, "What keys and kept versions may take.")
        addOfOneMember(sample)
    }

    /// True zeroes: these happen between members, and there is one.
    private mutating func addOfOneMember(_ sample: MetricsSample) {
        let id = String(sample.identity.memberID, radix: 16)
        gauge("etcd_network_known_peers", 1, [("Local", id), ("Remote", id)], "Members of the cluster, itself too.")
        counter("etcd_server_heartbeat_send_failures_total", 0, "Heartbeats that could not be sent in time.")
        counter("etcd_server_learner_promote_successes", 0, "Members that were given a vote.")
        counter("etcd_server_slow_read_indexes_total", 0, "Reads that waited for a leader until their time was up.")
        gauge("etcd_server_snapshot_apply_in_progress_total", 0, "1 while a leader's snapshot is being installed.")
    }

    private mutating func gauge(_ name: String, _ value: some BinaryInteger, _ help: String) {
        gauge(name, value, [], help)
    }

    // MARK: The disk

    /// The backend of etcd's is our checkpoint: the state, written to the tables every second or so.
    mutating func addDisk(_ sample: MetricsSample) {
        let statistics = sample.statistics
        histogram("etcd_disk_wal_fsync_duration_seconds", statistics.logSyncs, "Syncs of the log, of each batch.")
        histogram("etcd_disk_wal_write_duration_seconds", statistics.logWrites, "Writes to the log, of each batch.")
        gauge("etcd_disk_wal_write_bytes_total", statistics.logBytes, "Bytes written to the log.")
        histogram(
            "etcd_disk_backend_commit_duration_seconds", statistics.checkpointCommits,
            "Transactions that write a checkpoint to the tables, with their sync.")
        histogram(
            "etcd_debugging_snap_save_marshalling_duration_seconds", statistics.checkpointEncodings,
            "Encoding of checkpoints.")
        histogram(
            "etcd_debugging_snap_save_total_duration_seconds", statistics.checkpoints,
            "Checkpoints, from their encoding to the sync.")
        histogram(
            "etcd_disk_backend_snapshot_duration_seconds", statistics.snapshots,
            "Snapshots for clients, from the request to the end of their reading.")
        histogram(
            "etcd_disk_backend_defrag_duration_seconds", statistics.rewrites,
            "The tables' file made anew without free pages, asked for or not.")
        gauge("etcd_disk_defrag_inflight", statistics.isRewriting ? 1 : 0, "1 while the tables' file is made anew.")
    }
}
