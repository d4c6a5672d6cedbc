// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// Says that a snapshot up to an index exists beside the log: protobuf {index = 1, term = 2, membership = 3}, the
/// first two always written. The first segment begins with the one of index 0.
///
/// Source: etcd walpb.Snapshot
public struct WALSnapshot: Hashable, Sendable {
    /// Who belongs to the group: protobuf {voters = 1, learners = 2, outgoing voters = 3, next learners = 4, repeated
    /// one by one; leaves by itself = 5, always written}.
    ///
    /// Source: etcd raft raftpb.ConfState
    public struct Membership: Hashable, Sendable {
        public var voters: [UInt64] = []
        public var learners: [UInt64] = []
        public var outgoingVoters: [UInt64] = []
        public var nextLearners: [UInt64] = []
        public var leavesByItself = false

        public init() {}
    }

    public var index: LogIndex
    /// 0 only where the index is.
    public var term: Term
    public var membership: Membership?

    public init(index: LogIndex, term: Term, membership: Membership? = nil) {
        self.index = index
        self.term = term
        self.membership = membership
    }
}

extension LogBytes {
    public mutating func append(_ snapshot: WALSnapshot) {
        append(field: 1, varint: snapshot.index.rawValue)
        append(field: 2, varint: snapshot.term.rawValue)
        guard let membership = snapshot.membership else { return }
        var inner = LogBytes()
        for voter in membership.voters { inner.append(field: 1, varint: voter) }
        for learner in membership.learners { inner.append(field: 2, varint: learner) }
        for voter in membership.outgoingVoters { inner.append(field: 3, varint: voter) }
        for learner in membership.nextLearners { inner.append(field: 4, varint: learner) }
        inner.append(field: 5, varint: membership.leavesByItself ? 1 : 0)
        inner.withSpan { append(field: 3, bytes: $0) }
    }
}

extension WALSnapshot {
    /// Nil if the bytes are no snapshot record: index and term must be there.
    public init?(_ bytes: [UInt8], _ range: Range<Int>) {
        var reader = ProtoReader(bytes, range)
        var fields: (index: UInt64?, term: UInt64?)
        var membership: Membership?
        do throws(ProtoReader.Malformed) {
            while let (number, value) = try reader.field() {
                switch number {
                case 1: fields.index = try value.number()
                case 2: fields.term = try value.number()
                case 3: membership = try Membership(bytes, value.range())
                default: return nil
                }
            }
        } catch { return nil }
        guard let index = fields.index, let term = fields.term, (index == 0) == (term == 0) else { return nil }
        self.init(index: LogIndex(index), term: Term(term), membership: membership)
    }
}

extension WALSnapshot.Membership {
    fileprivate init(_ bytes: [UInt8], _ range: Range<Int>) throws(ProtoReader.Malformed) {
        self.init()
        var reader = ProtoReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: try Self.read(value, from: bytes, into: &voters)
            case 2: try Self.read(value, from: bytes, into: &learners)
            case 3: try Self.read(value, from: bytes, into: &outgoingVoters)
            case 4: try Self.read(value, from: bytes, into: &nextLearners)
            case 5: leavesByItself = try value.number() != 0
            default: throw ProtoReader.Malformed()
            }
        }
    }

    /// Numbers that repeat may stand one by one or packed into one field.
    private static func read(
        _ value: ProtoReader.Value, from bytes: [UInt8], into numbers: inout [UInt64]
    ) throws(ProtoReader.Malformed) {
        switch value {
        case .varint(let number): numbers.append(number)
        case .bytes(let range):
            var packed = ProtoReader(bytes, range)
            while !packed.isAtEnd { numbers.append(try packed.varint()) }
        }
    }
}
