// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStreams
import Testing

/// The behaviour of groups as clients of Redis 8.8 see it, case by case.
@Suite struct GroupTests {
    private let g = bytes("g")

    /// Entries 1-0 to `count`-0, and a group that has read none.
    private func stream(_ count: UInt64) throws -> Stream {
        var stream = Stream(configuration: small)
        for place in 1...count { try stream.add(id(place)) }
        try stream.createGroup(g, at: .after(.zero))
        return stream
    }

    private func read(
        _ stream: inout Stream, _ consumer: String, count: Int = .max, claimIdle: Int64? = nil, now: Int64 = 100
    ) throws -> [StreamID] {
        try stream.readGroup(g, consumer: bytes(consumer), count: count, claimIdle: claimIdle, now: now)
            .deliveries.map(\.entry.id)
    }

    private func group(_ stream: Stream) -> ConsumerGroup { stream.group(named: g)! }

    private func pending(_ stream: Stream, now: Int64 = 100) -> [PendingEntry] {
        group(stream).pendingEntries(now: now)
    }

    // MARK: Groups and consumers

    @Test func makesAndMovesGroups() throws {
        var stream = try stream(5)
        #expect(throws: StreamError.groupExists) { try stream.createGroup(g, at: .last) }
        try stream.createGroup(bytes("h"), at: .last, entriesRead: 1000)
        #expect(stream.groupNames == [g, bytes("h")])
        #expect(stream.group(named: bytes("h"))?.lastDeliveredID == id(5))
        // No more than were ever added.
        #expect(stream.group(named: bytes("h"))?.entriesRead == 5)
        #expect(throws: StreamError.entriesReadNegative) {
            try stream.createGroup(bytes("i"), at: .last, entriesRead: -2)
        }
        try stream.setGroup(bytes("h"), to: .after(id(2)))
        #expect(stream.group(named: bytes("h"))?.entriesRead == nil)
        #expect(throws: StreamError.noSuchGroup) { try stream.setGroup(bytes("i"), to: .last) }
        #expect(stream.destroyGroup(bytes("h")) == true)
        #expect(stream.destroyGroup(bytes("h")) == false)
        #expect(stream.groupCount == 1)
    }

    @Test func makesAndDeletesConsumers() throws {
        var stream = try stream(5)
        #expect(try stream.createConsumer(bytes("c"), group: g, now: 7) == true)
        #expect(try stream.createConsumer(bytes("c"), group: g, now: 8) == false)
        #expect(
            group(stream).consumerInfos
                == [ConsumerInfo(name: bytes("c"), pendingCount: 0, seenAt: 7, activeAt: nil)])
        _ = try read(&stream, "c", count: 3)
        _ = try read(&stream, "d")
        #expect(group(stream).consumerInfos.map(\.pendingCount) == [3, 2])
        // What it held is lost for redelivery.
        #expect(try stream.deleteConsumer(bytes("c"), group: g) == 3)
        #expect(try stream.deleteConsumer(bytes("c"), group: g) == nil)
        #expect(pending(stream).map(\.id) == [id(4), id(5)])
        #expect(throws: StreamError.noSuchGroup) { try stream.deleteConsumer(bytes("c"), group: bytes("no")) }
    }

    // MARK: Reading

    @Test func handsOutEntriesOnce() throws {
        var stream = try stream(5)
        #expect(try read(&stream, "c1", count: 2) == [id(1), id(2)])
        let taken = try stream.readGroup(g, consumer: bytes("c2"), count: 1, isAcknowledged: true, now: 100)
        #expect(taken.deliveries.map(\.entry.id) == [id(3)] && taken.isNewConsumer)
        #expect(try read(&stream, "c3", count: 1) == [id(4)])
        #expect(group(stream).pendingCount == 3)
        #expect(group(stream).lastDeliveredID == id(4))
        #expect(group(stream).entriesRead == 4)
        #expect(stream.lag(of: group(stream)) == 1)
        #expect(stream.delete([id(1)]) == 1)
        #expect(try read(&stream, "c3") == [id(5)])
        #expect(try read(&stream, "c3").isEmpty)
        #expect(group(stream).entriesRead == 5)
        #expect(stream.lag(of: group(stream)) == 0)
    }

    @Test func endsAReadBeforeWhatIsNotAdmitted() throws {
        var stream = try stream(5)
        var budget = 2
        let read = try stream.readGroup(g, consumer: bytes("c"), now: 1) { _ in
            budget -= 1
            return budget >= 0
        }
        #expect(read.deliveries.map(\.entry.id) == [id(1), id(2)])
        #expect(group(stream).lastDeliveredID == id(2) && group(stream).pendingCount == 2)
    }

    @Test func handsOutOnceMoreAfterMovingBack() throws {
        var stream = try stream(2)
        _ = try read(&stream, "c", now: 10)
        _ = try stream.claim([id(1)], group: g, consumer: bytes("c"), ClaimOptions(), now: 20)
        try stream.setGroup(g, to: .after(.zero))
        #expect(try read(&stream, "d", now: 30) == [id(1), id(2)])
        #expect(pending(stream).map(\.deliveryCount) == [1, 1])
        #expect(group(stream).consumerInfos.map(\.pendingCount) == [0, 2])
    }

    @Test func readsHistory() throws {
        var stream = try stream(3)
        _ = try read(&stream, "c", now: 10)
        #expect(stream.delete([id(1)]) == 1)
        let history = try stream.readHistory(g, consumer: bytes("c"), after: .zero, now: 20)
        #expect(history.items.map(\.id) == [id(1), id(2), id(3)])
        #expect(history.items.map { $0.entry != nil } == [false, true, true])
        // What is gone stays as it was.
        #expect(pending(stream).map(\.deliveryCount) == [1, 2, 2])
        #expect(pending(stream).map(\.deliveredAt) == [10, 20, 20])
        let rest = try stream.readHistory(g, consumer: bytes("c"), after: id(1), count: 1, now: 30)
        #expect(rest.items.map(\.id) == [id(2)])
        let other = try stream.readHistory(g, consumer: bytes("d"), after: .zero, now: 30)
        #expect(other.items.isEmpty && other.isNewConsumer)
    }

    @Test func readsHistoryOfManyLeaves() throws {
        var stream = try stream(20)
        _ = try read(&stream, "c", count: 12, now: 10)
        _ = try read(&stream, "d", count: 3, now: 11)
        _ = try read(&stream, "c", now: 12)
        #expect(stream.delete([id(1), id(5), id(6), id(20)]) == 4)
        let history = try stream.readHistory(g, consumer: bytes("c"), after: .zero, now: 1 << 40)
        let held: [UInt64] = Array(1...12) + Array(16...20)
        #expect(history.items.map(\.id) == held.map { id($0) })
        let gone: [UInt64] = [1, 5, 6, 20]
        let counted = held.filter { !gone.contains($0) }.map { id($0) }
        for entry in pending(stream, now: 1 << 40) {
            let isCounted = counted.contains(entry.id)
            #expect(entry.deliveryCount == (isCounted ? 2 : 1), "\(entry.id)")
            #expect((entry.deliveredAt == 1 << 40) == isCounted, "\(entry.id)")
        }
        #expect(stream.invariantViolation == nil)
    }

    @Test func findsGroupsFewAndMany() throws {
        var stream = try stream(1)
        let names = ["h", "i", "j", "k", "l"].map { bytes($0) }
        for name in names {
            #expect(stream.hasGroup(named: name) == false)
            try stream.createGroup(name, at: .last)
            #expect(stream.hasGroup(named: name) && stream.hasGroup(named: g))
            #expect(stream.invariantViolation == nil)
        }
        for name in [g] + names {
            let wasThere = stream.destroyGroup(name)
            #expect(wasThere && !stream.hasGroup(named: name))
            #expect(stream.invariantViolation == nil)
        }
        try stream.createGroup(g, at: .last)
        #expect(stream.hasGroup(named: g) && !stream.hasGroup(named: names[0]))
    }

    @Test func claimsTheLongestIdleFirst() throws {
        var stream = try stream(5)
        _ = try read(&stream, "c1", count: 1, now: 30)
        _ = try read(&stream, "c2", count: 1, now: 20)
        _ = try read(&stream, "c3", count: 1, now: 10)
        #expect(stream.delete([id(2)]) == 1)
        let claimed = try stream.readGroup(g, consumer: bytes("d"), count: 3, claimIdle: 5, now: 40)
        #expect(claimed.deliveries.map(\.entry.id) == [id(3), id(1), id(4)])
        #expect(claimed.deliveries.map(\.idle) == [30, 10, 0])
        #expect(claimed.deliveries.map(\.previousCount) == [1, 1, 0])
        // What is gone from the stream is passed over, and stays.
        #expect(pending(stream).map(\.id) == [id(1), id(2), id(3), id(4)])
        #expect(pending(stream).map(\.deliveryCount) == [2, 1, 2, 1])
        #expect(try read(&stream, "d", count: 1, claimIdle: 1000, now: 41) == [id(5)])
    }

    /// Whether a read would be in vain, and when to look again, by who waits longest.
    @Test func knowsWhoWaitsLongest() throws {
        var stream = try stream(4)
        _ = try stream.createConsumer(bytes("c"), group: g, now: 0)
        func isVain(claimIdle: Int64? = nil, now: Int64) -> Bool {
            stream.isReadInVain(by: bytes("c").span.bytes, of: g.span.bytes, claimIdle: claimIdle, now: now)
        }
        func nextClaim() -> Int64? {
            stream.nextLook(by: bytes("c").span.bytes, of: g.span.bytes, claimIdle: 5, now: 30).claim
        }
        #expect(!isVain(now: 5) && nextClaim() == nil)
        _ = try read(&stream, "c", count: 1, now: 10)
        #expect(!isVain(now: 10))
        _ = try read(&stream, "c", now: 20)
        #expect(isVain(now: 20) && nextClaim() == 15)
        // What is gone from the stream is nothing to wait for.
        _ = stream.delete([id(1)])
        #expect(nextClaim() == 25)
        #expect(isVain(claimIdle: 5, now: 24) && !isVain(claimIdle: 5, now: 25))
        // What nobody holds is there for whoever comes.
        _ = try stream.release([id(4)], group: g, .fail)
        #expect(!isVain(claimIdle: 1000, now: 21))
        try stream.setLastID(id(9))
        #expect(isVain(now: 21))
    }

    // MARK: Counting

    @Test func knowsLagWhateverIsDeleted() throws {
        var stream = try stream(5)
        #expect(group(stream).entriesRead == nil && stream.lag(of: group(stream)) == 5)
        _ = stream.delete([id(2), id(4)])
        #expect(stream.lag(of: group(stream)) == 3)
        _ = try read(&stream, "c", count: 1)
        // A hole behind the position: the count is anybody's guess, the lag isn't.
        #expect(group(stream).entriesRead == nil && stream.lag(of: group(stream)) == 2)
        _ = try read(&stream, "c")
        #expect(group(stream).entriesRead == 5 && stream.lag(of: group(stream)) == 0)
        _ = stream.trim(Trim(.maximumLength(0)))
        #expect(stream.lag(of: group(stream)) == 0)
        try stream.add(id(9))
        try stream.setGroup(g, to: .after(id(20)))
        #expect(stream.lag(of: group(stream)) == 0)
    }

    // MARK: Claiming

    @Test func claims() throws {
        var stream = try stream(5)
        _ = try read(&stream, "c", count: 3, now: 10)
        var options = ClaimOptions(minimumIdle: -5)
        let first = try stream.claim([id(2), id(4), id(99)], group: g, consumer: bytes("d"), options, now: 20)
        #expect(first.entries.map(\.id) == [id(2)] && first.isNewConsumer)
        #expect(pending(stream)[1].deliveryCount == 2)
        let young = try stream.claim([id(2)], group: g, consumer: bytes("d"), ClaimOptions(minimumIdle: 1), now: 20)
        #expect(young.entries.isEmpty)
        options.isForced = true
        _ = try stream.claim([id(4), id(99)], group: g, consumer: bytes("d"), options, now: 30)
        // Counted from one, and once more.
        #expect(pending(stream).last?.deliveryCount == 2)
        options.isIDOnly = true
        _ = try stream.claim([id(5), id(2)], group: g, consumer: bytes("d"), options, now: 30)
        #expect(pending(stream).map(\.deliveryCount) == [1, 2, 1, 2, 1])
        options.deliveryCount = 7
        options.moment = .idle(1000)
        options.lastDeliveredID = id(9, 9)
        _ = try stream.claim([id(2)], group: g, consumer: bytes("d"), options, now: 1030)
        #expect(pending(stream)[1].deliveryCount == 7 && pending(stream)[1].deliveredAt == 30)
        #expect(group(stream).lastDeliveredID == id(9, 9))
        options.lastDeliveredID = id(1)
        for moment: ClaimOptions.Moment in [.at(5000), .at(-1), .idle(5000), .idle(-5), .idle(.min)] {
            options.moment = moment
            _ = try stream.claim([id(2)], group: g, consumer: bytes("d"), options, now: 1040)
            #expect(pending(stream)[1].deliveredAt == 1040)
        }
        #expect(group(stream).lastDeliveredID == id(9, 9))
        // A message that is gone is no longer pending.
        _ = stream.delete([id(2)])
        let last = try stream.claim([id(2)], group: g, consumer: bytes("d"), options, now: 1050)
        #expect(last.entries.isEmpty && last.removedIDs == [id(2)])
        #expect(throws: StreamError.noSuchGroup) {
            try stream.claim([], group: bytes("no"), consumer: bytes("d"), options, now: 1)
        }
    }

    @Test func claimsInTurn() throws {
        var stream = try stream(6)
        _ = try read(&stream, "c", now: 0)
        _ = stream.acknowledge([id(1)], group: g)
        func claim(
            from start: StreamID, count: Int = 100, idle: Int64 = 0, isIDOnly: Bool = false
        ) throws -> ClaimResult {
            try stream.claimAutomatically(
                from: start, count: count, group: g, consumer: bytes("d"), minimumIdle: idle, isIDOnly: isIDOnly,
                now: 10)
        }
        let first = try claim(from: .zero, count: 1)
        #expect(first.entries.map(\.id) == [id(2)] && first.nextStart == id(3))
        _ = stream.delete([id(4)])
        let second = try claim(from: .zero, count: 2)
        #expect(second.entries.map(\.id) == [id(2), id(3)] && second.nextStart == id(4))
        let third = try claim(from: id(2, 1), isIDOnly: true)
        #expect(third.entries.map(\.id) == [id(3), id(5), id(6)])
        #expect(third.removedIDs == [id(4)] && third.nextStart == .zero)
        #expect(try claim(from: .max).nextStart == .zero)
        #expect(try claim(from: .zero, idle: 999_999).entries.isEmpty)
        #expect(pending(stream).map(\.id) == [id(2), id(3), id(5), id(6)])
    }

    @Test func looksAtTenTimesWhatItMayClaim() throws {
        var stream = try stream(30)
        _ = try read(&stream, "c", count: 25, now: 100)
        _ = try read(&stream, "c", now: 0)
        let claimed = try stream.claimAutomatically(
            from: .zero, count: 2, group: g, consumer: bytes("d"), minimumIdle: 50, now: 100)
        #expect(claimed.entries.isEmpty && claimed.nextStart == id(21))
    }

    // MARK: Giving back

    @Test func givesBack() throws {
        var stream = try stream(3)
        _ = try read(&stream, "c", count: 2, now: 10)
        #expect(try stream.release([id(1)], group: g, .silent) == 1)
        #expect(try stream.release([id(2)], group: g, .fatal) == 1)
        #expect(try stream.release([id(3)], group: g, .fail) == 0)
        #expect(try stream.release([id(3), id(9)], group: g, .fail, isForced: true) == 1)
        #expect(pending(stream).map(\.deliveryCount) == [0, .max, 0])
        #expect(pending(stream).allSatisfy { $0.consumer == nil && $0.deliveredAt == 0 })
        #expect(group(stream).releasedCount == 3 && group(stream).pendingCount == 3)
        #expect(group(stream).consumerInfos.map(\.pendingCount) == [0])
        // Idle enough for whatever is asked, and then delivered as new, since the group has not passed the last.
        let claimed = try stream.readGroup(g, consumer: bytes("d"), claimIdle: 1000, now: 50)
        #expect(claimed.deliveries.map(\.entry.id) == [id(1), id(2), id(3), id(3)])
        #expect(claimed.deliveries.map(\.idle) == [50, 50, 50, 0])
        #expect(claimed.deliveries.map(\.previousCount) == [0, .max, 0, 0])
        #expect(pending(stream).map(\.deliveryCount) == [1, .max, 1])
        #expect(group(stream).releasedCount == 0)
    }

    @Test func servesWhatWasGivenBackFirst() throws {
        var stream = try stream(4)
        _ = try read(&stream, "c", now: 10)
        _ = try stream.release([id(3)], group: g, .fail)
        _ = try stream.release([id(1)], group: g, .fail)
        // Once more: keeps its place.
        _ = try stream.release([id(3)], group: g, .fail, deliveryCount: 9)
        #expect(try read(&stream, "d", count: 3, claimIdle: 0, now: 20) == [id(3), id(1), id(2)])
        #expect(pending(stream)[2].deliveryCount == 10)
    }

    /// The record of the group is made to say that all tickets but one are used.
    @Test func keepsTheOrderWhenTicketsRunOut() throws {
        var stream = try stream(4)
        _ = try read(&stream, "c", now: 10)
        _ = try stream.release([id(3), id(1), id(2)], group: g, .fail)
        var tables = Tables()
        stream.checkpoint(into: &tables)
        let key = tables.records.keys.first { $0.table == StreamTable.groups }!
        let leafNumber = tables.records[key]!.last!
        // Name, last delivered ID, four read, the next ticket, the next leaf number.
        tables.put(key, [1] + g + [4, 0, 5] + [0xFF, 0xFF, 0xFF, 0xFF, 0x0F] + [leafNumber])
        var restored = try tables.restored(small)
        #expect(try restored.release([id(4)], group: g, .fail) == 1)
        #expect(try read(&restored, "d", claimIdle: 0, now: 20) == [id(3), id(1), id(2), id(4)])
        #expect(restored.invariantViolation == nil)
    }

    @Test func findsPendingEntries() throws {
        var stream = try stream(6)
        _ = try read(&stream, "c", count: 3, now: 10)
        _ = try read(&stream, "d", now: 50)
        _ = try stream.release([id(6)], group: g, .fail)
        let group = group(stream)
        #expect(group.pendingBounds == StreamRange(id(1), id(6)))
        #expect(group.pendingEntries(minimumIdle: 90, now: 100).map(\.id) == [id(1), id(2), id(3), id(6)])
        #expect(group.pendingEntries(in: StreamRange(id(2), id(4)), now: 100).map(\.id) == [id(2), id(3), id(4)])
        #expect(group.pendingEntries(count: 1, consumer: bytes("d"), now: 100).map(\.id) == [id(4)])
        #expect(group.pendingEntries(consumer: bytes("nobody"), now: 100).isEmpty)
        #expect(group.pendingEntries(count: -1, now: 100).isEmpty)
        #expect(group.oldestDeliveryAt == 0)
    }
}

@Suite struct GreatestCountTests {
    /// A group may be told that it has read as many entries as there are numbers.
    @Test func entriesReadStayTheGreatest() throws {
        var stream = Stream(configuration: small)
        try stream.add(id(1))
        try stream.setLastID(id(1), entriesAdded: .max)
        try stream.createGroup(bytes("g"), at: .after(id(1)), entriesRead: .max)
        try stream.add(id(2))
        let read = try stream.readGroup(bytes("g"), consumer: bytes("c"), now: 0)
        #expect(read.deliveries.count == 1 && stream.group(named: bytes("g"))?.entriesRead == .max)
    }
}
