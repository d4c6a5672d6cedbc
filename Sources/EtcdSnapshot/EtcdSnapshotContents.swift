// SPDX-License-Identifier: Apache-2.0

typealias BucketEntry = (key: [UInt8], value: [UInt8])

/// All that a snapshot holds beside revisions and leases: the small buckets, in memory.
///
/// Lists may come in any order; the file sorts them.
package struct EtcdSnapshotContents: Hashable, Sendable {
    package var meta = BackendMeta()
    package var members: [BackendMember] = []
    package var removedMembers: [UInt64] = []
    /// `3.5.0`. An etcd of a lower minor version refuses to start from it.
    package var clusterVersion: String?
    package var downgrade: BackendDowngrade?
    package var auth = BackendAuth()
    package var alarms: [BackendAlarm] = []

    package init() {}

    /// The release whose layout a file has: which entries of `meta` and `cluster` it holds.
    package enum Release: Sendable {
        /// Entries that 3.5 added are left out.
        case v3_4
        /// What 3.6 added is left out; 3.6 takes the file and adds it.
        case v3_5
        case v3_6
    }

    /// The same with the layout and the cluster version of a release, so that its tools and server accept it.
    package func laidOut(for release: Release) -> EtcdSnapshotContents {
        var result = self
        switch release {
        case .v3_4:
            result.meta.term = nil
            result.meta.confState = nil
            result.meta.storageVersion = nil
            result.downgrade = nil
            result.clusterVersion = "3.4.0"
        case .v3_5:
            result.meta.storageVersion = nil
            result.clusterVersion = "3.5.0"
        case .v3_6:
            result.meta.storageVersion = "3.6.0"
            result.clusterVersion = "3.6.0"
        }
        return result
    }

    /// The small buckets before `key`, in the file's order, with sorted entries.
    var leadingBuckets: [(name: [UInt8], entries: [BucketEntry])] {
        var cluster: [BucketEntry] = []
        if let clusterVersion { cluster.append((BackendKey.clusterVersion, Array(clusterVersion.utf8))) }
        if let downgrade { cluster.append((BackendKey.downgrade, downgrade.encoded)) }
        return [
            (BackendBucket.alarm.name, Self.sorted(alarms.map { ($0.bucketKey, []) })),
            (BackendBucket.auth.name, auth.entries),
            (BackendBucket.authRoles.name, Self.sorted(auth.roles.map { ($0.name, $0.bucketValue) })),
            (BackendBucket.authUsers.name, Self.sorted(auth.users.map { ($0.name, $0.bucketValue) })),
            (BackendBucket.cluster.name, cluster),
        ]
    }

    /// The small buckets after `lease`.
    var trailingBuckets: [(name: [UInt8], entries: [BucketEntry])] {
        let removed = Array("removed".utf8)
        return [
            (
                BackendBucket.members.name,
                Self.sorted(members.map { (BackendMember.bucketKey($0.id), $0.bucketValue) })
            ),
            (
                BackendBucket.membersRemoved.name,
                Self.sorted(removedMembers.map { (BackendMember.bucketKey($0), removed) })
            ),
            (BackendBucket.meta.name, meta.entries),
        ]
    }

    private static func sorted(_ entries: [BucketEntry]) -> [BucketEntry] {
        entries.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }
}
