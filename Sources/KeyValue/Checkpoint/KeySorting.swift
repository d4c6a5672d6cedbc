// SPDX-License-Identifier: Apache-2.0

/// Sorts many keys without looking at most of them twice.
///
/// As in `KeyList`, keys of one run are compared by eight bytes from behind what all of the run share, as numbers. Runs
/// of keys with equal numbers are sorted likewise, by their next eight bytes.
enum KeySorting {
    private struct Item {
        var head: UInt64
        var offset: Int32
    }

    /// Runs below this length are sorted by comparing whole keys.
    private static let leastRunCount = 16

    /// The offsets of the keys, in key order. Complexity: O(n log n) for n keys, plus their bytes.
    ///
    /// - Parameter keys: all different, and fewer than 2^31.
    static func order(of keys: [[UInt8]]) -> [Int32] {
        var items: [Item] = []
        items.reserveCapacity(keys.count)
        for offset in keys.indices { items.append(Item(head: 0, offset: Int32(offset))) }
        var runs = [0..<items.count]
        while let run = runs.popLast() {
            if run.count < leastRunCount {
                sortWhole(run, &items, keys)
            } else {
                sortByHead(run, &items, keys, &runs)
            }
        }
        return items.map(\.offset)
    }

    private static func sortWhole(_ run: Range<Int>, _ items: inout [Item], _ keys: [[UInt8]]) {
        items[run].sort { KeyOrder.isLess(keys[Int($0.offset)], keys[Int($1.offset)]) }
    }

    private static func sortByHead(
        _ run: Range<Int>, _ items: inout [Item], _ keys: [[UInt8]], _ runs: inout [Range<Int>]
    ) {
        let first = keys[Int(items[run.lowerBound].offset)]
        var shared = first.count
        for place in run {
            let key = keys[Int(items[place].offset)]
            if shared > 0 { shared = min(shared, KeyOrder.sharedCount(first, key)) }
        }
        for place in run { items[place].head = KeyOrder.head(of: keys[Int(items[place].offset)], from: shared) }
        items[run].sort { $0.head < $1.head }
        var begin = run.lowerBound
        for place in run where place + 1 == run.upperBound || items[place + 1].head != items[begin].head {
            let equal = begin..<(place + 1)
            begin = place + 1
            if equal.count == run.count {
                // Nothing was told apart: the heads are zeros, of bytes and of ends.
                sortWhole(equal, &items, keys)
            } else if equal.count > 1 {
                runs.append(equal)
            }
        }
    }
}
