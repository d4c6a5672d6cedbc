// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import Testing

@Suite struct KeyIntervalSetTests {
    private func interval(_ key: String, _ end: String = "") -> KeyInterval {
        KeyInterval(key: bytes(key), rangeEnd: bytes(end))
    }

    @Test func nothingCoversNothing() {
        #expect(!KeyIntervalSet().covers(interval("a")))
        #expect(KeyIntervalSet([interval("b", "b"), interval("b", "a")]).count == 0)
    }

    @Test func touchingIntervalsAreOne() {
        let set = KeyIntervalSet([interval("a", "c"), interval("c", "e"), interval("g"), interval("g\0", "h")])
        #expect(set.count == 2)
        #expect(set.covers(interval("a", "e")))
        #expect(set.covers(interval("g", "h")))
        #expect(!set.covers(interval("a", "f")))
        #expect(!set.covers(interval("e", "f")))
        #expect(!set.covers(interval("a", "\0")))
    }

    @Test func aHoleIsNotCovered() {
        let set = KeyIntervalSet([interval("a", "c"), interval("d", "\0")])
        #expect(!set.covers(interval("b", "e")))
        #expect(set.covers(interval("d", "\0")))
        #expect(set.covers(interval("zzz", "\0")))
    }

    @Test func theWholeSpaceIsRecognized() {
        #expect(KeyIntervalSet([interval("\0", "\0")]).holdsEveryKey)
        #expect(KeyIntervalSet([interval("b", "\0"), interval("\0", "c")]).holdsEveryKey)
        #expect(!KeyIntervalSet([interval("a", "\0")]).holdsEveryKey)
        #expect(!KeyIntervalSet([interval("\0", "z")]).holdsEveryKey)
    }

    /// Against a list of intervals that is searched key by key. A union of half-open intervals covers a range if it
    /// covers its first key and every bound that lies inside.
    @Test func agreesWithANaiveTwin() {
        var random = SeededRandom(seed: testSeed())
        var covered = 0
        for _ in 0..<3000 {
            let granted = (0..<Int.random(in: 0...8, using: &random)).map { _ in anyInterval(using: &random) }
            let set = KeyIntervalSet(granted)
            let bounds = granted.flatMap { interval -> [[UInt8]] in
                switch interval.end {
                case .single: [interval.lower, interval.lower + [0]]
                case .before(let end): [interval.lower, end]
                case .unbounded: [interval.lower]
                }
            }
            for _ in 0..<20 {
                let asked = anyInterval(using: &random)
                let probes = [asked.lower] + bounds.filter(asked.contains)
                let expected = probes.allSatisfy { probe in granted.contains { $0.contains(probe) } }
                let isUnboundedAsked = asked.end == .unbounded
                let hasUnbounded = granted.contains { $0.end == .unbounded }
                // Beyond the last bound only an interval without end reaches.
                let answer = expected && (!isUnboundedAsked || hasUnbounded)
                if answer { covered += 1 }
                #expect(set.covers(asked) == answer, "\(granted) asked for \(asked)")
            }
        }
        #expect(covered > 1000)
    }

    /// Short keys of few letters, so that bounds meet.
    private func anyKey(using random: inout SeededRandom) -> [UInt8] {
        let letters: [UInt8] = [0, 97, 98, 255]
        return (0..<Int.random(in: 1...3, using: &random)).map { _ in letters.randomElement(using: &random)! }
    }

    private func anyInterval(using random: inout SeededRandom) -> KeyInterval {
        let key = anyKey(using: &random)
        return switch Int.random(in: 0..<6, using: &random) {
        case 0, 1: .key(key)
        case 2: KeyInterval(lower: key, end: .unbounded)
        default: KeyInterval(lower: key, end: .before(anyKey(using: &random)))
        }
    }
}
