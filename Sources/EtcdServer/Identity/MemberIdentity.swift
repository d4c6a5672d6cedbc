// SPDX-License-Identifier: Apache-2.0

/// Who a member is: the numbers that stand in every response header.
///
/// A member's id is the first 8 bytes (big-endian) of the SHA-1 digest over its sorted peer URLs, joined without a
/// separator, and the cluster's token. The cluster's id is the same over its members' sorted ids, 8 bytes each.
/// Source: etcd membership.
package struct MemberIdentity: Sendable, Hashable {
    package let clusterID: UInt64
    package let memberID: UInt64

    package init(clusterID: UInt64, memberID: UInt64) {
        self.clusterID = clusterID
        self.memberID = memberID
    }

    /// The identity of the only member of a new cluster.
    package init(peerURLs: [String], clusterToken: String) {
        memberID = Self.memberID(peerURLs: peerURLs, clusterToken: clusterToken)
        clusterID = Self.clusterID(memberIDs: [memberID])
    }

    package static func memberID(peerURLs: [String], clusterToken: String) -> UInt64 {
        number(from: Array(peerURLs.sorted().joined().utf8) + Array(clusterToken.utf8))
    }

    package static func clusterID(memberIDs: [UInt64]) -> UInt64 {
        number(from: memberIDs.sorted().flatMap { id in withUnsafeBytes(of: id.bigEndian) { Array($0) } })
    }

    private static func number(from message: [UInt8]) -> UInt64 {
        SHA1.digest(of: message).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
