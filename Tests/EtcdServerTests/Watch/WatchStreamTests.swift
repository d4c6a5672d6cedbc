// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import NIOCore
import NIOEmbedded
import SwiftProtobuf
import Testing

@Suite struct WatchStreamTests {
    let fixture = StoreFixture { $0.watchProgressInterval = .seconds(10) }
    let call = RecordingCall()
    let stream: any ServerCallEvents

    init() {
        stream = WatchService(store: fixture.store).watch(call)
    }

    private func create(
        _ key: String, _ change: (inout Etcdserverpb_WatchCreateRequest) -> Void = { _ in }
    ) throws -> [Etcdserverpb_WatchResponse] {
        var request = Etcdserverpb_WatchRequest()
        request.createRequest.key = Array(key.utf8).data
        change(&request.createRequest)
        return try send(request)
    }

    private func send(_ request: Etcdserverpb_WatchRequest) throws -> [Etcdserverpb_WatchResponse] {
        stream.received(try request.serializedBytes())
        fixture.loop.run()
        return try responses()
    }

    private func responses() throws -> [Etcdserverpb_WatchResponse] {
        try call.take(Etcdserverpb_WatchResponse.self)
    }

    private func progress() throws -> [Etcdserverpb_WatchResponse] {
        var request = Etcdserverpb_WatchRequest()
        request.progressRequest = .init()
        return try send(request)
    }

    @Test func idsAndRefusals() throws {
        let first = try create("a")
        #expect(first.map(\.watchID) == [0])
        #expect(first[0].created && !first[0].canceled)
        #expect(first[0].header.revision == 1)
        #expect(try create("a") { $0.watchID = 5 }.map(\.watchID) == [5])
        let duplicate = try create("a") { $0.watchID = 5 }[0]
        #expect(duplicate.watchID == -1 && duplicate.created && duplicate.canceled)
        #expect(duplicate.cancelReason == "mvcc: duplicate watch ID provided on the WatchStream")
        let empty = try create("b") { $0.rangeEnd = [97].data }[0]
        #expect(empty.watchID == -1 && empty.created && empty.canceled)
        #expect(empty.cancelReason == "mvcc: watcher range is empty")
        let negative = try create("b") { $0.startRevision = -1 }[0]
        #expect(negative.created && negative.canceled)
        #expect(negative.cancelReason == "etcdserver: mvcc: required revision has been compacted")
        #expect(try create("b").map(\.watchID) == [1])
    }

    @Test func eventsAsTheyHappen() throws {
        _ = try create("a") { $0.prevKv = true }
        try fixture.put("a", "1")
        try fixture.put("b", "1")
        try fixture.put("a", "2")
        try fixture.delete("a")
        let events = try responses()
        #expect(events.map(\.header.revision) == [2, 4, 5])
        #expect(events.flatMap(\.events).map(\.type) == [.put, .put, .delete])
        #expect(!events[0].events[0].hasPrevKv)
        #expect(events[1].events[0].prevKv.value.bytes == [49])
        let tombstone = events[2].events[0]
        #expect(tombstone.kv.modRevision == 5)
        #expect(tombstone.kv.createRevision == 0 && tombstone.kv.version == 0 && tombstone.kv.value.isEmpty)
        #expect(tombstone.prevKv.value.bytes == [50])
    }

    @Test func historyComesFirst() throws {
        try fixture.put("a", "1")
        try fixture.put("a", "2")
        let answers = try create("a") { $0.startRevision = 2 }
        #expect(answers.map(\.created) == [true, false])
        #expect(answers[1].events.map(\.kv.modRevision) == [2, 3])
        try fixture.put("a", "3")
        #expect(try responses().flatMap(\.events).map(\.kv.modRevision) == [4])
    }

    @Test func longHistoryIsReadInSteps() throws {
        for _ in 0..<2500 { try fixture.put("a") }
        let answers = try create("a") { $0.startRevision = 2 }
        #expect(answers.flatMap(\.events).map(\.kv.modRevision) == Array(2...2501))
        #expect(answers.allSatisfy { $0.events.count <= 1000 })
    }

    @Test func startBelowTheCompactedRevision() throws {
        for _ in 0..<3 { try fixture.put("a") }
        try fixture.compact(3)
        let answers = try create("a") { $0.startRevision = 2 }
        #expect(answers.map(\.watchID) == [0, 0])
        #expect(answers[0].created && !answers[0].canceled)
        #expect(answers[1].canceled && !answers[1].created)
        #expect(answers[1].compactRevision == 3)
        #expect(answers[1].header.revision == 0)
        #expect(answers[1].cancelReason.isEmpty)
        #expect(try create("a") { $0.startRevision = 3 }.flatMap(\.events).count == 2)
    }

