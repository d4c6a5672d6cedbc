// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Puts of keys that are drawn at random, or of all keys in turn, alone or many in a transaction.
struct PutWork: CallWork {
    enum Order {
        case random(SeededRandom)
        /// The next key, and by how much it moves.
        case sequence(next: Int, step: Int)
    }

    private var order: Order
    private let keys: Int
    private let keysPerCall: Int
    private(set) var remaining: Int
    private var value: [UInt8]
    private(set) var answered = 0

    /// - Parameter calls: How many to make.
    init(_ order: Order, keys: Int, keysPerCall: Int, valueBytes: Int, calls: Int) {
        self.order = order
        self.keys = keys
        self.keysPerCall = keysPerCall
        self.remaining = calls
        self.value = Self.value(bytes: valueBytes)
    }

    /// Bytes that no run of the same byte makes easy to store.
    static func value(bytes: Int) -> [UInt8] {
        var random = SeededRandom(seed: 1)
        return (0..<bytes).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    mutating func next(lane: Int, into message: inout [UInt8]) -> Method? {
        guard self.remaining > 0 else { return nil }
        self.remaining -= 1
        guard self.keysPerCall > 1 else {
            message.append(put: self.nextKey(), self.value)
            return .put
        }
        for _ in 0..<self.keysPerCall { message.append(operation: 2, put: self.nextKey(), self.value) }
        return .txn
    }

    mutating func finish(lane: Int, _ answer: ArraySlice<UInt8>, nanoseconds: UInt64) {
        self.answered += 1
    }

    private mutating func nextKey() -> Int {
        switch self.order {
        case .random(var random):
            let key = Int.random(in: 0..<self.keys, using: &random)
            self.order = .random(random)
            return key
        case .sequence(let key, let step):
            self.order = .sequence(next: (key + step) % self.keys, step: step)
            return key
        }
    }
}
