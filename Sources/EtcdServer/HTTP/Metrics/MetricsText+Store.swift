// SPDX-License-Identifier: Apache-2.0

import MartletKeyValue
import MartletNode

/// Keys, leases and watches.
extension MetricsText {
    mutating func addStore(_ sample: MetricsSample) {
        let (store, statistics) = (sample.store, sample.statistics)
        counter("etcd_mvcc_put_total", store.puts, "Puts, those of transactions included.")
        counter("etcd_mvcc_delete_total", store.deletes, "Deletes, of transactions and of ending leases included.")
        counter("etcd_mvcc_range_total", sample.counters.ranges, "Ranges, those of transactions included.")
        counter("etcd_mvcc_txn_total", sample.counters.transactions, "Transactions.")
        gauge(
            "etcd_debugging_mvcc_total_put_size_in_bytes", store.putBytes, [], "Bytes of keys and values that were put."
        )
        gauge("etcd_debugging_mvcc_keys_total", sample.keyCount, [], "Keys that exist.")
        // What the quota counts. A file with free pages in it takes more, but fills no quota; it shrinks by itself.
        gauge("etcd_mvcc_db_total_size_in_bytes", sample.size.totalBytes, [], "The tables' file, with what lies idle.")
        gauge("etcd_mvcc_db_total_size_in_use_in_bytes", sample.size.inUseBytes, [], "What of it holds something.")
        gauge("etcd_debugging_mvcc_current_revision", sample.revision, [], "Revision of the last change.")
        gauge("etcd_debugging_mvcc_compact_revision", sample.compactRevision, [], "Of the last compaction, or -1.")
        gauge("etcd_debugging_auth_revision", sample.authRevision, [], "Changes of users, roles and rights.")
        counter(
            "etcd_debugging_mvcc_db_compaction_keys_total", store.reclaimedVersions,
            "Versions that compactions removed.")
        gauge(
            "etcd_debugging_mvcc_db_compaction_last", statistics.lastCompactionSeconds, [],
            "When the last compaction was done, in seconds since 1970.")
        histogram(
            "etcd_debugging_mvcc_db_compaction_total_duration_milliseconds", statistics.compactions,
            "Compactions, until the last version is removed; removal waits for the checkpoint.")
        histogram(
            "etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds", statistics.compactionPauses,
            "Steps of compaction, between which others are served.")
        histogram("etcd_mvcc_hash_duration_seconds", sample.counters.hashes, "Hashes of all that is stored.")
        histogram(
            "etcd_mvcc_hash_rev_duration_seconds", sample.counters.revisionHashes,
            "Hashes of all that is stored at a revision.")
        guard let times = sample.counters.rangeTimes else { return }
        let name = "etcd_server_range_duration_seconds"
        family(name, .histogram, "Ranges, without what they wait for. Only with --metrics extensive.")
        samples(name, times.answered, [("success", "true")])
        samples(name, times.refused, [("success", "false")])
    }

    mutating func addLeases(_ sample: MetricsSample) {
        let counters = sample.counters
        counter("etcd_debugging_lease_granted_total", counters.leasesGranted, "Leases granted.")
        counter(
            "etcd_debugging_lease_revoked_total", counters.leasesRevoked + sample.expiredLeases,
            "Leases revoked, by clients or because they ran out.")
        counter("etcd_debugging_lease_renewed_total", counters.leasesRenewed, "Renewals of leases.")
        histogram("etcd_debugging_lease_ttl_total", counters.leaseTTLs, "Terms of granted leases, in seconds.")
        counter("etcd_debugging_server_lease_expired_total", sample.expiredLeases, "Leases that ran out.")
    }

    mutating func addWatches(_ sample: MetricsSample) {
        counter("etcd_debugging_mvcc_events_total", sample.counters.watchEvents, "Events sent to watchers.")
        gauge("etcd_debugging_mvcc_watch_stream_total", sample.watchStreams, [], "Open watch streams.")
        gauge("etcd_debugging_mvcc_watcher_total", sample.watches, [], "Watchers.")
        gauge("etcd_debugging_mvcc_slow_watcher_total", sample.laggingWatches, [], "Watchers that read history.")
        gauge(
            "etcd_debugging_mvcc_pending_events_total", sample.pendingEvents, [],
            "Events that wait for clients to read what came before.")
    }
}
