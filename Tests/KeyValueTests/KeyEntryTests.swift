// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import Testing

@Suite struct KeyEntryTests {
    private func revisions(_ entry: KeyEntry) -> [[Revision]] { entry.lives }

    private func main(_ numbers: Int64...) -> [Revision] { numbers.map { Revision(main: $0) } }

    /// Puts at 1 and 2, deleted at 3, put at 4, deleted at 5.
    private func twoLives() -> KeyEntry {
        var entry = KeyEntry()
        var packer = ChangePacker()
        entry.put(KeyEntry.Put([1], [1], at: Revision(main: 1)), &packer)
        entry.put(KeyEntry.Put([1], [2], at: Revision(main: 2)), &packer)
        entry.delete(at: Revision(main: 3), &packer)
        entry.put(KeyEntry.Put([1], [4], at: Revision(main: 4)), &packer)
        entry.delete(at: Revision(main: 5), &packer)
        return entry
    }

    @Test func deletingEndsALife() {
        let entry = twoLives()
        #expect(revisions(entry) == [main(1, 2, 3), main(4, 5), []])
        #expect(!entry.isLive)
    }

    @Test(arguments: [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (6, 5)] as [(Int64, Int)])
    func compactsAsEtcdDoes(_ at: Int64, _ dropped: Int) {
        let left: [Int64: [[Revision]]] = [
            1: [main(1, 2, 3), main(4, 5), []], 2: [main(2, 3), main(4, 5), []], 3: [main(3), main(4, 5), []],
            4: [main(4, 5), []], 5: [main(5), []],
        ]
        var entry = twoLives()
        let forgotten = entry.compact(at: at)
        #expect(entry.isEmpty(at: at) == (at == 6))
        if at < 6 { #expect(revisions(entry) == left[at]) }
        #expect(forgotten == Array(main(1, 2, 3, 4, 5).prefix(dropped)))
    }

    @Test func compactingStepByStepEndsAsInOneStep() {
        var entry = twoLives()
        var forgotten: [Revision] = []
        for at in 1...6 {
            forgotten += entry.compact(at: Int64(at))
            var atOnce = twoLives()
            _ = atOnce.compact(at: Int64(at))
            #expect(revisions(entry) == revisions(atOnce))
        }
        #expect(forgotten == main(1, 2, 3, 4, 5))
    }

    @Test func severalChangesInOneTransaction() {
        var entry = KeyEntry()
        var packer = ChangePacker()
        for sub in [0, 1, 3] as [Int64] { entry.put(KeyEntry.Put([1], [], at: Revision(main: 2, sub: sub)), &packer) }
        entry.delete(at: Revision(main: 4), &packer)
        entry.put(KeyEntry.Put([1], [], at: Revision(main: 5)), &packer)
        #expect(
            revisions(entry) == [
                [Revision(main: 2, sub: 0), Revision(main: 2, sub: 1), Revision(main: 2, sub: 3), Revision(main: 4)],
                [Revision(main: 5)],
            ])
        #expect(entry.version(at: 1) == .absent)
        #expect(entry.version(at: 2) == .older(Revision(main: 2, sub: 3)))
        #expect(entry.version(at: 3) == .older(Revision(main: 2, sub: 3)))
        #expect(entry.version(at: 4) == .absent)
        #expect(entry.version(at: 5) == .newest)
        #expect(entry.holds(Revision(main: 2, sub: 1)) && !entry.holds(Revision(main: 2, sub: 2)))
        _ = entry.compact(at: 2)
        #expect(revisions(entry)[0] == [Revision(main: 2, sub: 3), Revision(main: 4)])
        _ = entry.compact(at: 4)
        #expect(revisions(entry) == [main(4), main(5)])
        _ = entry.compact(at: 5)
        #expect(revisions(entry) == [main(5)])
        #expect(!entry.isEmpty(at: 5))
    }

    @Test func findsTheVersionOfAnyRevision() {
        var entry = KeyEntry()
        var packer = ChangePacker()
        for at in [2, 5, 9] as [Int64] { entry.put(KeyEntry.Put([1], [], at: Revision(main: at)), &packer) }
        let found = (1...10).map { entry.version(at: $0) }
        let two = KeyEntry.Version.older(Revision(main: 2)), five = KeyEntry.Version.older(Revision(main: 5))
        #expect(found == [.absent, two, two, two, five, five, five, five, .newest, .newest])
        #expect(entry.compact(at: 6) == main(2))
        #expect(revisions(entry) == [main(5, 9)])
        #expect(entry.compact(at: 9) == main(5))
    }
}
