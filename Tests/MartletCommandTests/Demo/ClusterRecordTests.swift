// SPDX-License-Identifier: Apache-2.0

import MartletCommand
import Testing

/// The judgement of the demonstration of clusters.
struct ClusterRecordTests {
    private static func increment(_ counter: Int, _ value: Int, _ began: Int, _ ended: Int) -> ClusterRecord.Increment {
        ClusterRecord.Increment(
            counter: counter, value: value, mark: "done/\(counter)/\(value)", began: .milliseconds(began),
            ended: .milliseconds(ended))
    }

    private static let good: ClusterRecord = {
        var record = ClusterRecord()
        // The last two overlap, so that their order is free.
        record.acknowledged = [
            increment(0, 1, 0, 10), increment(0, 2, 20, 30), increment(1, 1, 5, 25), increment(0, 4, 40, 60),
            increment(0, 3, 45, 55),
        ]
        record.leaderKills = 3
        record.hasLostPower = true
        record.store = ClusterRecord.Store(
            counters: [0: 4, 1: 1], marks: Set(record.acknowledged.map(\.mark)),
            hashes: ["m1": 7, "m2": 7, "m3": 7])
        return record
    }()

    private static func failures(_ change: (inout ClusterRecord) -> Void) -> [String] {
        var record = good
        change(&record)
        return record.claims().filter { !$0.holds }.map(\.text)
    }

    @Test func aGoodRunHolds() {
        #expect(Self.failures { _ in } == [])
    }

    @Test func whatIsLostOrDoneTwiceIsSeen() {
        #expect(
            Self.failures {
                $0.store?.counters[0] = 3
                $0.store?.marks.remove("done/0/4")
            } == ["acknowledged = counted", "nothing is lost, nothing done twice"])
        #expect(
            Self.failures { $0.store?.counters[0] = 5 }
                == ["acknowledged = counted", "nothing is lost, nothing done twice"])
        #expect(Self.failures { $0.store?.hashes["m2"] = 8 } == ["all members hold the same"])
    }

    @Test func anOrderMustExplainTheAnswers() {
        #expect(Self.failures { $0.acknowledged[1].value = 1 } == ["linearizable"])
        // The greater value was known before the smaller one was begun.
        #expect(
            Self.failures {
                $0.acknowledged[0].value = 2
                $0.acknowledged[1].value = 1
            } == ["linearizable"])
    }

    @Test func whatWasNotShownDoesNotHold() {
        #expect(Self.failures { $0.leaderKills = 1 } == ["the leader was killed again and again"])
        #expect(Self.failures { $0.hasLostPower = false } == ["the leader was killed again and again"])
        #expect(Self.failures { $0.leftovers = ["process 1"] } == ["nothing is left behind"])
        let silent = Self.failures {
            $0.store = nil
            $0.silence = "m1 doesn't answer"
        }
        #expect(silent.contains("acknowledged = counted"))
        #expect(silent.contains("the cluster came back") && silent.contains("nothing is lost, nothing done twice"))
        #expect(!Self.failures { $0.acknowledged = [] }.isEmpty)
    }
}
