// SPDX-License-Identifier: Apache-2.0

/// A lease of the key-value store. Clients may choose any value but 0, negative ones included.
public struct LeaseID: Hashable, Comparable, Sendable {
    public var rawValue: Int64

    @inlinable
    public init(_ rawValue: Int64) {
        self.rawValue = rawValue
    }

    @inlinable
    public static func < (left: LeaseID, right: LeaseID) -> Bool { left.rawValue < right.rawValue }

    /// What a key without a lease carries.
    @inlinable
    public static var none: LeaseID { LeaseID(0) }
}

extension LeaseID: CustomStringConvertible {
    public var description: String { "\(rawValue)" }
}

/// A watch inside one watch stream. Unique only within its stream.
public struct WatchID: Hashable, Comparable, Sendable {
    public var rawValue: Int64

    @inlinable
    public init(_ rawValue: Int64) {
        self.rawValue = rawValue
    }

    @inlinable
    public static func < (left: WatchID, right: WatchID) -> Bool { left.rawValue < right.rawValue }

    /// What an answer carries that concerns no single watch.
    @inlinable
    public static var invalid: WatchID { WatchID(-1) }
}

extension WatchID: CustomStringConvertible {
    public var description: String { "\(rawValue)" }
}

/// One client's stream of watches.
public struct WatchStreamID: Hashable, Comparable, Sendable {
    public var rawValue: UInt64

    @inlinable
    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    @inlinable
    public static func < (left: WatchStreamID, right: WatchStreamID) -> Bool { left.rawValue < right.rawValue }
}

extension WatchStreamID: CustomStringConvertible {
    public var description: String { "\(rawValue)" }
}

/// A Raft term: the number of an election.
public struct Term: Hashable, Comparable, Sendable {
    public var rawValue: UInt64

    @inlinable
    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    @inlinable
    public static func < (left: Term, right: Term) -> Bool { left.rawValue < right.rawValue }
}

extension Term: CustomStringConvertible {
    public var description: String { "\(rawValue)" }
}

/// A position in the replicated log. The first entry has index 1.
public struct LogIndex: Hashable, Comparable, Sendable {
    public var rawValue: UInt64

    @inlinable
    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    @inlinable
    public static func < (left: LogIndex, right: LogIndex) -> Bool { left.rawValue < right.rawValue }
}

extension LogIndex: CustomStringConvertible {
    public var description: String { "\(rawValue)" }
}
