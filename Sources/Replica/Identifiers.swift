// SPDX-License-Identifier: Apache-2.0

/// Whoever waits for an answer: a number that the shell gives and finds again in the answer.
public struct WaiterID: Hashable, Sendable {
    public var rawValue: UInt64

    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// A batch handed to the log. Counts from 1 in each life of a `Replica`, as a log writer's submissions do.
public struct BatchNumber: Hashable, Comparable, Sendable {
    public var rawValue: UInt64

    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    public static func < (left: BatchNumber, right: BatchNumber) -> Bool { left.rawValue < right.rawValue }
}

/// The time of an event, on both of a member's clocks. Neither decides what the state becomes.
public struct Moment: Hashable, Sendable {
    /// Since an arbitrary start, on a clock that never goes back.
    public var monotonic: Duration
    /// Milliseconds since 1970.
    public var wallMilliseconds: UInt64

    public init(monotonic: Duration, wallMilliseconds: UInt64) {
        self.monotonic = monotonic
        self.wallMilliseconds = wallMilliseconds
    }
}
