// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI

/// The number of a member.
public struct EtcdMemberID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// In hexadecimal, as `etcdctl` prints it.
    public var description: String { String(self.rawValue, radix: 16) }
}

/// One server of a cluster.
public struct EtcdMember: Hashable, Sendable, Identifiable {
    public let id: EtcdMemberID
    /// Empty until the member has started.
    public let name: String
    /// Where the other members reach it.
    public let peerURLs: [String]
    /// Where clients reach it; none until it has started.
    public let clientURLs: [String]
    /// Whether it only learns: it has no vote, and serves few requests.
    public let isLearner: Bool

    init(_ wire: Etcdserverpb_Member) {
        self.id = EtcdMemberID(rawValue: wire.id)
        self.name = wire.name
        self.peerURLs = wire.peerUrls
        self.clientURLs = wire.clientUrls
        self.isLearner = wire.isLearner
    }
}
