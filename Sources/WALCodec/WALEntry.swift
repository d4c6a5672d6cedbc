// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// An entry of the replicated log as the file holds it: protobuf {kind = 1, term = 2, index = 3, data = 4}, the first
/// three always written, the data only if it is not empty.
///
/// A configuration change always has data: whoever leaves a joint configuration writes that out, where etcd's library
/// could leave it empty (its server has no joint ones). Else a hard state whose record's type is damaged could be read
/// as an entry.
///
/// Source: etcd raft raftpb.Entry
public struct WALEntry: Hashable, Sendable {
    public enum Kind: UInt8, Sendable {
        /// A request; without data, what a new leader commits first.
        case normal = 0
        case configurationChange = 1
        case configurationChangeV2 = 2
    }

    public var index: LogIndex
    public var term: Term
    public var kind: Kind
    public var data: [UInt8]

    public init(index: LogIndex, term: Term, kind: Kind = .normal, data: [UInt8] = []) {
        self.index = index
        self.term = term
        self.kind = kind
        self.data = data
    }
}

extension LogBytes {
    public mutating func append(entry index: LogIndex, _ term: Term, _ kind: WALEntry.Kind, _ data: RawSpan) {
        append(field: 1, varint: UInt64(kind.rawValue))
        append(field: 2, varint: term.rawValue)
        append(field: 3, varint: index.rawValue)
        if !data.isEmpty { append(field: 4, bytes: data) }
    }
}

extension WALEntry {
    /// Nil if the bytes are no entry: kind, term and index must be there, term and index at least 1,
    /// and data unless the kind is normal.
    public init?(_ bytes: [UInt8], _ range: Range<Int>) {
        var reader = ProtoReader(bytes, range)
        var kind: UInt64?
        var term: UInt64 = 0
        var index: UInt64 = 0
        var data = range.upperBound..<range.upperBound
        do throws(ProtoReader.Malformed) {
            while let (number, value) = try reader.field() {
                switch number {
                case 1: kind = try value.number()
                case 2: term = try value.number()
                case 3: index = try value.number()
                case 4: data = try value.range()
                default: return nil
                }
            }
        } catch { return nil }
        guard let kind, let kind = UInt8(exactly: kind).flatMap(Kind.init(rawValue:)), term > 0, index > 0 else {
            return nil
        }
        if kind != .normal, data.isEmpty { return nil }
        self.init(index: LogIndex(index), term: Term(term), kind: kind, data: Array(bytes[data]))
    }
}
