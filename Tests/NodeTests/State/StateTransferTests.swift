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

    private func makeArrival(_ target: RunningMember) async throws -> MemberArrival {
        let arrival = try await target.loop.submit { target.member.value.beginArrival() }.get()
        return try #require(arrival)
    }

    private func end(_ target: RunningMember) async throws {
        try await target.loop.submit {
            target.member.value.endArrival(nil, from: Self.other, term: Term(1))
        }.get()
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
        let arrival = try await makeArrival(target)
        var count = 0
        while let chunk = try await dump.nextChunk() {
            count += 1
            try await arrival.add(chunk)
        }
        #expect(count > 16)
        let state = try await arrival.finish(dump.applied)
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
        try await end(target)
        try await target.stop()
        try await source.stop()
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

    @Test(arguments: [0, 3, 100]) func isRefusedDamaged(place: Int) async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let target = try await RunningMember(DataFolder(path: folder.file("to")))
        let dump = try await makeDump(source, directDuration: StateDump.directDuration)
        let arrival = try await makeArrival(target)
        var chunk = try #require(try await dump.nextChunk())
        chunk[place] ^= 1
        try await arrival.add(chunk)
        await #expect(throws: StateTransferError.damaged) { _ = try await arrival.finish(dump.applied) }
        await arrival.abandon()
        try await end(target)
        try await target.stop()
        try await source.stop()
    }

    /// Without its end, and in another order.
    @Test func isRefusedIncomplete() async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let target = try await RunningMember(DataFolder(path: folder.file("to")))
        let dump = try await makeDump(source, directDuration: StateDump.directDuration)
        var chunks: [[UInt8]] = []
        while let chunk = try await dump.nextChunk() { chunks.append(chunk) }
        let cutShort = try await makeArrival(target)
        for chunk in chunks.dropLast() { try await cutShort.add(chunk) }
        await #expect(throws: (any Error).self) { _ = try await cutShort.finish(dump.applied) }
        await cutShort.abandon()
        try await end(target)
        let reversed = try await makeArrival(target)
        for chunk in chunks.reversed() { try await reversed.add(chunk) }
        await #expect(throws: StateTransferError.damaged) { _ = try await reversed.finish(dump.applied) }
        await reversed.abandon()
        try await end(target)
        try await target.stop()
        try await source.stop()
    }
}
