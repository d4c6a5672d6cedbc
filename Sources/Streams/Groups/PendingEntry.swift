// SPDX-License-Identifier: Apache-2.0

/// A consumer's place in its group. Free places are given again, the lowest first.
public struct ConsumerNumber: Hashable, Comparable, Sendable {
    public var rawValue: UInt32

    public init(_ rawValue: UInt32) {
        self.rawValue = rawValue
    }

    public static func < (left: ConsumerNumber, right: ConsumerNumber) -> Bool { left.rawValue < right.rawValue }
}

/// An entry that was delivered to a group and is not acknowledged.
public struct PendingEntry: Hashable, Sendable {
    /// Who may have it, and since when.
    public enum Holder: Hashable, Sendable {
        /// Delivered to a consumer at this moment, in milliseconds of the Unix clock; never negative.
        case consumer(ConsumerNumber, deliveredAt: Int64)
        /// Given back: whoever asks next may have it. Those given back first have the lowest tickets.
        case nobody(ticket: UInt32)
    }

    public var id: StreamID
    public var holder: Holder
    /// How often it was delivered; never negative.
    public var deliveryCount: Int64

    public init(id: StreamID, holder: Holder, deliveryCount: Int64) {
        self.id = id
        self.holder = holder
        self.deliveryCount = deliveryCount
    }

    public var consumer: ConsumerNumber? {
        if case .consumer(let number, _) = holder { number } else { nil }
    }

    /// When it was delivered; 0 if nobody holds it.
    public var deliveredAt: Int64 {
        if case .consumer(_, let moment) = holder { moment } else { 0 }
    }

    /// The ticket of what waits behind another entry with its key: nobody gets it before that is acknowledged.
    static let parkedTicket = UInt32.max

    public var isParked: Bool { holder == .nobody(ticket: Self.parkedTicket) }

    /// Milliseconds since its delivery; from the beginning of the clock if nobody holds it.
    public func idle(at now: Int64) -> Int64 { max(now - deliveredAt, 0) }

    /// No moment is so late.
    static let parkedAge = Int64.max
    /// Ages up to this one are of entries that somebody holds or may have.
    static let latestAge = parkedAge - 1

    /// Whether it may be handed over to whoever takes what waits so long, in milliseconds.
    public func isRipe(idle: Int64, at now: Int64) -> Bool {
        switch holder {
        case .consumer: self.idle(at: now) >= idle
        case .nobody: !isParked
        }
    }

    /// Sorts by delivery: what nobody holds first, by tickets, then by moment; what is parked last.
    var age: Int64 {
        switch holder {
        case .consumer(_, let moment): moment
        case .nobody(Self.parkedTicket): Self.parkedAge
        case .nobody(let ticket): .min + Int64(ticket)
        }
    }
}
