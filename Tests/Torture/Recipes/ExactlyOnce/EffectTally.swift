// SPDX-License-Identifier: Apache-2.0

/// How often each of the messages 0..<count was counted. A value.
package struct EffectTally {
    private var counts: [UInt8]
    /// Numbers that no message has.
    package private(set) var strangers = 0
    /// All that was counted, twice what was counted twice.
    package private(set) var total = 0

    package init(messages count: Int) { counts = Array(repeating: 0, count: count) }

    package mutating func count(_ number: Int) {
        total += 1
        guard counts.indices.contains(number) else {
            strangers += 1
            return
        }
        if counts[number] < .max { counts[number] += 1 }
    }

    package var once: Int { counts.count { $0 == 1 } }
    package var lost: Int { counts.count { $0 == 0 } }
    package var moreThanOnce: Int { counts.count { $0 > 1 } }
    package var isExact: Bool { lost + moreThanOnce + strangers == 0 }

    /// Some that weren't counted once, for whoever looks for the reason.
    package func examples(_ limit: Int) -> String {
        let wrong = counts.indices.lazy.filter { counts[$0] != 1 }.prefix(limit)
        return wrong.map { "\($0): \(counts[$0]) times" }.joined(separator: ", ")
    }
}
