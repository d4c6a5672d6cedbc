// SPDX-License-Identifier: Apache-2.0

/// Splits the events of one response over several.
package enum WatchFragments {
    /// Cuts `sizes` into consecutive pieces of at most `limit` bytes with `overhead` bytes added to each. A piece has
    /// at least one event, however large.
    package static func pieces(sizes: [Int], overhead: Int, limit: Int) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        var start = 0
        var total = overhead
        for (index, size) in sizes.enumerated() {
            if index > start, total + size > limit {
                pieces.append(start..<index)
                start = index
                total = overhead
            }
            total += size
        }
        pieces.append(start..<sizes.count)
        return pieces
    }
}
