// SPDX-License-Identifier: Apache-2.0

import MartletRaft

/// Which machines can't reach which, and what else is wrong with the network.
struct Network {
    private var cut: Set<[Int]> = []
    /// In a thousand messages.
    var losses = 0
    var doubles = 0
    /// Those that take much longer than others.
    var lateness = 0
    /// Microseconds, at most.
    var delay = 1
    /// Messages of one link overtake each other.
    var reorders = false
    /// When the last message of a link arrives.
    private var lastArrivals: [[Int]: Int] = [:]
    var messageCount = 0

    func isCut(from: Int, to: Int) -> Bool { cut.contains([from, to]) }

    mutating func cut(from: Int, to: Int) { cut.insert([from, to]) }

    mutating func heal() { cut = [] }

    /// When a message that leaves now and takes `delay` arrives.
    mutating func arrival(from: Int, to: Int, at time: Int) -> Int {
        if reorders { return time }
        let arrival = max(time, lastArrivals[[from, to]] ?? 0)
        lastArrivals[[from, to]] = arrival
        return arrival
    }
}
