// SPDX-License-Identifier: Apache-2.0

import MartletCommand
import Testing

/// The judgement of the demonstration of queues: every fault fails a claim.
@Suite struct QueueRecordTests {
    private static let good: QueueRecord = {
        var record = QueueRecord(wanted: 100)
        record.produced = Set(1...100)
        for number in 1...100 where number != QueuePlan.poison { record.handled[number] = 1 }
        record.handled[30] = 2
        record.poisonDeliveries = QueuePlan.maximumDeliveries
        record.killedWorkers = [("a", [30, QueuePlan.poison]), ("b", [31])]
        record.serverKills = 1
        record.store = QueueRecord.Store(
            stream: Array(1...100), deadLetters: [QueuePlan.poison], entriesRead: 100, pending: 0, lag: 0)
        return record
    }()

    private static func failed(_ change: (inout QueueRecord) -> Void) -> [String] {
        var record = good
        change(&record)
        return record.claims().filter { !$0.holds }.map(\.text)
    }

    @Test func holds() {
        #expect(Self.failed { _ in } == [])
    }

    @Test func findsFaults() {
        #expect(Self.failed { $0.handled[40] = nil } == ["nothing is lost"])
        #expect(Self.failed { $0.handled[31] = nil } == ["two workers were killed at work", "nothing is lost"])
        let pending = Self.failed { $0.store?.pending = 1 }
        #expect(pending.contains("produced = acknowledged + dead letters"))
        let lag = Self.failed { $0.store?.lag = 1 }
        #expect(lag.contains("produced = acknowledged + dead letters"))
        let entriesRead = Self.failed { $0.store?.entriesRead = 99 }
        #expect(entriesRead.contains("produced = acknowledged + dead letters"))
        let stream = Self.failed { $0.store?.stream.removeLast() }
        #expect(stream.contains("the server lost none when it was killed"))
        let twice = Self.failed { $0.store?.stream.append(100) }
        #expect(twice == ["every message is accepted once"])
        #expect(Self.failed { $0.produced.remove(7) }.contains("every message is accepted once"))
        let poison = Self.failed { $0.store?.deadLetters = [] }
        #expect(poison.contains("the poison message is put away"))
        #expect(Self.failed { $0.serverKills = 0 } == ["the server lost none when it was killed"])
        #expect(Self.failed { $0.killedWorkers.removeLast() } == ["two workers were killed at work"])
        #expect(Self.failed { $0.killedWorkers = [("a", []), ("b", [])] } == ["two workers were killed at work"])
        #expect(Self.failed { $0.leftovers = ["process 1"] } == ["nothing is left behind"])
        #expect(Self.failed { $0.store = nil }.contains("nothing is lost"))
    }
}
