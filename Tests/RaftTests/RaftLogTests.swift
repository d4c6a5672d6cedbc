// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft
import Testing

@Suite struct RaftLogTests {
    @Test func knowsItsTerms() {
        let log = RaftLog(
            base: id(3, term: 2), entries: entries(terms: 2, 4, from: 4), committed: index(3), applied: index(3))
        #expect(log.term(at: index(2)) == nil && log.term(at: index(6)) == nil)
        #expect(log.term(at: index(3)) == term(2) && log.term(at: index(5)) == term(4))
        #expect(log.lastID == id(5, term: 4) && log.first == index(4) && log.count == 2)
        #expect(log.contains(id(4, term: 2)) && !log.contains(id(4, term: 4)))
        let empty = RaftLog(base: .zero, entries: [], committed: index(9), applied: .zero)
        #expect(empty.lastID == .zero && empty.committed == .zero && empty.contains(.zero))
    }

    @Test func uptodatenessIsTermThenIndex() {
        #expect(id(1, term: 2).isUpToDate(with: id(9, term: 1)))
        #expect(!id(9, term: 1).isUpToDate(with: id(1, term: 2)))
        #expect(id(3, term: 1).isUpToDate(with: id(3, term: 1)))
        #expect(!id(2, term: 1).isUpToDate(with: id(3, term: 1)))
    }

    /// Compaction, appending and reading against an array that is never compacted.
    @Test func compactsWithoutLosingWhatIsLeft() throws {
        var random = SeededRandom(seed: testSeed("RaftLogTests.compacts"))
        var node = RaftNode.make()
        node.campaign()
        node.settle()
        var twin = [node.log[index(1)]]
        for round in 0..<300 {
            let batch = (0..<random.below(6)).map { command("\(round).\($0)") }
            _ = try node.propose(batch)
            for proposal in batch {
                twin.append(Entry(term: term(1), index: index(UInt64(twin.count) + 1), data: proposal.data))
            }
            if random.below(3) > 0 { node.settle() }
            let most = Int(min(node.log.applied, node.log.synced).rawValue)
            if random.below(3) == 0 {
                let base = random.below(most + 1)
                let before = node.log.base
                node.compact(upTo: index(UInt64(base)))
                #expect(node.log.base.index == max(before.index, index(UInt64(base))))
            }
            #expect(node.log.last == index(UInt64(twin.count)))
            for entry in twin[Int(node.log.base.index.rawValue)...] where node.log[entry.index] != entry {
                Issue.record("round \(round): \(node.log[entry.index]) for \(entry)")
                return
            }
            #expect(node.violatedInvariants() == [])
        }
    }
}

@Suite struct QuorumTests {
    /// The count against a sorted twin, for every value and member up to five voters.
    @Test func agreedValueIsTheMedianFromBelow() {
        for count in 1...5 {
            let configuration = Configuration(voters: (1...count).map { MemberID(UInt64($0)) }, learners: [MemberID(9)])
            var combination = Array(repeating: UInt64(0), count: count)
            repeat {
                let agreed = configuration.agreedValue { $0 == MemberID(9) ? 100 : combination[Int($0.rawValue) - 1] }
                #expect(agreed == combination.sorted()[(count - 1) / 2])
            } while Self.increment(&combination, base: 4)
        }
        #expect(Configuration().agreedValue { _ in 7 } == 0)
        #expect(!Configuration().hasMajority { _ in true })
    }

    private static func increment(_ digits: inout [UInt64], base: UInt64) -> Bool {
        for offset in digits.indices {
            digits[offset] += 1
            if digits[offset] < base { return true }
            digits[offset] = 0
        }
        return false
    }
}
