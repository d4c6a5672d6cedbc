// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue

/// The same ranges as `RangeWork` asks for, of a store in this process: what they take on the member's home loop, with
/// no socket, no other process and no other thread in between.
///
/// Random keys are overwritten between them, as many as writes come between two questions of `ranges`.
struct CoreRanges {
    private static let limit: Int64 = 10
    private let keys: Int
    private let value: [UInt8]
    private var store = KeyValueStore()
    private var random = SeededRandom(seed: 1)
    private(set) var counts = LatencyHistogram()
    private(set) var limited = LatencyHistogram()

    init(keys: Int, valueBytes: Int) {
        self.keys = keys
        self.value = PutWork.value(bytes: valueBytes)
        for key in 0..<keys { self.put(key) }
    }

    /// - Parameter rounds: Each asks for one count and one limited range, behind ten puts.
    mutating func run(rounds: Int) {
        for _ in 0..<rounds {
            for _ in 0..<10 { self.put(Int.random(in: 0..<self.keys, using: &self.random)) }
            let prefix = Keys.groupPrefix(
                Int.random(in: 0..<1_000, using: &self.random), digits: Int.random(in: 1...3, using: &self.random))
            var request = RangeRequest(key: prefix, rangeEnd: Keys.end(ofPrefix: prefix))
            request.countOnly = true
            self.counts.add(self.time(request))
            request.countOnly = false
            request.limit = Self.limit
            self.limited.add(self.time(request))
        }
    }

    private mutating func put(_ key: Int) {
        do {
            _ = try self.store.put(PutRequest(key: Keys.key(key), value: self.value))
        } catch {
            fail("a put was refused: \(error)")
        }
    }

    private func time(_ request: RangeRequest) -> UInt64 {
        let start = monotonicTime()
        guard let found = try? self.store.range(request), found.count > 0 else { fail("a range found nothing") }
        return monotonicTime() - start
    }
}
