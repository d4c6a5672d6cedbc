// SPDX-License-Identifier: Apache-2.0

/// A lease of the key-value store. Clients may choose any value but 0, negative ones included.
package struct LeaseID: Hashable, Comparable, Sendable {
    package var rawValue: Int64

    @inlinable
    package init(_ rawValue: Int64) {
        self.rawValue = rawValue
    }

    @inlinable
    package static func < (left: LeaseID, right: LeaseID) -> Bool { left.rawValue < right.rawValue }

    /// What a key without a lease carries.
    @inlinable
    package static var none: LeaseID { LeaseID(0) }
}

extension LeaseID: CustomStringConvertible {
    package var description: String { "\(rawValue)" }
}

/// A watch inside one watch stream. Unique only within its stream.
package struct WatchID: Hashable, Comparable, Sendable {
    package var rawValue: Int64

    @inlinable
    package init(_ rawValue: Int64) {
        self.rawValue = rawValue
    }

    @inlinable
    package static func < (left: WatchID, right: WatchID) -> Bool { left.rawValue < right.rawValue }

    /// What an answer carries that concerns no single watch.
    @inlinable
    package static var invalid: WatchID { WatchID(-1) }
}

extension WatchID: CustomStringConvertible {
    package var description: String { "\(rawValue)" }
}

/// One client's stream of watches.
package struct WatchStreamID: Hashable, Comparable, Sendable {
    package var rawValue: UInt64

    @inlinable
    package init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    @inlinable
    package static func < (left: WatchStreamID, right: WatchStreamID) -> Bool { left.rawValue < right.rawValue }
}

extension WatchStreamID: CustomStringConvertible {
    package var description: String { "\(rawValue)" }
}

/// A Raft term: the number of an election.
package struct Term: Hashable, Comparable, Sendable {
    package var rawValue: UInt64

    @inlinable
    package init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    @inlinable
    package static func < (left: Term, right: Term) -> Bool { left.rawValue < right.rawValue }
}

extension Term: CustomStringConvertible {
    package var description: String { "\(rawValue)" }
}

/// A position in the replicated log. The first entry has index 1.
package struct LogIndex: Hashable, Comparable, Sendable {
    package var rawValue: UInt64

    @inlinable
    package init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    @inlinable
    package static func < (left: LogIndex, right: LogIndex) -> Bool { left.rawValue < right.rawValue }
}

extension LogIndex: CustomStringConvertible {
    package var description: String { "\(rawValue)" }
}
