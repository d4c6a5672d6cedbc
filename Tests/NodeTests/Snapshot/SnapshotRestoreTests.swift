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
import MartletWALCodec
import Testing

@Suite struct SnapshotRestoreTests {
    private func put(
        _ key: String, _ main: Int64, sub: Int64 = 0, created: Int64? = nil, version: Int64 = 1, _ value: String = "v",
        lease: Int64 = 0
    ) -> BackendRevision {
        BackendRevision(
            revision: Revision(main: main, sub: sub),
            record: KeyValueRecord(
                key: bytes(key), createRevision: created ?? main, modRevision: main, version: version,
                value: bytes(value), lease: LeaseID(lease)))
    }

    private func tombstone(_ key: String, _ main: Int64, sub: Int64 = 0) -> BackendRevision {
        BackendRevision(
            revision: Revision(main: main, sub: sub), record: .tombstone(key: bytes(key), modRevision: main),
            isTombstone: true)
    }

    private var contents: EtcdSnapshotContents {
        var contents = EtcdSnapshotContents()
        contents.meta.consistentIndex = LogIndex(70)
        contents.meta.term = Term(9)
        contents.clusterVersion = "3.5.0"
        return contents
    }

    private func restored(
        _ contents: EtcdSnapshotContents, _ revisions: [BackendRevision], _ leases: [BackendLease] = [],
        _ change: (inout SnapshotRestore) -> Void = { _ in }
    ) throws -> (RestoredSnapshot, RestoredMember) {
        let folder = try TemporaryFolder()
        try write(try snapshot(contents, revisions, leases), to: folder.file("snapshot.db"))
        var restore = SnapshotRestore(to: folder.file("data"))
        change(&restore)
        let said = try restore.run(from: folder.file("snapshot.db"))
        return (said, try RestoredMember(restore))
    }

