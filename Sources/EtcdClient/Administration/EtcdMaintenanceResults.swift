// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI

/// How one server stands.
public struct EtcdServerStatus: Hashable, Sendable {
    public let member: EtcdMemberID
    /// The server's version.
    public let version: String
    /// The leader that it knows; `nil` for none.
    public let leader: EtcdMemberID?
    /// The store's revision there.
    public let revision: Int64
    /// The size of its data, in bytes.
    public let dataBytes: Int64
    /// How much of that is in use.
    public let dataBytesInUse: Int64
    /// How much it may become, in bytes; 0 where the server doesn't tell, before 3.6.
    public let dataBytesQuota: Int64
    /// The log's last index and term there, and how far it is applied.
    public let raftIndex: UInt64
    public let raftTerm: UInt64
    public let raftAppliedIndex: UInt64
    public let isLearner: Bool
    /// What is wrong there, in words; alarms among it.
    public let errors: [String]
    /// The version of its data's layout; empty where the server doesn't tell, before 3.6.
    public let storageVersion: String

    /// Whether it is the leader.
    public var isLeader: Bool { self.leader == self.member }

    init(_ wire: Etcdserverpb_StatusResponse) {
        self.member = EtcdMemberID(rawValue: wire.header.memberID)
        self.version = wire.version
        self.leader = wire.leader == 0 ? nil : EtcdMemberID(rawValue: wire.leader)
        self.revision = wire.header.revision
        self.dataBytes = wire.dbSize
        self.dataBytesInUse = wire.dbSizeInUse
        self.dataBytesQuota = wire.dbSizeQuota
        self.raftIndex = wire.raftIndex
        self.raftTerm = wire.raftTerm
        self.raftAppliedIndex = wire.raftAppliedIndex
        self.isLearner = wire.isLearner
        self.errors = wire.errors
        self.storageVersion = wire.storageVersion
    }
}

/// What a member can't work with.
public struct EtcdAlarm: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// Its space is used up: nothing is written before some is freed and the alarm is taken back.
        case noSpace
        /// Its data isn't what the others have.
        case corrupt

        var wire: Etcdserverpb_AlarmType {
            switch self {
            case .noSpace: .nospace
            case .corrupt: .corrupt
            }
        }
    }

    public let kind: Kind
    public let member: EtcdMemberID

    public init(_ kind: Kind, member: EtcdMemberID) {
        self.kind = kind
        self.member = member
    }

    /// `nil` for a kind that isn't known here.
    init?(_ wire: Etcdserverpb_AlarmMember) {
        switch wire.alarm {
        case .nospace: self.kind = .noSpace
        case .corrupt: self.kind = .corrupt
        case .none, .UNRECOGNIZED: return nil
        }
        self.member = EtcdMemberID(rawValue: wire.memberID)
    }
}

/// The hash of a server's keys.
public struct EtcdKeysHash: Hashable, Sendable {
    public let hash: UInt32
    /// The revision that history begins at; `nil` if it was never compacted.
    public let compactRevision: Int64?
    /// The revision that was hashed up to; 0 where the server doesn't tell, before 3.6.
    public let hashRevision: Int64

    init(_ wire: Etcdserverpb_HashKVResponse) {
        self.hash = wire.hash
        self.compactRevision = wire.compactRevision < 0 ? nil : wire.compactRevision
        self.hashRevision = wire.hashRevision
    }
}
