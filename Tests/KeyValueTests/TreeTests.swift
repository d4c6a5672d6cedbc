// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import Testing

private struct Flag: CountedTreeValue {
    var key: [UInt8]
    var isLive: Bool
    var number: Int
    var stamp: Int64 { Int64(number) }

    func withKey<Result>(_ body: (RawSpan) -> Result) -> Result { body(key.span.bytes) }
}

@Suite struct CountedTreeTests {
    /// Random inserts, changes and removals against a sorted array, with nodes so small that the tree is deep. Keys
    /// share prefixes of many lengths and include the empty key and trailing zero bytes.
    @Test(arguments: [4, 5, 32]) func agreesWithASortedArray(nodeCapacity: Int) {
        var random = SeededRandom(seed: testSeed("CountedTree \(nodeCapacity)"))
        var tree = CountedTree<Flag>(nodeCapacity: nodeCapacity)
        var twin: [(key: [UInt8], value: Flag)] = []
        for step in 0..<4000 {
            let key = Self.randomKey(&random)
            let offset = twin.firstIndex { !$0.key.lexicographicallyPrecedes(key) } ?? twin.count
            let isThere = offset < twin.count && twin[offset].key == key
            // Grows to about 400 keys, then shrinks to none, then grows again.
            let removes = (step / 1000) % 2 == 1 ? 8 : 2
            if Int.random(in: 0..<10, using: &random) < removes {
                let victim =
                    twin.isEmpty || Bool.random(using: &random)
                    ? key : twin[Int.random(in: 0..<twin.count, using: &random)].key
                let removed = tree.remove(victim)
                let place = twin.firstIndex { $0.key == victim }
                #expect(removed?.number == place.map { twin[$0].value.number })
                if let place { twin.remove(at: place) }
            } else {
                let value = Flag(key: key, isLive: Bool.random(using: &random), number: step)
                if Bool.random(using: &random) {
                    let found: Bool? = tree.updateExisting(key) { old in
                        let stored = old.key
                        old = value
                        return stored == key
                    }
                    #expect(found == (isThere ? true : nil))
                    if isThere { twin[offset].value = value }
                } else {
                    tree.update(key, initial: Flag(key: key, isLive: false, number: -1)) { old in
                        #expect((old.number == -1) == !isThere)
                        old = value
                    }
                    if isThere { twin[offset].value = value } else { twin.insert((key, value), at: offset) }
                }
            }
            if let broken = tree.brokenInvariant() {
                Issue.record("step \(step): \(broken)")
                return
            }
            #expect(tree.count == twin.count && tree.liveCount == twin.count { $0.value.isLive })
            guard Self.agree(tree, twin, &random, step) else { return }
        }
    }

    private static func agree(
        _ tree: CountedTree<Flag>, _ twin: [(key: [UInt8], value: Flag)], _ random: inout SeededRandom, _ step: Int
    ) -> Bool {
        let lower = randomKey(&random)
        let upper = randomKey(&random)
        let interval: KeyInterval
        switch step % 3 {
        case 0: interval = KeyInterval(lower: lower, end: .before(upper))
        case 1: interval = KeyInterval(lower: lower, end: .unbounded)
        default: interval = .key(lower)
        }
        let liveOnly = Bool.random(using: &random)
        let expected = twin.filter { interval.contains($0.key) && (!liveOnly || $0.value.isLive) }.map(\.value.number)
        var seen: [Int] = []
        tree.forEach(in: interval, liveOnly: liveOnly) { value in
            seen.append(value.number)
            return true
        }
        var reversed: [Int] = []
        tree.forEachReversed(in: interval, liveOnly: liveOnly) { value in
            reversed.append(value.number)
            return reversed.count < 3
        }
        let live = twin.count { interval.contains($0.key) && $0.value.isLive }
        // As of a step, values with later numbers count by another rule: whether the number is even.
        let asOf = Int64.random(in: 0...Int64(step), using: &random)
        let past = twin.count {
            interval.contains($0.key) && ($0.value.number <= asOf ? $0.value.isLive : $0.value.number % 2 == 0)
        }
        let counted = tree.count(in: interval, asOf: asOf) { $0.number % 2 == 0 }
        let isRight =
            counted == past && seen == expected && reversed == Array(expected.reversed().prefix(3))
            && tree.liveCount(in: interval) == live
        #expect(isRight, "step \(step): \(interval)")
        return isRight
    }