    @Test func cancelling() throws {
        _ = try create("a")
        var request = Etcdserverpb_WatchRequest()
        request.cancelRequest.watchID = 3
        #expect(try send(request).isEmpty)
        request.cancelRequest.watchID = 0
        let answer = try #require(try send(request).first)
        #expect(answer.canceled && answer.watchID == 0 && answer.cancelReason.isEmpty)
        try fixture.put("a")
        #expect(try responses().isEmpty)
    }

    @Test func progressOnRequest() throws {
        _ = try create("a")
        try fixture.put("b")
        let answer = try #require(try progress().first)
        #expect(answer.watchID == -1)
        #expect(answer.header.revision == 2)
        #expect(answer.events.isEmpty && !answer.created)
        _ = try create("a") { $0.startRevision = 100 }
        #expect(try progress().isEmpty)
    }

    @Test func progressByTheClock() throws {
        _ = try create("a") { $0.progressNotify = true }
        _ = try create("a")
        fixture.loop.advanceTime(by: .seconds(9))
        #expect(try responses().isEmpty)
        fixture.loop.advanceTime(by: .seconds(2))
        let first = try responses()
        #expect(first.map(\.watchID) == [0])
        #expect(first[0].events.isEmpty)
        // Whoever got an event since the last tick needs no progress.
        try fixture.put("a")
        _ = try responses()
        fixture.loop.advanceTime(by: .seconds(11))
        #expect(try responses().isEmpty)
        fixture.loop.advanceTime(by: .seconds(11))
        #expect(try responses().count == 1)
    }

    @Test func largeResponsesInFragments() throws {
        // Two keys of one revision with the versions before them: too much for one response.
        for round in 0..<3 {
            var txn = Etcdserverpb_TxnRequest()
            txn.success = ["a", "b"].map { key in
                var operation = Etcdserverpb_RequestOp()
                operation.requestPut.key = Array(key.utf8).data
                operation.requestPut.value = [UInt8](repeating: UInt8(round), count: 700_000).data
                return operation
            }
            _ = try fixture.call(KVService(store: fixture.store).txn, txn, Etcdserverpb_TxnResponse.self)
        }
        let whole = try create("a") {
            $0.rangeEnd = [99].data
            $0.startRevision = 2
            $0.prevKv = true
        }.dropFirst()
        #expect(whole.allSatisfy { !$0.fragment })
        let pieces = try create("a") {
            $0.rangeEnd = [99].data
            $0.startRevision = 2
            $0.prevKv = true
            $0.fragment = true
        }.dropFirst()
        #expect(pieces.flatMap(\.events).map(\.kv.modRevision) == [2, 2, 3, 3, 4, 4])
        #expect(pieces.contains { $0.fragment })
        #expect(pieces.last?.fragment == false)
        for piece in pieces {
            let bytes: [UInt8] = try piece.serializedBytes()
            #expect(bytes.count <= fixture.store.configuration.wireLimitBytes)
        }
    }

    @Test func slowReaderMissesNothing() throws {
        _ = try create("a")
        try fixture.put("a", "0")
        call.queuedBytes = ServerCall.outboundHighWater + 1
        try fixture.put("a", "1")
        // The stream is known to be full by now.
        let before = try responses().flatMap(\.events).count
        #expect(before == 2)
        for value in 2..<50 { try fixture.put("a", "\(value)") }
        #expect(try responses().isEmpty)
        call.queuedBytes = 0
        stream.becameWritable()
        fixture.loop.run()
        let late = try responses().flatMap(\.events)
        #expect(late.map(\.kv.modRevision) == Array(4...51))
        try fixture.put("a", "50")
        #expect(try responses().flatMap(\.events).map(\.kv.modRevision) == [52])
    }

    // MARK: Clients that do not read

    /// A client whose socket takes a response at a time, as it comes.
    private func readSlowly() throws -> [Etcdserverpb_WatchResponse] {
        var all: [Etcdserverpb_WatchResponse] = []
        while true {
            let read = try responses()
            guard !read.isEmpty else { return all }
            all += read
            call.queuedBytes = 0
            stream.becameWritable()
            fixture.loop.run()
        }
    }

