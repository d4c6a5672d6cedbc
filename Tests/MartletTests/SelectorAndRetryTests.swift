// SPDX-License-Identifier: Apache-2.0

import Martlet
import Testing

@Suite struct NodeSelectorTests {
    static let nodes = ["a", "b", "c"].map { NodeRecord(id: $0, address: "\($0):1") }

    static func choices(_ selector: NodeSelector, calls: Int) -> [Int] {
        (0..<calls).map { selector.position(call: UInt64($0), count: 3) { Self.nodes } }
    }

    @Test func roundRobinGoesAcrossCalls() {
        #expect(Self.choices(.roundRobin, calls: 7) == [0, 1, 2, 0, 1, 2, 0])
    }

    @Test func randomIsEvenAndRepeatable() {
        let choices = Self.choices(.random(seed: 7), calls: 3000)
        #expect(choices == Self.choices(.random(seed: 7), calls: 3000))
        #expect(choices != Self.choices(.random(seed: 8), calls: 3000))
        for position in 0..<3 {
            let count = choices.count { $0 == position }
            #expect((850...1150).contains(count), "\(count) of 3000")
        }
        #expect(Array(choices.prefix(30)) != Self.choices(.roundRobin, calls: 30))
    }

    @Test func ownSelectorsSeeTheNodesAndStayInRange() {
        let last = NodeSelector { nodes, _ in nodes.count - 1 }
        #expect(Self.choices(last, calls: 2) == [2, 2])
        let wild = NodeSelector { _, call in call == 0 ? -1 : 100 }
        #expect(Self.choices(wild, calls: 2) == [2, 1])
    }
}

@Suite struct RetryDecisionTests {
    static func decide(
        _ failure: RetryDecision.Failure, isIdempotent: Bool = false, attempts: Int = 1, hasOtherNode: Bool = true
    ) -> RetryDecision {
        .after(
            failure, isIdempotent: isIdempotent, attempts: attempts, maximumAttempts: 3, hasOtherNode: hasOtherNode)
    }

    @Test func onlyWhatDidNotRunOrMayRunTwiceIsRepeated() {
        #expect(Self.decide(.notExecuted) == .nextNode)
        #expect(Self.decide(.connectionLost) == .giveUp)
        #expect(Self.decide(.connectionLost, isIdempotent: true) == .nextNode)
        #expect(Self.decide(.answered) == .giveUp)
        #expect(Self.decide(.answered, isIdempotent: true) == .giveUp)
    }

    @Test func limitsHold() {
        #expect(Self.decide(.notExecuted, attempts: 2) == .nextNode)
        #expect(Self.decide(.notExecuted, attempts: 3) == .giveUp)
        #expect(Self.decide(.notExecuted, hasOtherNode: false) == .giveUp)
    }
}
