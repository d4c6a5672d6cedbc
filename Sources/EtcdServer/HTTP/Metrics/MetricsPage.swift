// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// The page of /metrics: what is really counted, under etcd's names and with its labels and buckets, so that boards and
/// alerts written for etcd show and tell the truth. Names that begin with `martlet_` are our own.
///
/// Families of etcd's that have no meaning here are left out: its old store (`etcd_debugging_store_…`), its proxy
/// (`etcd_grpc_proxy_…`), Go's runtime (`go_…`, `etcd_server_go_version`), what its database file does
/// (`etcd_debugging_disk_backend_commit_…`, `etcd_mvcc_db_open_read_transactions`), snapshots that members send each
/// other (`etcd_snap_…`), gates of features that etcd has (`etcd_server_feature_enabled`), and the time of each applied
/// entry (`etcd_server_apply_duration_seconds`): entries are applied many at once. No rule of etcd's own alerts needs
/// any of them, and a rule about peers finds no series, as with an etcd that has none.
package enum MetricsPage {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    package static func text(for sample: MetricsSample) -> String {
        var page = MetricsText()
        page.addServer(sample)
        page.addDisk(sample)
        page.addStore(sample)
        page.addLeases(sample)
        page.addWatches(sample)
        page.addCalls(sample.calls)
        page.addProbes(sample.probes)
        page.addProcess(sample.process)
        return page.text
    }
}
