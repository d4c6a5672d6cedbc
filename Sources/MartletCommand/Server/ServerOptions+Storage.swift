// SPDX-License-Identifier: Apache-2.0

extension ServerOptions {
    /// What the flags say of how state is kept. etcd's limits and pace; what means nothing here is not in it.
    package struct Storage: Sendable, Equatable {
        /// Size above which the NOSPACE alarm is raised: 0 is the default, less than 0 none.
        package var quotaBytes: Int64
        /// Entries after which etcd writes a snapshot.
        package var snapshotCount: UInt64
        /// Entries kept for members that lag.
        package var catchUpEntries: UInt64
        package var autoCompaction: AutoCompaction?
        package var heartbeatInterval: Duration
        /// A single new cluster out of whatever the data folder holds.
        package var forcesNewCluster: Bool

        init(_ flags: ServerFlags) throws(ServerFlagError) {
            quotaBytes = flags.integer("quota-backend-bytes")
            snapshotCount = flags.number("snapshot-count")
            catchUpEntries = flags.number("snapshot-catchup-entries")
            autoCompaction = try AutoCompaction.parse(
                mode: flags.string("auto-compaction-mode"), retention: flags.string("auto-compaction-retention"))
            heartbeatInterval = .milliseconds(Int64(clamping: flags.number("heartbeat-interval")))
            forcesNewCluster = flags.boolean("force-new-cluster")
            guard flags.duration("compact-hash-check-time") > .zero else {
                throw .conflict("--compact-hash-check-time must be >0 (set to 0s)")
            }
            let gates = flags.string("feature-gates")
            let checkpoints =
                FeatureGates.isEnabled("LeaseCheckpoint", in: gates) || flags.boolean("enable-lease-checkpoint")
            let persists =
                FeatureGates.isEnabled("LeaseCheckpointPersist", in: gates)
                || flags.boolean("enable-lease-checkpoint-persist")
            guard checkpoints || !persists else {
                throw .conflict(
                    "enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint")
            }
        }
    }
}
