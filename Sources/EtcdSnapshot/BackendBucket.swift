// SPDX-License-Identifier: Apache-2.0

/// The buckets of etcd's backend, in the order in which a file has them (that of their bytes).
///
///     bucket           key                                    value
///     alarm            AlarmMember {memberID=1, alarm=2}       empty
///     auth             authEnabled                             one byte, 0 or 1
///                      authRevision                            8 bytes
///     authRoles        role name                               Role {name=1, keyPermission=2}
///     authUsers        user name                               User {name=1, password=2, roles=3, options=4}
///     cluster          clusterVersion                          text, `3.5.0`
///                      downgrade                               JSON {"target-version", "enabled"}; since 3.5
///     key              main (8), `_`, sub (8), `t` if deleted  KeyValue; of a tombstone only its key
///     lease            lease ID (8)                            Lease {ID=1, TTL=2, RemainingTTL=3}
///     members          member ID in hexadecimal                JSON {"id", "name", "peerURLs", "clientURLs", …}
///     members_removed  member ID in hexadecimal                text, `removed`
///     meta             confState                               JSON {"voters", …, "auto_leave"}; since 3.5
///                      consistent_index                        8 bytes: the last entry applied
///                      finishedCompactRev                      17 bytes as in `key`: what a compaction has reached
///                      scheduledCompactRev                     17 bytes: what one was asked to reach
///                      storageVersion                          text, `3.6.0`; since 3.6
///                      term                                    8 bytes: that of the last entry; since 3.5
///
/// Snapshots of ours hold one bucket more where there are streams: see `BackendRecord`.
///
/// Numbers in keys and of fixed length are big-endian; other binary values are protobuf messages. etcd makes all
/// buckets when it starts, those without entries too. Version 3.6 takes a file without `storageVersion` for one of 3.5
/// and then requires `confState` and `term`.
package enum BackendBucket: String, CaseIterable, Sendable {
    case alarm
    case auth
    case authRoles
    case authUsers
    case cluster
    case key
    case lease
    case members
    case membersRemoved = "members_removed"
    case meta

    package var name: [UInt8] { Array(rawValue.utf8) }
}

/// Keys of the buckets `auth`, `cluster` and `meta`.
enum BackendKey {
    static let authEnabled = Array("authEnabled".utf8)
    static let authRevision = Array("authRevision".utf8)
    static let clusterVersion = Array("clusterVersion".utf8)
    static let downgrade = Array("downgrade".utf8)
    static let confState = Array("confState".utf8)
    static let consistentIndex = Array("consistent_index".utf8)
    static let finishedCompaction = Array("finishedCompactRev".utf8)
    static let scheduledCompaction = Array("scheduledCompactRev".utf8)
    static let storageVersion = Array("storageVersion".utf8)
    static let term = Array("term".utf8)
}

extension Array<UInt8> {
    mutating func append(bigEndian number: UInt64) {
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    init(bigEndian number: UInt64) {
        self = []
        append(bigEndian: number)
    }

    /// Requires: eight bytes stand at `offset`.
    func bigEndian(at offset: Int) -> UInt64 {
        self[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
