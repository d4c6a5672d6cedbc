// SPDX-License-Identifier: Apache-2.0

import MartletCommand
import Testing

@Suite struct DemoClaimTests {
    private let plan = DemoPlan(seconds: 20, callsPerSecond: 20)

    /// 400 calls in turns, B killed at call 120, away until call 240: everything as it should be.
    private func goodRecord() -> DemoRecord {
        var record = DemoRecord()
        record.killedCall = 120
        record.registryCounts = [0, 1, 2, 1, 2]
        for number in 1...400 {
            let isTurnOfB = number.isMultiple(of: 2) && (number < 120 || number >= 240)
            record.calls.append(.init(number: number, node: isTurnOfB ? "B" : "A", microseconds: 21_000))
        }
        return record
    }

    private func failing(_ record: DemoRecord) -> [String] {
        record.claims(plan).filter { !$0.holds }.map(\.text)
    }

    @Test func holdsWhereAllIsWell() {
        let record = goodRecord()
        #expect(failing(record) == [])
        #expect(record.callsBefore.map(\.number) == Array(2..<120))
        #expect(record.callsWithout.map(\.number) == Array(120..<240))
        #expect(record.callsAfter.map(\.number) == Array(241...400))
    }

    @Test func orderOfAnswersDoesNotMatter() {
        var record = goodRecord()
        record.calls.reverse()
        #expect(failing(record) == [])
        #expect(record.callsBefore.map(\.number) == Array(2..<120))
    }

    @Test func oneErrorIsTooMany() {
        var record = goodRecord()
        record.calls[10].node = nil
        record.firstError = "boom"
        #expect(failing(record) == ["every call is answered"])
        #expect(record.claims(plan)[0].measured == "400 calls, 1 errors: boom")
    }

    @Test func anErrorWhileOneIsAway() {
        var record = goodRecord()
        record.calls[199].node = nil
        #expect(failing(record) == ["every call is answered", "calls go on with one Greeter"])
    }

    @Test func tooFewCallsShowNothing() {
        var record = goodRecord()
        record.calls.removeLast(41)
        #expect(failing(record) == ["every call is answered"])
        record.calls = []
        #expect(failing(record).count == 5)
    }

    @Test(arguments: [(44, false), (45, true), (55, true), (56, false)])
    func shareHasBounds(_ percent: Int, _ holds: Bool) {
        var record = DemoRecord()
        record.killedCall = 1000
        // The first call is A's, and the phase begins with the first of B.
        record.calls = [.init(number: 0, node: "A", microseconds: 1)]
        for number in 1...100 {
            record.calls.append(.init(number: number, node: number <= percent ? "B" : "A", microseconds: 1))
        }
        let claim = record.claims(plan)[1]
        #expect(claim.text == "two Greeters share the calls")
        #expect(claim.holds == holds)
        #expect(claim.measured == "A \(100 - percent), B \(percent) of 100 calls: \(percent).0 %")
    }

    @Test func unevenReturnIsSeen() {
        var record = goodRecord()
        for position in 300..<400 { record.calls[position].node = "A" }
        #expect(failing(record) == ["the returned Greeter shares again"])
    }

    @Test func neverReturned() {
        var record = goodRecord()
        for position in 239..<400 { record.calls[position].node = "A" }
        record.registryCounts = [1, 2, 1]
        #expect(
            failing(record) == [
                "the registry noticed both",
                "the returned Greeter shares again",
            ])
    }

    private let kill = "SIGKILL hit a call in flight"

    @Test func killMustHitACall() {
        var record = goodRecord()
        record.didKilledCallEnd = true
        #expect(failing(record) == [kill])
        record = goodRecord()
        record.calls[119].node = "B"
        #expect(failing(record) == [kill])
        record = goodRecord()
        record.calls.remove(at: 119)
        #expect(failing(record) == [kill])
        record = goodRecord()
        record.killedCall = nil
        #expect(failing(record).contains(kill))
    }

    @Test(arguments: [
        ([2, 1, 2], true), ([0, 1, 2, 1, 2], true), ([2, 1, 0, 1, 2], true), ([1, 2], false), ([2, 3, 2], false),
        ([], false), ([2, 1], false),
    ])
    func registryGoesTwoOneTwo(_ counts: [Int], _ holds: Bool) {
        var record = goodRecord()
        record.registryCounts = counts
        #expect(failing(record).isEmpty == holds)
    }

    @Test func leftoversFail() {
        var record = goodRecord()
        record.leftovers = ["server (17)"]
        #expect(failing(record) == ["nothing is left behind"])
    }

    @Test func summaryMarksFailures() {
        let style = TerminalStyle(isTerminal: false, environment: [:])
        var record = goodRecord()
        record.leftovers = ["x"]
        let lines = DemoText.summary(record.claims(plan), style: style)
        #expect(lines.count == 7)
        #expect(lines[0].hasPrefix("  held  every call is answered  "))
        #expect(lines[6].hasPrefix("  FAILED  nothing is left behind  "))
        #expect(lines[0].hasSuffix("400 calls, 0 errors"))
        // What was measured stands in one column.
        #expect(
            lines[0].firstRange(of: "400 calls, 0")?.lowerBound.utf16Offset(in: lines[0])
                == lines[6].lastIndex(of: "x")?.utf16Offset(in: lines[6]))
    }
}
