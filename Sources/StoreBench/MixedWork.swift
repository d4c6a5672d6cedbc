// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Four reads of a random key to each put of one. A put's value begins with the time at which it was made.
struct MixedWork: CallWork {
    private static let readsPart = 0.8
    private let keys: Int
    private var value: [UInt8]
    private var random: SeededRandom
    private(set) var puts = 0
    private(set) var answered = 0

    init(keys: Int, valueBytes: Int, seed: UInt64) {
        self.keys = keys
        self.value = PutWork.value(bytes: valueBytes)
        self.random = SeededRandom(seed: seed)
    }

    mutating func next(lane: Int, into message: inout [UInt8]) -> Method? {
        let key = Int.random(in: 0..<self.keys, using: &self.random)
        guard Double.random(in: 0..<1, using: &self.random) >= Self.readsPart else {
            message.append(range: Keys.key(key))
            return .range
        }
        self.puts += 1
        EventTime.write(monotonicTime(), into: &self.value)
        message.append(put: key, self.value)
        return .put
    }

    mutating func finish(lane: Int, _ answer: ArraySlice<UInt8>, nanoseconds: UInt64) {
        self.answered += 1
    }
}

/// The time at which a put was made, in the first bytes of its value.
enum EventTime {
    static let bytes = 8

    static func write(_ time: UInt64, into value: inout [UInt8]) {
        for place in 0..<self.bytes { value[place] = UInt8(truncatingIfNeeded: time >> UInt64(place * 8)) }
    }

    static func read(_ value: ArraySlice<UInt8>) -> UInt64 {
        value.prefix(self.bytes).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
