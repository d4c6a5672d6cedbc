// SPDX-License-Identifier: Apache-2.0

import MartletRaft

/// Which machines can't reach which, and what else is wrong with the network.
struct Network {
    private var cut: Set<[Int]> = []
    /// Microseconds that messages of a link take longer, at most; they overtake each other. Only searched.
    private var slowness: [[Int]: Int] = [:]
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

    mutating func slow(from: Int, to: Int, by time: Int) { slowness[[from, to]] = time }

    func slowness(from: Int, to: Int) -> Int { slowness.isEmpty ? 0 : slowness[[from, to]] ?? 0 }

    mutating func heal() { (cut, slowness) = ([], [:]) }

    /// When a message that leaves now and takes `delay` arrives.
    mutating func arrival(from: Int, to: Int, at time: Int) -> Int {
        if reorders || slowness(from: from, to: to) > 0 { return time }
        let arrival = max(time, lastArrivals[[from, to]] ?? 0)
        lastArrivals[[from, to]] = arrival
        return arrival
    }
}
