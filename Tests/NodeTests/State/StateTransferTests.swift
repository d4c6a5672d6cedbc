// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletNode
import MartletRaft
import MartletReplica
import MartletStorage
import MartletTestPrograms
import NIOCore
import Testing

/// A member's whole state on its way to another: out of one's tables in chunks, into the other's folder and memory.
@Suite struct StateTransferTests {
    private static let other = MemberID(7)

    /// More than the chunks that may wait to be sent: 6 MB.
    private func makeSource(_ folder: TemporaryFolder) async throws -> RunningMember {
        let member = try await RunningMember(DataFolder(path: folder.file("from")))
        for number in 0..<60 {
            try await member.put("k\(number)", [UInt8](repeating: UInt8(number), count: 100_000))
        }
        return member
    }

    private func makeDump(_ source: RunningMember, directDuration: Duration) async throws -> StateDump {
        try await source.loop.flatSubmit {
            source.member.value.makeStateDump(for: Self.other, directDuration: directDuration)
        }.get()
    }

    private func begin(
        _ target: RunningMember, _ dump: StateDump, isResumable: Bool = true
    ) async throws -> ArrivalStart {
        let identity = StateIdentity(
            sender: Self.other, applied: dump.applied, dump: isResumable ? dump.number : nil)
        return try await target.loop.flatSubmit { target.member.value.beginArrival(identity) }.get()
    }

    private func makeArrival(
        _ target: RunningMember, _ dump: StateDump, isResumable: Bool = true
    ) async throws -> MemberArrival {
        let start = try await begin(target, dump, isResumable: isResumable)
        guard case .begun(let arrival) = start else { throw Unexpected(description: "\(start)") }
        return arrival
    }

    private struct Unexpected: Error, CustomStringConvertible { let description: String }

    /// What is there of it isn't taken by the replica, whose cluster this is not.
    private func end(
        _ target: RunningMember, _ arrival: MemberArrival,
        _ result: Result<RestoredState, any Error> = .failure(CancellationError()),
        keepDuration: TimeAmount = Member.arrivalKeepDuration
    ) async throws {
        try await target.loop.flatSubmit {
            target.member.value.endArrival(arrival, result, term: Term(1), keepDuration: keepDuration)
        }.get()
    }

    private func allChunks(_ dump: StateDump) async throws -> [[UInt8]] {
        dump.sendOnce()
        var chunks: [[UInt8]] = []
        while let chunk = try await dump.nextChunk() { chunks.append(chunk) }
        return chunks
    }

