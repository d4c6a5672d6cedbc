// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletBasics
import MartletBoltFile
import MartletEtcdSnapshot
import MartletKeyValue
import MartletNode
import MartletRaft
import MartletReplica
import MartletStorage
import MartletTestPrograms
import MartletWALCodec
import NIOCore
import NIOPosix
import Testing

/// Snapshots of a member that runs.
@Suite struct MemberSnapshotTests {
    private func keys(_ snapshot: RunningSnapshot) async throws -> [String] {
        var file: [UInt8] = []
        while true {
            let pieces = try await snapshot.next(3)
            if pieces.isEmpty { break }
            for piece in pieces { file += piece.bytes }
        }
        let reader = try EtcdSnapshotReader(BoltMemoryImage(file))
        try reader.verifyTrailer()
        var cursor = try reader.revisions()
        var keys: [String] = []
        while let change = try cursor.next() { keys.append(text(change.record.key)) }
        return keys
    }

    /// What was acknowledged before is in it; a few at a time; none is lost when the member ends.
    @Test func ofWhatIsAcknowledged() async throws {
        let folder = try TemporaryFolder()
        let running = try await RunningMember(DataFolder(path: folder.file("data")))
        var snapshots: [RunningSnapshot] = []
        for number in 0..<4 {
            try await running.put("k\(number)")
            snapshots.append(try await running.snapshot())
        }
        let error = await #expect(throws: SnapshotError.self) { try await running.snapshot() }
        #expect(error?.code == .refused)
        #expect(try await keys(snapshots[1]) == ["k0", "k1"])
        try await running.end(snapshots[1])
        let another = try await running.snapshot()
        #expect(another.number == snapshots[1].number)
        try await running.stop()
        #expect(try await keys(snapshots[3]) == ["k0", "k1", "k2", "k3"])
        #expect(try await keys(another) == ["k0", "k1", "k2", "k3"])
        let late = await #expect(throws: SnapshotError.self) { try await running.snapshot() }
        #expect(late?.code == .refused)
        // The folder is free.
        let again = try await RunningMember(DataFolder(path: folder.file("data")))
        #expect(try await keys(again.snapshot()).count == 4)
        try await again.stop()
    }

    /// An end that comes while one is being made.
    @Test func stopsInTheMiddle() async throws {
        let folder = try TemporaryFolder()
        let running = try await RunningMember(DataFolder(path: folder.file("data")))
        for number in 0..<50 { try await running.put("k\(number)") }
        async let made = running.snapshot()
        async let stopped: Void = running.stop()
        try await stopped
        do {
            #expect(try await keys(made).count == 50)
        } catch let error as SnapshotError {
            #expect(error.code == .refused || error.code == .tables)
        }
        let again = try await RunningMember(DataFolder(path: folder.file("data")))
        try await again.stop()
    }

    @Test func ofAStoreInMemory() async throws {
        let running = try await RunningMember(nil)
        let error = await #expect(throws: SnapshotError.self) { try await running.snapshot() }
        #expect(error?.code == .refused)
        try await running.stop()
    }
}
