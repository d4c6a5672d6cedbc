// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// The keys that a request speaks of: `lower` and all keys before `end`.
public struct KeyInterval: Hashable, Sendable {
    public enum End: Hashable, Sendable {
        /// Only the key `lower`.
        case single
        /// Keys below this one. Where it isn't above `lower` the interval is empty.
        case before([UInt8])
        /// Every key from `lower` on.
        case unbounded
    }

    public var lower: [UInt8]
    public var end: End

    public init(lower: [UInt8], end: End) {
        self.lower = lower
        self.end = end
    }

    /// Reads a wire's pair: no `rangeEnd` is a single key, the one byte 0 means without end.
    public init(key: [UInt8], rangeEnd: [UInt8]) {
        lower = key
        end = rangeEnd.isEmpty ? .single : rangeEnd == [0] ? .unbounded : .before(rangeEnd)
    }

    public static func key(_ key: [UInt8]) -> KeyInterval {
        KeyInterval(lower: key, end: .single)
    }

    /// All keys that begin with `prefix`.
    public static func prefix(_ prefix: [UInt8]) -> KeyInterval {
        KeyInterval(lower: prefix, end: KeyPrefix.end(of: prefix).map(End.before) ?? .unbounded)
    }

    /// Whether no key lies inside.
    public var isEmpty: Bool {
        guard case .before(let upper) = end else { return false }
        return !KeyOrder.isLess(lower, upper)
    }

    public func contains(_ key: [UInt8]) -> Bool {
        switch end {
        case .single: key == lower
        case .before(let upper): !KeyOrder.isLess(key, lower) && KeyOrder.isLess(key, upper)
        case .unbounded: !KeyOrder.isLess(key, lower)
        }
    }
}
