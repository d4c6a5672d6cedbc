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
    @Test func aMemberOfThreeGoesOnAlone() async throws {
        let folder = try TemporaryFolder()
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
        let data = DataFolder(path: folder.file("data"))
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