    private static func randomKey(_ random: inout SeededRandom) -> [UInt8] {
        let prefix: [UInt8] =
            [[], [0], [7, 7, 7, 7, 7, 7, 7, 7, 7], Array(repeating: 9, count: 17)].randomElement(using: &random) ?? []
        let count = Int.random(in: 0...4, using: &random)
        return prefix + (0..<count).map { _ in [0, 1, 128, 255].randomElement(using: &random) ?? 0 }
    }

    @Test func aCopyIsASnapshot() {
        var tree = CountedTree<Flag>(nodeCapacity: 4)
        for number in 0..<100 {
            let flag = Flag(key: [UInt8(number)], isLive: true, number: number)
            tree.update(flag.key, initial: flag) { _ in }
        }
        let snapshot = tree
        for number in 0..<50 { tree.remove([UInt8(number)]) }
        tree.update([99], initial: Flag(key: [99], isLive: true, number: 0)) { value in value.number = -1 }
        #expect(snapshot.count == 100 && snapshot.brokenInvariant() == nil && tree.brokenInvariant() == nil)
        #expect(snapshot.withValue(of: [99]) { $0.number } == 99)
    }
}

@Suite struct IntervalTreeTests {
    private struct Interval: Hashable {
        var lower: [UInt8]
        var upper: [UInt8]?

        func contains(_ key: [UInt8]) -> Bool {
            !key.lexicographicallyPrecedes(lower) && upper.map { key.lexicographicallyPrecedes($0) } != false
        }
    }

    @Test func agreesWithAList() {
        var random = SeededRandom(seed: testSeed("IntervalTree"))
        var tree = IntervalTree<Int>()
        var twin: [Interval: Int] = [:]
        let key = { (random: inout SeededRandom) -> [UInt8] in
            (0..<Int.random(in: 1...2, using: &random)).map { _ in UInt8.random(in: 0..<12, using: &random) }
        }
        for step in 0..<5000 {
            let interval = Interval(
                lower: key(&random), upper: Int.random(in: 0..<6, using: &random) == 0 ? nil : key(&random))
            if Bool.random(using: &random) || (step / 1000) % 2 == 0 {
                tree.update(lower: interval.lower, upper: interval.upper, initial: 0) { $0 = step }
                twin[interval] = step
            } else {
                let victim = twin.keys.min { twin[$0, default: 0] < twin[$1, default: 0] } ?? interval
                tree.remove(lower: victim.lower, upper: victim.upper)
                twin[victim] = nil
                tree.remove(lower: interval.lower, upper: interval.upper)
                twin[interval] = nil
            }
            let probe = key(&random)
            var found: [Int] = []
            tree.forEach(containing: probe) { found.append($0) }
            #expect(found.sorted() == twin.filter { $0.key.contains(probe) }.values.sorted(), "step \(step)")
            #expect(tree.count == twin.count)
            #expect(tree.payload(lower: interval.lower, upper: interval.upper) == twin[interval])
        }
    }
}

@Suite struct KeyIntervalTests {
    @Test func readsTheWiresPair() {
        #expect(KeyInterval(key: bytes("a"), rangeEnd: []).end == .single)
        #expect(KeyInterval(key: bytes("a"), rangeEnd: [0]).end == .unbounded)
        #expect(KeyInterval(key: bytes("b"), rangeEnd: bytes("a")).isEmpty)
        #expect(KeyInterval(key: bytes("a"), rangeEnd: bytes("a")).isEmpty)
    }

    @Test func prefixesCarry() {
        #expect(KeyInterval.prefix([1, 2]).end == .before([1, 3]))
        #expect(KeyInterval.prefix([1, 255]).end == .before([2]))
        #expect(KeyInterval.prefix([255, 255]).end == .unbounded)
        #expect(KeyInterval.prefix([]).contains([]))
    }
}
