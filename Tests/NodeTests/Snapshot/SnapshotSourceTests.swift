// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletAuth
import MartletBasics
import MartletBoltFile
import MartletEtcdSnapshot
import MartletKeyValue
import MartletNode
import MartletRaft
import MartletReplica
import MartletStorage
import MartletTestPrograms
import Testing

@Suite struct SnapshotSourceTests {
    struct Case: Sendable {
        var transactions: Int
        var keys: Int
        var longestValue: Int
        /// Parts of the revisions that are compacted, and changes that their removal has looked at.
        var compacted: Int64
        var limit: Int
    }

    static let cases = [
        Case(transactions: 0, keys: 1, longestValue: 0, compacted: 0, limit: 0),
        Case(transactions: 1, keys: 1, longestValue: 10, compacted: 0, limit: 0),
        Case(transactions: 60, keys: 10, longestValue: 100_000, compacted: 0, limit: 0),
        Case(transactions: 2000, keys: 300, longestValue: 100, compacted: 2, limit: .max),
        Case(transactions: 2000, keys: 300, longestValue: 100, compacted: 2, limit: 700),
        Case(transactions: 2000, keys: 30, longestValue: 100, compacted: 1, limit: .max),
        Case(transactions: 2000, keys: 30, longestValue: 100, compacted: 1, limit: 1),
    ]

    /// Out of the tables into etcd's form, and from there into the tables of another member.
    @Test(arguments: cases) func thereAndBack(_ test: Case) throws {
        let folder = try TemporaryFolder()
        var made = try TestStore(in: folder, seed: testSeed("thereAndBack"))
        defer { made.tables.close() }
        try made.fill(test.transactions, keys: test.keys, longestValue: test.longestValue)
        if test.compacted > 0 { try made.compact(made.store.revision / test.compacted, limit: test.limit) }
        let pieces = try made.pieces(in: folder)
        #expect(pieces.dropLast(2).allSatisfy { $0.count == 32 << 10 })
        #expect(pieces.last?.count == 32)
        let file = Array(pieces.joined())

        let reader = try EtcdSnapshotReader(BoltMemoryImage(file))
        try reader.verifyTrailer()
        let contents = try reader.contents()
        #expect(contents.clusterVersion == "3.6.0")
        #expect(contents.meta.storageVersion == SnapshotSource.storageVersion)
        #expect(contents.meta.term == Term(3))
        #expect(contents.meta.confState?.voters == [TestStore.member])
        let member = try #require(contents.members.first)
        #expect(member.name.isEmpty && member.peerURLs == ["http://localhost:2380"])
        #expect(contents.alarms == [BackendAlarm(memberID: 77, alarm: 1)])
        #expect(contents.auth.revision == 1 && contents.auth.isEnabled == nil)
        let isReclaimed = test.compacted == 0 || test.limit == .max
        #expect(contents.meta.scheduledCompaction?.main ?? -1 == made.store.compactRevision)
        #expect(contents.meta.finishedCompaction?.main ?? -1 == (isReclaimed ? made.store.compactRevision : -1))

        let path = folder.file("snapshot.db")
        try write(file, to: path)
        let restore = SnapshotRestore(to: folder.file("data"))
        let restored = try restore.run(from: path)
        #expect(restored.revision == made.store.revision)
        #expect(restored.leaseCount == 12)
        #expect(restored.lostLeaseCount == 0)
        let member2 = try RestoredMember(restore)
        try expectEqual(made.store, member2.store)
        #expect(member2.store.brokenIndexInvariant() == nil)
        #expect(member2.state.cluster.alarms.all == [Alarm(.noSpace, of: MemberID(77))])
    }

    @Test func usersAndRoles() throws {
        let folder = try TemporaryFolder()
        var made = try TestStore(in: folder, seed: testSeed("usersAndRoles"))
        defer { made.tables.close() }
        made.authEntries = someUsers(enabled: true)
        try made.fill(10, keys: 5, longestValue: 5)
        let file = try Array(made.pieces(in: folder).joined())
        let contents = try EtcdSnapshotReader(BoltMemoryImage(file)).contents()
        #expect(Set(entries(of: contents.auth)) == Set(made.authEntries))
        #expect(contents.auth.isEnabled == true && contents.auth.users.count == 2)
        let path = folder.file("snapshot.db")
        try write(file, to: path)
        let restore = SnapshotRestore(to: folder.file("data"))
        _ = try restore.run(from: path)
        let member = try RestoredMember(restore)
        #expect(member.state.auth.isEnabled)
        #expect(Set(member.state.auth.entries) == Set(made.authEntries))
    }

    @Test func tablesWithoutACheckpoint() throws {
        let folder = try TemporaryFolder()
        let tables = try Tables(path: folder.file("db"), tables: TestStore.tables)
        defer { tables.close() }
        let error = #expect(throws: SnapshotError.self) {
            try SnapshotSource(of: tables, spoolingTo: folder.file("spool"))
        }
        #expect(error?.code == .tables)
        #expect(!FileManager.default.fileExists(atPath: folder.file("spool")))
    }

    /// A change whose key is nowhere is damage, unless removal of compacted changes is under way.
    @Test func changesWithoutKeys() throws {
        let folder = try TemporaryFolder()
        var made = try TestStore(in: folder, seed: testSeed("changesWithoutKeys"))
        defer { made.tables.close() }
        try made.fill(10, keys: 2, longestValue: 5)
        var batch = TableBatch()
        batch.remove(TableKey(CheckpointTable.keys, object: 1))
        try made.tables.write(batch)
        let error = #expect(throws: SnapshotError.self) {
            try SnapshotSource(of: made.tables, spoolingTo: folder.file("spool"))
        }
        #expect(error?.code == .tables)
    }

    /// Whoever reads slowly sees the tables as they were.
    @Test func whatComesLaterIsNotInIt() throws {
        let folder = try TemporaryFolder()
        var made = try TestStore(in: folder, seed: testSeed("whatComesLaterIsNotInIt"))
        defer { made.tables.close() }
        try made.fill(300, keys: 50, longestValue: 1000)
        let whole = try Array(made.pieces(in: folder).joined())
        var source = try SnapshotSource(of: made.tables, spoolingTo: folder.file("spool"))
        var file: [UInt8] = []
        while let piece = try source.next() {
            file += piece
            if file.count == 32 << 10 {
                try made.fill(100, keys: 50, longestValue: 1000)
                try made.compact(made.store.revision)
                try made.tables.rewrite()
            }
        }
        #expect(file == whole)
    }
}
