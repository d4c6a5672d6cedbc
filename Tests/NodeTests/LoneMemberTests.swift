// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdSnapshot
import MartletKeyValue
import MartletNode
import MartletRaft
import MartletReplica
import MartletStorage
import MartletTestPrograms
import MartletWALCodec
import NIOCore
import Testing

/// A data folder of a cluster of three, of which one member is left.
@Suite(.timeLimit(.minutes(30))) struct LoneMemberTests {
    /// The folder of one of three.
    private func makeData(_ folder: TemporaryFolder) throws -> DataFolder {
        var contents = EtcdSnapshotContents()
        contents.meta.consistentIndex = LogIndex(70)
        contents.meta.term = Term(9)
        try write(try snapshot(contents, []), to: folder.file("snapshot.db"))
        let founders = [TestStore.member, 5, 6].map {
            SnapshotRestore.Member(id: $0, name: "m\($0)", peerURLs: ["http://m\($0)"])
        }
        _ = try SnapshotRestore(
            memberID: TestStore.member, clusterID: 5, members: founders, dataPath: folder.file("data")
        ).run(from: folder.file("snapshot.db"))
        return DataFolder(path: folder.file("data"))
    }

    /// Its checkpoint says that it was removed, and it reaches nobody who would tell it.
    @Test func aRemovedMemberEnds() async throws {
        let folder = try TemporaryFolder()
        let data = try makeData(folder)
        let own = MemberID(TestStore.member)
        try Self.remove(own, in: data)
        // So slow that it does not end by what it applies before that is checkpointed.
        let first = try await RunningMember(data, tick: .seconds(3_600), awaitsReady: false)
        while try await first.loop.submit({ !first.member.value.cluster.removed.contains(own) }).get() {
            try await Task.sleep(for: .milliseconds(1))
        }
        let dump = try await first.loop.flatSubmit { first.member.value.makeStateDump(for: MemberID(5)) }.get()
        dump.abandon()
        try await first.stop()
        let removed = try await RunningMember(data, tick: .milliseconds(10), awaitsReady: false)
        let failure = await #expect(throws: MemberFailure.self) {
            try await removed.loop.flatSubmit { removed.member.value.ready }.get()
        }
        #expect(failure?.description.hasPrefix("the member has been permanently removed") == true)
        try await removed.stop()
        // Asked for by hand, it is one again.
        let alone = try await RunningMember(data, isAlone: true)
        try await alone.put("k")
        try await alone.stop()
    }

    /// A log in which the removal is the last entry, and committed.
    private static func remove(_ member: MemberID, in data: DataFolder) throws {
        let last = LogIndex(4)
        // Of a leader: only founders have the first term, and no checkpoint is made before they are all applied.
        let term = Term(2)
        let log = LogFolder(files: PosixFileSystem(), path: data.logPath)
        var appender = try log.open(after: LogIndex(3), source: LogFolder.inline).intoAppender()
        var batch = LogBatch()
        batch.append(
            WALEntry(
                index: last, term: term, kind: .configurationChange, data: MemberChange(.remove, member).encoded()))
        batch.append(WALHardState(term: term, vote: 5, commit: last), mustSync: true)
        try appender.append(batch)
        try appender.close()
    }

    @Test func aMemberOfThreeGoesOnAlone() async throws {
        let folder = try TemporaryFolder()
        let data = try makeData(folder)
        // The first start makes it one, the second finds it so.
        for isAlone in [true, false, true] {
            let running = try await RunningMember(data, isAlone: isAlone)
            try await running.put("k")
            let (members, revision) = try await running.loop.submit { [member = running.member] in
                (member.value.cluster.members.map(\.id), member.value.store.revision)
            }.get()
            #expect(members == [MemberID(TestStore.member)])
            #expect(revision > 1)
            try await running.stop()
        }
        let log = try LogFolder(files: PosixFileSystem(), path: data.logPath).read().recovery
        let changes = try log.entries.filter { $0.kind == .configurationChange }.map {
            try MemberChange($0.data).change
        }
        #expect(changes.suffix(2).map(\.kind) == [.remove, .remove])
        #expect(changes.filter { $0.kind == .remove }.count == 2)
    }
}