    @Test func theLogOfANewCluster() throws {
        let folder = try TemporaryFolder()
        try write(try snapshot(contents, [put("a", 2)]), to: folder.file("snapshot.db"))
        var restore = SnapshotRestore(
            memberID: 9, clusterID: 5,
            members: [
                .init(id: 9, name: "b", peerURLs: ["http://b:1"]), .init(id: 3, name: "a", peerURLs: ["http://a:1"]),
            ], dataPath: folder.file("deep/data"))
        restore.logPath = folder.file("elsewhere/wal")
        _ = try restore.run(from: folder.file("snapshot.db"))
        let member = try RestoredMember(restore)
        #expect(member.state.applied == AppliedPosition(index: LogIndex(2), term: Term(1)))
        #expect(member.log.entries.isEmpty)
        #expect(member.log.hardState == WALHardState(term: Term(1), vote: 3, commit: LogIndex(2)))
        #expect(WALMetadata(member.log.metadata ?? []) == WALMetadata(memberID: 9, clusterID: 5))
        #expect(member.log.snapshots.last?.membership?.voters == [3, 9])
        #expect(member.replica.cluster.configuration == Configuration(voters: [MemberID(3), MemberID(9)]))
        #expect(member.replica.cluster.members.map(\.peerURLs) == [["http://a:1"], ["http://b:1"]])
        #expect(member.replica.cluster.version.isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: restore.dataPath) == ["member"])
        #expect(!FileManager.default.fileExists(atPath: restore.dataPath + "/member/wal"))
        // All entries are there for who begins at the first.
        let log = try LogFolder(files: PosixFileSystem(), path: folder.file("elsewhere/wal")).read().recovery
        #expect(log.entries.map(\.kind) == [.configurationChange, .configurationChange])
        let contexts = try log.entries.map { text(try MemberChange($0.data).context) }
        #expect(
            contexts == [
                #"{"id":3,"peerURLs":["http://a:1"],"name":"a"}"#, #"{"id":9,"peerURLs":["http://b:1"],"name":"b"}"#,
            ])
    }

    /// etcd saved while its compaction of revision 6 was being carried out: nothing older was removed yet.
    @Test func aCompactionThatWasNotFinished() throws {
        var contents = contents
        contents.meta.scheduledCompaction = Revision(main: 6)
        contents.meta.finishedCompaction = Revision(main: 3)
        let (said, member) = try restored(
            contents,
            [
                put("a", 2), put("b", 3), put("a", 4, created: 2, version: 2), tombstone("b", 5), put("c", 5, sub: 1),
                tombstone("c", 6), put("d", 6, sub: 1), put("a", 7, created: 2, version: 3), tombstone("d", 8),
            ])
        #expect(said.compactRevision == 6 && said.revision == 8)
        #expect(said.changeCount == 5 && said.keyCount == 3)
        #expect(throws: KeyValueError.compacted) { try member.store.all(at: 5) }
        #expect(try member.store.all(at: 6).map(\.modRevision) == [4, 6])
        #expect(try member.store.all(at: 7).map(\.modRevision) == [7, 6])
        #expect(try member.store.all(at: 8).map(\.modRevision) == [7])
        #expect(member.store.historyCount >= 4)
    }

    /// What is left of a store whose newest changes were compacted away with their keys.
    @Test func aRevisionBeyondTheLastChange() throws {
        var contents = contents
        contents.meta.scheduledCompaction = Revision(main: 12)
        contents.meta.finishedCompaction = Revision(main: 12)
        let (said, member) = try restored(contents, [put("a", 4)])
        #expect(said.revision == 12)
        #expect(member.store.revision == 12 && member.store.compactRevision == 12)
        #expect(try member.store.all(at: 0).map(\.key) == [bytes("a")])
    }

    @Test func aRaisedRevision() throws {
        let revisions = [put("a", 2), put("a", 3, created: 2, version: 2), put("b", 4), tombstone("b", 5)]
        let (said, member) = try restored(contents, revisions) { $0.revisionBump = 1_000_000_000 }
        #expect(said.revision == 1_000_000_005)
        #expect(member.store.revision == 1_000_000_005 && member.store.compactRevision == 1_000_000_005)
        let left = try member.store.all(at: 0)
        #expect(left.map(\.modRevision) == [3] && left.map(\.version) == [2])
        #expect(throws: KeyValueError.compacted) { try member.store.all(at: 5) }
        var store = member.store
        #expect(try store.put(PutRequest(key: bytes("c"))).revision == 1_000_000_006)
        let error = #expect(throws: SnapshotError.self) {
            try restored(contents, revisions) { $0.revisionBump = .max }
        }
        #expect(error?.code == .refused)
    }

    /// etcd's own tool leaves an entry without a key where it raised the revision.
    @Test func anEntryWithoutAKey() throws {
        var contents = contents
        contents.meta.scheduledCompaction = Revision(main: 100)
        let (said, member) = try restored(contents, [put("a", 2), put("", 100, created: 0, version: 0, "")])
        #expect(said.revision == 100 && said.compactRevision == 100 && said.keyCount == 1)
        #expect(try member.store.all(at: 0).map(\.key) == [bytes("a")])
    }

    @Test func leases() throws {
        let leases = [
            BackendLease(id: LeaseID(7), ttlSeconds: 60),
            BackendLease(id: LeaseID(8), ttlSeconds: 90, remainingSeconds: 30),
            BackendLease(id: LeaseID(-5), ttlSeconds: 70),
        ]
        let (said, member) = try restored(
            contents,
            [
                put("old", 2, lease: 99), put("old", 3, created: 2, version: 2), put("a", 4, lease: 7),
                put("b", 5, lease: -5), put("lost", 6, lease: 99),
            ], leases)
        #expect(said.leaseCount == 3 && said.lostLeaseCount == 1)
        #expect(Set(member.store.leaseIDs()) == [LeaseID(7), LeaseID(8), LeaseID(-5)])
        #expect(member.store.leaseStatus(LeaseID(7), now: .zero, includingKeys: true)?.keys == [bytes("a")])
        #expect(member.store.leaseStatus(LeaseID(-5), now: .zero, includingKeys: true)?.keys == [bytes("b")])
        #expect(member.store.notedLeaseRemaining(LeaseID(8)) == 30)
        #expect(try member.store.all(at: 2).map(\.lease) == [LeaseID(99)])
        #expect(try member.store.all(at: 0).map(\.lease) == [LeaseID(7), LeaseID(-5), .none, .none])
    }

    /// What real etcds saved, users and roles among it.
    @Test(arguments: ["etcd-3.4.23.db", "etcd-3.5.1.db"]) func whatRealEtcdsSaved(_ name: String) throws {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let path = tests.deletingLastPathComponent().appending(path: "EtcdSnapshotTests/Fixtures/\(name)").path
        let folder = try TemporaryFolder()
        let restore = SnapshotRestore(to: folder.file("data"))
        let said = try restore.run(from: path)
        let member = try RestoredMember(restore)
        let reader = try EtcdSnapshotReader(SnapshotFileImage(path: path))
        #expect(said.revision == (try reader.status().revision))
        let auth = try reader.contents().auth
        #expect(!auth.users.isEmpty && !auth.roles.isEmpty)
        let restored = Set(member.state.auth.entries)
        #expect(Set(entries(of: auth)).isSubset(of: restored))
    }

    // MARK: What is refused

    @Test func filesThatAreNoSnapshots() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("snapshot.db")
        func refusal(_ bytes: [UInt8]?, _ change: (inout SnapshotRestore) -> Void = { _ in }) throws -> String {
            if let bytes { try write(bytes, to: path) }
            var restore = SnapshotRestore(to: folder.file("data"))
            change(&restore)
            let error = #expect(throws: SnapshotError.self) { try restore.run(from: bytes == nil ? path + "x" : path) }
            let left = try? FileManager.default.contentsOfDirectory(atPath: restore.dataPath)
            #expect(left ?? [] == [])
            return error?.message ?? ""
        }
        let good = try snapshot(contents, [put("a", 2)])
        #expect(try refusal(nil) == "open \(path)x: no such file or directory")
        #expect(try refusal([]).contains("bbolt"))
        #expect(try refusal(Array(good.dropLast(32))) == "snapshot missing hash but --skip-hash-check=false")
        var damaged = good
        damaged[5000] ^= 1
        #expect(try refusal(damaged).contains("SHA-256"))
        #expect(try refusal(good) { $0.memberID = 4 }.contains("none of the cluster's"))

        var later = contents
        later.meta.storageVersion = "3.7.0"
        #expect(try refusal(snapshot(later, [put("a", 2)])).contains("3.7.0"))
        #expect(try refusal(snapshot(contents, [put("a", 2, created: 5)])).contains("{2,0}"))
        #expect(
            try refusal(snapshot(contents, [put("a", 2), put("a", 3, created: 3, version: 1)]))
                .contains("contradicts itself"))
        #expect(try refusal(snapshot(contents, [], [BackendLease(id: LeaseID(3), ttlSeconds: 0)])).contains("lease"))
        // What a crash left is in nobody's way.
        try FileManager.default.createDirectory(
            atPath: folder.file("data/member.tmp/tables"), withIntermediateDirectories: true)
        try write([1], to: folder.file("data/member.tmp/tables/db"))
        try write(good, to: path)
        var restore = SnapshotRestore(to: folder.file("data"))
        #expect(try restore.run(from: path).keyCount == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("data")) == ["member"])

        restore = SnapshotRestore(to: folder.file("data"))
        let occupied = #expect(throws: SnapshotError.self) { try restore.run(from: path) }
        #expect(occupied?.message == "data-dir \"\(folder.file("data"))\" not empty or could not be read")
        restore = SnapshotRestore(to: folder.file("other"))
        restore.logPath = folder.file("data/member/wal")
        let log = #expect(throws: SnapshotError.self) { try restore.run(from: path) }
        #expect(log?.message == "wal-dir \"\(folder.file("data/member/wal"))\" exists")
    }

    /// A database out of a data folder has no hash behind it.
    @Test func aDatabaseWithoutAHash() throws {
        let folder = try TemporaryFolder()
        try write(try snapshot(contents, [put("a", 2)]).dropLast(32).map { $0 }, to: folder.file("db"))
        var restore = SnapshotRestore(to: folder.file("data"))
        restore.skipsHashCheck = true
        #expect(try restore.run(from: folder.file("db")).revision == 2)
    }
}
