// SPDX-License-Identifier: Apache-2.0

extension ServerFlag {
    /// etcd's flags that mean nothing here yet, and those that would promise something which isn't there.
    static let withoutEffect: [ServerFlag] = refusals + storage + peers + rest + former

    private static let refusals: [ServerFlag] = [
        .refused("discovery", .string, "", "members are found by --initial-cluster or --discovery-endpoints"),
        .refused("discovery-srv", .string, "", "members are found by --initial-cluster or --discovery-endpoints"),
    ]

    private static let storage: [ServerFlag] = [
        .ignored("snapshot-count", .number, "10000"),
        .ignored("snapshot-catchup-entries", .number, "5000"),
        .ignored("max-snapshots", .number, "5"),
        .ignored("max-wals", .number, "5"),
        .ignored("backend-bbolt-freelist-type", .string, "map"),
        .ignored("backend-batch-interval", .duration, "0s"),
        .ignored("backend-batch-limit", .integer, "0"),
        .ignored("compaction-batch-limit", .integer, "1000"),
        .ignored("compaction-sleep-interval", .duration, "10ms"),
        .ignored("bootstrap-defrag-threshold-megabytes", .number, "0"),
        .ignored("memory-mlock", .boolean, "false"),
    ]

    private static let peers: [ServerFlag] = [
        .ignored("initial-election-tick-advance", .boolean, "true"),
        .ignored("pre-vote", .boolean, "true"),
        .ignored("client-cert-file", .string),
        .ignored("client-key-file", .string),
        .ignored("discovery-fallback", .choice(["exit", "proxy"]), "exit"),
        .ignored("discovery-proxy", .string),
        .ignored("discovery-srv-name", .string),
        .ignored("discovery-keepalive-time", .duration, "2s"),
        .ignored("discovery-keepalive-timeout", .duration, "6s"),
        .ignored("discovery-insecure-transport", .boolean, "true"),
        .ignored("downgrade-check-time", .duration, "5s"),
        .ignored("raft-read-timeout", .duration, "5s"),
        .ignored("raft-write-timeout", .duration, "5s"),
    ]

    private static let rest: [ServerFlag] = [
        .ignored("grpc-keepalive-min-time", .duration, "5s"),
        .ignored("enable-pprof", .boolean, "false"),
        .ignored("log-package-levels", .string),
        .ignored("debug", .boolean, "false"),
        .ignored("disable-log-sampling", .boolean, "false"),
        .ignored("warning-apply-duration", .duration, "100ms"),
        .ignored("warning-unary-request-duration", .duration, "300ms"),
        .ignored("stop-grpc-service-on-defrag", .boolean, "false"),
        .ignored("set-member-localaddr", .boolean, "false"),
        .ignored("txn-mode-write-with-shared-buffer", .boolean, "true"),
        .ignored("enable-distributed-tracing", .boolean, "false"),
        .ignored("distributed-tracing-address", .string, "localhost:4317"),
        .ignored("distributed-tracing-service-name", .string, "etcd"),
        .ignored("distributed-tracing-instance-id", .string),
        .ignored("distributed-tracing-sampling-rate", .integer, "0"),
        .ignored("enable-v2", .boolean, "false"),
        .ignored("enable-v2v3", .string),
        .ignored(
            "v2-deprecation", .choice(["not-yet", "write-only", "write-only-drop-data", "gone"]), "write-only"),
        .ignored("proxy", .choice(["off", "readonly", "on"]), "off"),
        .ignored("proxy-failure-wait", .number, "5000"),
        .ignored("proxy-refresh-interval", .number, "30000"),
        .ignored("proxy-dial-timeout", .number, "1000"),
        .ignored("proxy-write-timeout", .number, "5000"),
        .ignored("proxy-read-timeout", .number, "0"),
        .ignored("unsafe-no-fsync", .boolean, "false"),
    ]

    /// What etcd itself only accepts, since before its version 3.
    private static let former: [ServerFlag] = [
        "cluster-active-size", "cluster-remove-delay", "cluster-sync-interval", "config", "force", "max-result-buffer",
        "max-retry-attempts", "peer-heartbeat-interval", "peer-election-timeout", "retry-interval", "snapshot", "v",
        "vv",
    ].map { .ignored($0, .boolean, "false") }
}