    /// One large event for a thousand watchers of one stream: their responses would be a third of a gigabyte.
    @Test func aFullStreamHoldsBackWhatOneChangeBrings() throws {
        for _ in 0..<1000 { _ = try create("a") }
        call.isStalled = true
        try fixture.put("a", String(repeating: "v", count: 300_000))
        try fixture.put("a", "2")
        try fixture.put("a", "3")
        #expect(call.queuedBytes > ServerCall.outboundHighWater)
        #expect(call.queuedBytes < ServerCall.outboundHighWater + 310_000)
        let read = try readSlowly()
        var seen: [Int64: [Int64]] = [:]
        for response in read { seen[response.watchID, default: []] += response.events.map(\.kv.modRevision) }
        #expect(seen.count == 1000)
        #expect(seen.values.allSatisfy { $0 == [2, 3, 4] })
        call.isStalled = false
        try fixture.put("a", "4")
        #expect(try responses().count == 1000)
    }

    @Test func answersKeepTheirPlace() throws {
        for _ in 0..<3 { _ = try create("a") }
        call.isStalled = true
        try fixture.put("a", String(repeating: "v", count: 300_000))
        #expect(try responses().map(\.watchID) == [0])
        var request = Etcdserverpb_WatchRequest()
        request.cancelRequest.watchID = 1
        #expect(try send(request).isEmpty)
        #expect(try create("b") { $0.watchID = 9 }.isEmpty)
        #expect(try progress().isEmpty)
        let read = try readSlowlyAfterRoom()
        // Not an event for the watcher that was cancelled, and progress only behind all events.
        #expect(read.map(\.watchID) == [2, 1, 9, -1])
        #expect(read.map(\.canceled) == [false, true, false, false])
        #expect(read.map(\.created) == [false, false, true, false])
        #expect(read[3].header.revision == 2)
    }

    private func readSlowlyAfterRoom() throws -> [Etcdserverpb_WatchResponse] {
        call.queuedBytes = 0
        stream.becameWritable()
        fixture.loop.run()
        return try readSlowly()
    }

    @Test func compactionTellsAFullStream() throws {
        for _ in 0..<2 { _ = try create("a") }
        call.isStalled = true
        try fixture.put("a", String(repeating: "v", count: 300_000))
        for value in 0..<5 { try fixture.put("a", "\(value)") }
        try fixture.compact(6)
        #expect(try responses().map(\.watchID) == [0])
        let read = try readSlowlyAfterRoom()
        #expect(read.map(\.watchID) == [1, 0, 1])
        #expect(read.map(\.compactRevision) == [0, 6, 6])
    }

    @Test func noProgressForAFullStream() throws {
        _ = try create("a") { $0.progressNotify = true }
        _ = try create("b") { $0.progressNotify = true }
        call.isStalled = true
        try fixture.put("a", String(repeating: "v", count: 300_000))
        _ = try responses()
        for _ in 0..<10 { fixture.loop.advanceTime(by: .seconds(11)) }
        #expect(try readSlowlyAfterRoom().isEmpty)
        for _ in 0..<3 { fixture.loop.advanceTime(by: .seconds(11)) }
        #expect(Set(try responses().map(\.watchID)) == [0, 1])
    }

    @Test func askingWithoutReading() throws {
        _ = try create("a")
        call.isStalled = true
        try fixture.put("a", String(repeating: "v", count: 300_000))
        var request = Etcdserverpb_WatchRequest()
        request.progressRequest = .init()
        let message: [UInt8] = try request.serializedBytes()
        for _ in 0..<200_000 where call.status == nil { stream.received(message) }
        #expect(call.status?.code == .resourceExhausted)
    }

    @Test func clientThatNeverReads() throws {
        call.queuedBytes = 65 << 20
        _ = try create("a")
        #expect(call.status?.code == .resourceExhausted)
        try fixture.put("a")
        #expect(try responses().isEmpty)
    }

    @Test func endsWithTheClient() throws {
        _ = try create("a")
        stream.closed()
        try fixture.put("a")
        #expect(try responses().isEmpty)
    }

    /// As `grpcurl` has it: one request, then the end of the client's side.
    @Test func eventsAfterTheClientHasSaidAll() throws {
        _ = try create("a")
        stream.receivedEnd()
        #expect(call.status == nil)
        try fixture.put("a")
        #expect(try responses().flatMap(\.events).count == 1)
    }

    @Test func stopEndsWatches() throws {
        _ = try create("a")
        fixture.store.endWatches()
        #expect(call.status?.message == "etcdserver: server stopped")
    }
}
