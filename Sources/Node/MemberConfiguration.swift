// SPDX-License-Identifier: Apache-2.0

/// How a member runs, beside what its replica is told.
package struct MemberConfiguration: Sendable {
    /// One tick of Raft's clock: etcd's `--heartbeat-interval`.
    package var tick = Duration.milliseconds(100)
    /// A write and sync of the log above this is worth a warning (etcd's value).
    package var slowSync = Duration.seconds(1)
    /// A step of the replica above this is counted (etcd's value for one entry).
    package var slowStep = Duration.milliseconds(100)

    package init() {}
}
