// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// What a member must never forget beside its entries: protobuf {term = 1, vote = 2, commit = 3}, all always written.
///
/// Source: etcd raft raftpb.HardState
public struct WALHardState: Hashable, Sendable {
    public var term: Term
    /// The member voted for in `term`; 0 for none.
    public var vote: UInt64
    public var commit: LogIndex

    public init(term: Term, vote: UInt64, commit: LogIndex) {
        self.term = term
        self.vote = vote
        self.commit = commit
    }
}

extension LogBytes {
    public mutating func append(_ state: WALHardState) {
        append(field: 1, varint: state.term.rawValue)
        append(field: 2, varint: state.vote)
        append(field: 3, varint: state.commit.rawValue)
    }
}

extension WALHardState {
    /// Nil if the bytes are no hard state: all fields must be there, and the term at least 1.
    public init?(_ bytes: [UInt8], _ range: Range<Int>) {
        var reader = ProtoReader(bytes, range)
        var fields: (term: UInt64?, vote: UInt64?, commit: UInt64?)
        do throws(ProtoReader.Malformed) {
            while let (number, value) = try reader.field() {
                switch number {
                case 1: fields.term = try value.number()
                case 2: fields.vote = try value.number()
                case 3: fields.commit = try value.number()
                default: return nil
                }
            }
        } catch { return nil }
        guard let term = fields.term, term > 0, let vote = fields.vote, let commit = fields.commit else { return nil }
        self.init(term: Term(term), vote: vote, commit: LogIndex(commit))
    }
}