    /// As it is read, and where the network is slow, by way of a file: the same state, in memory and on disk.
    @Test(arguments: [StateDump.directDuration, .zero]) func arrivesWhole(directDuration: Duration) async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let target = try await RunningMember(DataFolder(path: folder.file("to")))
        let dump = try await makeDump(source, directDuration: directDuration)
        // Written behind what the dump holds.
        try await source.put("later")
        // Nobody takes anything for a while.
        try await Task.sleep(for: .milliseconds(300))
        let arrival = try await makeArrival(target, dump)
        var count = 0
        while let chunk = try await dump.nextChunk() {
            count += 1
            let taken = try await arrival.add(chunk)
            #expect(taken == count)
        }
        #expect(count > 16)
        let state = try await arrival.finish()
        #expect(state.applied == dump.applied)
        #expect(state.store.revision == 61)
        // What a start would find.
        let configuration = ReplicaConfiguration(
            member: Self.other, name: "", clientURLs: [], peerURLs: [], seed: 1)
        let tables = try Tables(path: folder.file("to/member/tables/arrived"), tables: ReplicaCheckpoint.tables)
        let read = try DataFolder.restore(
            configuration, from: tables, at: Moment(monotonic: .zero, wallMilliseconds: 0), examines: true)
        tables.close()
        #expect(read.applied == dump.applied)
        #expect(read.store.stateDigest() == state.store.stateDigest())
        try await target.stop()
        try await source.stop()
    }

    /// Several at once to one member, each by way of a file: none is in another's. A start removes what a crash has
    /// left of such files.
    @Test func filesAreApart() async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        var dumps: [StateDump] = []
        for _ in 0..<4 { dumps.append(try await makeDump(source, directDuration: .zero)) }
        try await withThrowingTaskGroup(of: [[UInt8]].self) { group in
            for dump in dumps { group.addTask { try await allChunks(dump) } }
            let first = try await group.next()
            while let chunks = try await group.next() { #expect(chunks == first) }
        }
        try await source.stop()
        let files = PosixFileSystem()
        let data = DataFolder(path: folder.file("from"))
        #expect(try files.names(in: data.tablesPath).allSatisfy { !$0.contains("spool") })
        for name in ["db.spool-state-7-1", "db.spool-snapshot-0"] {
            try files.create("\(data.tablesPath)/\(name)").close()
        }
        let again = try await RunningMember(data)
        #expect(try files.names(in: data.tablesPath).allSatisfy { !$0.contains("spool") })
        try await again.stop()
    }

    /// Nobody wants the rest: the thread that reads ends, and with it the member can.
    @Test func isGivenUp() async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let dump = try await makeDump(source, directDuration: StateDump.directDuration)
        let first = try await dump.nextChunk()
        #expect(first != nil)
        dump.abandon()
        await #expect(throws: StateTransferError.busy) { while try await dump.nextChunk() != nil {} }
        try await source.stop()
    }

    /// The member ends in the middle: whoever takes the state is told.
    @Test func endsWithItsMember() async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let dump = try await makeDump(source, directDuration: StateDump.directDuration)
        try await source.stop()
        await #expect(throws: StateTransferError.busy) { while try await dump.nextChunk() != nil {} }
    }

    /// It is refused at once, and what came before is kept: the next connection brings it whole.
    @Test(arguments: [0, 3, 100]) func comesAgainWhereItWasDamaged(place: Int) async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let target = try await RunningMember(DataFolder(path: folder.file("to")))
        let dump = try await makeDump(source, directDuration: StateDump.directDuration)
        let first = try await makeArrival(target, dump)
        for _ in 0..<5 {
            let chunk = try #require(try await dump.nextChunk())
            _ = try await first.add(chunk)
        }
        var damaged = try #require(try await dump.nextChunk())
        damaged[place] ^= 1
        await #expect(throws: StateTransferError.damaged) { _ = try await first.add(damaged) }
        try await end(target, first, .failure(StateTransferError.damaged))
        let second = try await makeArrival(target, dump)
        #expect(second.taken == 5)
        try dump.resume(after: second.taken)
        while let chunk = try await dump.nextChunk() { _ = try await second.add(chunk) }
        let state = try await second.finish()
        #expect(state.store.revision == 61)
        #expect(dump.repeatedByteCount == damaged.count)
        try await target.stop()
        try await source.stop()
    }

    /// What was on its way when the connection broke goes again, and nothing else.
    @Test func goesOnBehindWhatIsThere() async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let target = try await RunningMember(DataFolder(path: folder.file("to")))
        let dump = try await makeDump(source, directDuration: StateDump.directDuration)
        var lost = 0
        var received = 0
        // Each connection breaks, with two chunks under way.
        for _ in 0..<3 {
            let arrival = try await makeArrival(target, dump)
            #expect(arrival.taken == received)
            try dump.resume(after: arrival.taken)
            for number in 0..<6 {
                let chunk = try #require(try await dump.nextChunk())
                if number < 4 {
                    received = try await arrival.add(chunk)
                } else {
                    lost += chunk.count
                }
            }
            try await end(target, arrival)
        }
        #expect(received == 12)
        let last = try await makeArrival(target, dump)
        try dump.resume(after: last.taken)
        while let chunk = try await dump.nextChunk() { received = try await last.add(chunk) }
        let state = try await last.finish()
        #expect(state.applied == dump.applied)
        #expect(state.store.revision == 61)
        #expect(dump.repeatedByteCount == lost)
        try await target.stop()
        try await source.stop()
    }

    /// What nobody goes on with is kept for a while, and then gone: the next connection begins anew.
    @Test func isNotKeptForEver() async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let target = try await RunningMember(DataFolder(path: folder.file("to")))
        let dump = try await makeDump(source, directDuration: StateDump.directDuration)
        let first = try await makeArrival(target, dump)
        for _ in 0..<3 {
            let chunk = try #require(try await dump.nextChunk())
            _ = try await first.add(chunk)
        }
        // Longer than any test: it is there, and a connection that has come stops the clock.
        try await end(target, first, keepDuration: .hours(100))
        let second = try await makeArrival(target, dump)
        #expect(second.taken == 3)
        try await end(target, second, keepDuration: .nanoseconds(1))
        while try await target.loop.submit({ target.member.value.hasArrival }).get() {
            try await Task.sleep(for: .milliseconds(1))
        }
        let third = try await makeArrival(target, dump)
        #expect(third.taken == 0)
        try await end(target, third)
        dump.abandon()
        try await target.stop()
        try await source.stop()
    }

    /// The receiver counts what it never got, or less than before.
    @Test func refusesCountsThatCantBe() async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let dump = try await makeDump(source, directDuration: StateDump.directDuration)
        for _ in 0..<4 { _ = try await dump.nextChunk() }
        try dump.acknowledge(3)
        #expect(dump.acknowledged == 3)
        for count in [2, 5, Int.max] {
            #expect(throws: StateTransferError.incomplete) { try dump.acknowledge(count) }
            #expect(throws: StateTransferError.incomplete) { try dump.resume(after: count) }
        }
        dump.abandon()
        try await source.stop()
    }

    /// One state at a time; what is kept of one goes when another one comes.
    @Test func keepsOneState() async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let target = try await RunningMember(DataFolder(path: folder.file("to")))
        let old = try await makeDump(source, directDuration: StateDump.directDuration)
        let first = try await makeArrival(target, old)
        let chunk = try #require(try await old.nextChunk())
        _ = try await first.add(chunk)
        let new = try await makeDump(source, directDuration: StateDump.directDuration)
        guard case .isBusy = try await begin(target, new) else { throw Unexpected(description: "two at once") }
        try await end(target, first)
        let arrival = try await makeArrival(target, new)
        #expect(arrival.taken == 0)
        await #expect(throws: StateTransferError.superseded) { _ = try await first.add(chunk) }
        guard case .isBusy = try await begin(target, old) else { throw Unexpected(description: "two at once") }
        while let chunk = try await new.nextChunk() { _ = try await arrival.add(chunk) }
        let state = try await arrival.finish()
        #expect(state.store.revision == 61)
        old.abandon()
        try await target.stop()
        try await source.stop()
    }

    /// What was taken by nobody is removed by another thread, which may be busy: no other comes before it has gone.
    @Test func isRemovedBeforeTheNext() async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let target = try await RunningMember(DataFolder(path: folder.file("to")))
        let dump = try await makeDump(source, directDuration: StateDump.directDuration)
        let arrival = try await makeArrival(target, dump)
        while let chunk = try await dump.nextChunk() { _ = try await arrival.add(chunk) }
        let state = try await arrival.finish()
        let files = PosixFileSystem()
        let file = folder.file("to/member/tables/arrived")
        #expect(try files.exists(file))
        let next = StateIdentity(sender: Self.other, applied: dump.applied, dump: nil)
        let start = try await target.loop.flatSubmit {
            _ = target.member.value.endArrival(arrival, .success(state), term: Term(1))
            return target.member.value.beginArrival(next)
        }.get()
        guard case .isBusy = start else { throw Unexpected(description: "another one while the last is removed") }
        while true {
            let start = try await target.loop.flatSubmit { target.member.value.beginArrival(next) }.get()
            if case .begun(let arrival) = start {
                #expect(try !files.exists(file))
                try await end(target, arrival)
                break
            }
            try await Task.sleep(for: .milliseconds(1))
        }
        try await target.stop()
        try await source.stop()
    }

    /// A connection that nobody knows to be dead gives way to the next one of the same state.
    @Test func givesWayToALaterConnection() async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let target = try await RunningMember(DataFolder(path: folder.file("to")))
        let dump = try await makeDump(source, directDuration: StateDump.directDuration)
        let dead = try await makeArrival(target, dump)
        let chunk = try #require(try await dump.nextChunk())
        _ = try await dead.add(chunk)
        let next = try await makeArrival(target, dump)
        #expect(next.taken == 1)
        await #expect(throws: StateTransferError.superseded) { _ = try await dead.add(chunk) }
        await #expect(throws: StateTransferError.superseded) { _ = try await dead.finish() }
        // Its end changes nothing.
        try await end(target, dead)
        try dump.resume(after: next.taken)
        while let chunk = try await dump.nextChunk() { _ = try await next.add(chunk) }
        let state = try await next.finish()
        #expect(state.store.revision == 61)
        try await target.stop()
        try await source.stop()
    }

    /// An older sender can't go on where it was, so nothing is kept for it.
    @Test func keepsNothingOfASenderThatSendsOnce() async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let target = try await RunningMember(DataFolder(path: folder.file("to")))
        let dump = try await makeDump(source, directDuration: StateDump.directDuration)
        let chunks = try await allChunks(dump)
        let first = try await makeArrival(target, dump, isResumable: false)
        for chunk in chunks.dropLast() { _ = try await first.add(chunk) }
        try await end(target, first)
        let second = try await makeArrival(target, dump, isResumable: false)
        #expect(second.taken == 0)
        for chunk in chunks { _ = try await second.add(chunk) }
        let state = try await second.finish()
        #expect(state.store.revision == 61)
        try await target.stop()
        try await source.stop()
    }

    /// Without its end, and in another order.
    @Test func isRefusedIncomplete() async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let target = try await RunningMember(DataFolder(path: folder.file("to")))
        let dump = try await makeDump(source, directDuration: StateDump.directDuration)
        let chunks = try await allChunks(dump)
        let cutShort = try await makeArrival(target, dump)
        for chunk in chunks.dropLast() { _ = try await cutShort.add(chunk) }
        await #expect(throws: (any Error).self) { _ = try await cutShort.finish() }
        try await end(target, cutShort, .failure(StateTransferError.incomplete))
        let reversed = try await makeArrival(target, dump)
        // Nothing of what was of no use is kept.
        #expect(reversed.taken == 0)
        for chunk in chunks.reversed() { _ = try await reversed.add(chunk) }
        await #expect(throws: StateTransferError.disordered) { _ = try await reversed.finish() }
        try await end(target, reversed, .failure(StateTransferError.disordered))
        try await target.stop()
        try await source.stop()
    }
}
