// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletSimulation
import Testing

/// The checker of histories is checked itself: with histories known to be good and bad, and against a search through
/// all orders.
@Suite struct LinearizabilityTests {
    private typealias Operation = RegisterHistory.Operation

    private func verdict(_ operations: [Operation]) -> RegisterHistory.Verdict {
        RegisterHistory(operations).verdict()
    }

    @Test func goodHistories() {
        #expect(verdict([]) == .linearizable)
        // One after the other.
        #expect(
            verdict([
                Operation(.read(nil), began: 0, ended: 1), Operation(.write(1), began: 2, ended: 3),
                Operation(.read(1), began: 4, ended: 5), Operation(.write(nil), began: 6, ended: 7),
                Operation(.read(nil), began: 8, ended: 9),
            ]) == .linearizable)
        // A read beside a write may see it or not.
        for value in [UInt64(1), 2] {
            #expect(
                verdict([
                    Operation(.write(1), began: 0, ended: 1), Operation(.write(2), began: 2, ended: 9),
                    Operation(.read(value), began: 3, ended: 4),
                ]) == .linearizable)
        }
        // A write of unknown outcome takes effect late, or never.
        for value in [UInt64(1), 2] {
            #expect(
                verdict([
                    Operation(.write(1), began: 0, ended: 1), Operation(.write(2), began: 2, ended: nil),
                    Operation(.read(1), began: 50, ended: 51), Operation(.read(value), began: 60, ended: 61),
                ]) == .linearizable)
        }
        #expect(
            verdict([
                Operation(.write(1), began: 0, ended: 1),
                Operation(.exchange(expected: 1, new: 2, isDone: true), began: 2, ended: 9),
                Operation(.exchange(expected: 1, new: 3, isDone: false), began: 2, ended: 9),
                Operation(.read(2), began: 10, ended: 11),
            ]) == .linearizable)
    }

    @Test func badHistories() {
        // A stale read.
        #expect(
            verdict([
                Operation(.write(1), began: 0, ended: 1), Operation(.write(2), began: 2, ended: 3),
                Operation(.read(1), began: 4, ended: 5),
            ]) == .broken)
        // A lost write.
        #expect(
            verdict([Operation(.write(1), began: 0, ended: 1), Operation(.read(nil), began: 2, ended: 3)]) == .broken)
        // Two readers see two writes in different orders.
        #expect(
            verdict([
                Operation(.write(1), began: 0, ended: 9), Operation(.write(2), began: 0, ended: 9),
                Operation(.read(1), began: 10, ended: 11), Operation(.read(2), began: 12, ended: 13),
            ]) == .broken)
        // What was seen goes away again.
        #expect(
            verdict([
                Operation(.write(1), began: 0, ended: nil), Operation(.read(1), began: 2, ended: 3),
                Operation(.read(nil), began: 4, ended: 5),
            ]) == .broken)
        // Out of thin air.
        #expect(verdict([Operation(.read(7), began: 2, ended: 3)]) == .broken)
        // Two that each found what only one can have found.
        #expect(
            verdict([
                Operation(.exchange(expected: nil, new: 1, isDone: true), began: 0, ended: 9),
                Operation(.exchange(expected: nil, new: 2, isDone: true), began: 0, ended: 9),
            ]) == .broken)
        // One that failed although nothing was in its way.
        #expect(
            verdict([Operation(.exchange(expected: nil, new: 1, isDone: false), began: 0, ended: 9)]) == .broken)
        // A write is done once.
        #expect(
            verdict([
                Operation(.write(1), began: 0, ended: nil), Operation(.read(1), began: 2, ended: 3),
                Operation(.write(2), began: 4, ended: 5), Operation(.read(1), began: 6, ended: 7),
            ]) == .broken)
    }

    @Test func itGivesUpWhereItMust() {
        let history = RegisterHistory((0..<20).map { Operation(.write(UInt64($0)), began: 0, ended: 9) })
        #expect(history.verdict(stepsMax: 5) == .undecided)
    }

    /// Random histories, some of which a register can have produced.
    @Test func agreesWithTheSearchThroughAllOrders() {
        var random = SeededRandom(seed: testSeed("agreesWithTheSearchThroughAllOrders"))
        var counts = [0, 0]
        for _ in 0..<(isDebug ? 2_000 : 20_000) {
            let operations = (0..<Int.random(in: 1...6, using: &random)).map { _ in operation(&random) }
            let isGood = anyOrder(operations, [], nil)
            #expect((verdict(operations) == .linearizable) == isGood, "\(operations)")
            counts[isGood ? 1 : 0] += 1
        }
        #expect(counts[0] > 100 && counts[1] > 100)
    }

    private func operation(_ random: inout SeededRandom) -> Operation {
        func value() -> UInt64? { [nil, 1, 2][Int.random(in: 0...2, using: &random)] }
        let began = Int.random(in: 0...9, using: &random)
        let ended: Int? =
            Int.random(in: 0...4, using: &random) == 0 ? nil : began + Int.random(in: 0...6, using: &random)
        switch Int.random(in: 0...2, using: &random) {
        case 0: return Operation(.write(value()), began: began, ended: ended)
        case 1: return Operation(.read(value()), began: began, ended: ended)
        default:
            let isDone = Bool.random(using: &random)
            return Operation(.exchange(expected: value(), new: value(), isDone: isDone), began: began, ended: ended)
        }
    }

    private func anyOrder(_ left: [Operation], _ done: [Operation], _ value: UInt64?) -> Bool {
        if left.allSatisfy({ $0.ended == nil }) { return true }
        for (place, next) in left.enumerated() {
            // Nothing that isn't done may have ended before it began.
            guard left.allSatisfy({ ($0.ended ?? .max) >= next.began }) else { continue }
            var rest = left
            rest.remove(at: place)
            switch next.action {
            case .write(let new): if anyOrder(rest, done + [next], new) { return true }
            case .read(let found):
                if next.ended == nil || found == value, anyOrder(rest, done + [next], value) { return true }
            case .exchange(let expected, let new, let isDone):
                let holds = expected == value
                if next.ended != nil, holds != isDone { continue }
                if anyOrder(rest, done + [next], holds ? new : value) { return true }
            }
        }
        return false
    }
}
