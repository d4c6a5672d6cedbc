// SPDX-License-Identifier: Apache-2.0

public import MartletKeyValue

/// A set of keys, as the fewest intervals that cover it.
///
///     granted     [a----f)   [k]      [m------t)
///                      [f--h)            [p-----w)
///     kept        [a-------h) [k,k0)  [m--------w)
///
/// Intervals that overlap or touch are one: whoever may read `a..<f` and `f..<h` may read `a..<h` in one request.
public struct KeyIntervalSet: Equatable, Sendable {
    /// Ascending. Interval `i` holds the keys from `lowers[i]` on, below `uppers[i]`.
    private var lowers: [[UInt8]] = []
    /// Ascending, each above its lower and below the next lower. Nil, which only the last can be: without end.
    private var uppers: [[UInt8]?] = []

    /// Empty intervals add nothing. Complexity: O(n log n).
    public init(_ intervals: [KeyInterval] = []) {
        for interval in intervals.filter({ !$0.isEmpty }).sorted(by: { ByteOrder.isLess($0.lower, $1.lower) }) {
            let upper: [UInt8]? =
                switch interval.end {
                // The smallest key above `lower`.
                case .single: interval.lower + [0]
                case .before(let upper): upper
                case .unbounded: nil
                }
            append(from: interval.lower, to: upper)
        }
    }

    /// `lower` is not below the last lower.
    private mutating func append(from lower: [UInt8], to upper: [UInt8]?) {
        guard let last = uppers.last else {
            lowers.append(lower)
            uppers.append(upper)
            return
        }
        guard let last else { return }
        if ByteOrder.isLess(last, lower) {
            lowers.append(lower)
            uppers.append(upper)
        } else if let upper {
            if ByteOrder.isLess(last, upper) { uppers[uppers.count - 1] = upper }
        } else {
            uppers[uppers.count - 1] = nil
        }
    }

    /// How many intervals are left after merging.
    public var count: Int { lowers.count }

    /// Whether every possible key is inside. No key is empty, so the smallest is the one byte 0.
    public var holdsEveryKey: Bool {
        lowers.count == 1 && !ByteOrder.isLess([0], lowers[0]) && uppers[0] == nil
    }

    /// Whether the whole of `interval` is inside. An interval that ends before it begins counts as its first key.
    ///
    /// Complexity: O(log n) comparisons of keys.
    public func covers(_ interval: KeyInterval) -> Bool {
        var low = 0
        var high = lowers.count
        while low < high {
            let middle = (low + high) / 2
            if ByteOrder.isLess(interval.lower, lowers[middle]) { high = middle } else { low = middle + 1 }
        }
        guard low > 0 else { return false }
        guard let upper = uppers[low - 1] else { return true }
        guard ByteOrder.isLess(interval.lower, upper) else { return false }
        return switch interval.end {
        case .single: true
        case .before(let end): !ByteOrder.isLess(upper, end)
        case .unbounded: false
        }
    }
}
