// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// A member of the cluster. 0 is nobody's and never occurs: etcd's wire uses it for "none", here that is `nil`.
public struct MemberID: Hashable, Comparable, Sendable {
    public var rawValue: UInt64

    @inlinable
    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    @inlinable
    public static func < (left: MemberID, right: MemberID) -> Bool { left.rawValue < right.rawValue }
}

extension MemberID: CustomStringConvertible {
    /// Hexadecimal, as etcd's tools print it.
    public var description: String { String(rawValue, radix: 16) }
}

/// A number that a reader gives its read and finds again in the answer.
///
/// Unique among all reads of a member, those before a restart included: a late answer to an old read must never be
/// taken for the answer to a new one.
public struct ReadContext: Hashable, Sendable {
    public var rawValue: UInt64

    @inlinable
    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// A bundle of orders that must become durable. Counts from 1 in each life of a `RaftNode`.
///
/// Writes are numbered, not the entries in them, because the same index may be written twice: a report about an
/// overwritten entry must not be taken for one about its successor.
public struct WriteNumber: Hashable, Comparable, Sendable {
    public var rawValue: UInt64

    @inlinable
    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    @inlinable
    public static func < (left: WriteNumber, right: WriteNumber) -> Bool { left.rawValue < right.rawValue }
}

/// One exchange by which a leader makes sure that it still leads. Counts from 1 in each term.
public struct ReadRound: Hashable, Comparable, Sendable {
    public var rawValue: UInt64

    @inlinable
    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    @inlinable
    public static func < (left: ReadRound, right: ReadRound) -> Bool { left.rawValue < right.rawValue }
}

/// The identity of an entry: no two different entries share both index and term.
/// Source: Raft §5.3, the log matching property.
public struct EntryID: Hashable, Sendable {
    public var index: LogIndex
    public var term: Term

    public init(index: LogIndex, term: Term) {
        self.index = index
        self.term = term
    }

    /// What stands before the first entry.
    public static var zero: EntryID { EntryID(index: .zero, term: .zero) }

    /// Whether a log that ends here is at least as far as one that ends at `other`. Source: Raft §5.4.1.
    public func isUpToDate(with other: EntryID) -> Bool {
        term != other.term ? term > other.term : index >= other.index
    }
}

extension LogIndex {
    public static var zero: LogIndex { LogIndex(0) }

    /// No log gets this far; an index beyond is a peer's mistake. Keeps every sum of an index and a count in range.
    public static var limit: LogIndex { LogIndex(1 << 62) }

    public static func + (left: LogIndex, right: Int) -> LogIndex {
        LogIndex(left.rawValue + UInt64(right))
    }

    public static func - (left: LogIndex, right: LogIndex) -> Int {
        Int(left.rawValue) - Int(right.rawValue)
    }

    /// Index 0 has no predecessor: traps.
    public var predecessor: LogIndex { LogIndex(rawValue - 1) }
}

extension Term {
    public static var zero: Term { Term(0) }

    /// As for indices: beyond is a peer's mistake.
    public static var limit: Term { Term(1 << 62) }

    public var successor: Term { Term(rawValue + 1) }
}
