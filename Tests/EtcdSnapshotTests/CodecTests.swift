// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletBoltFile
import MartletEtcdSnapshot
import MartletKeyValue
import Testing

@Suite struct CodecTests {
    static let fixtures = ["etcd-3.4.23.db", "etcd-3.5.1.db"]

    /// The commands behind the files: put a 1, put a 2, put b x, del b, put c y with a lease of 1000 s, compact 4; then
    /// users root and bob, roles root and r2.
    @Test(arguments: fixtures) func realFilesAreRead(_ name: String) throws {
        let reader = try Reader(BoltMemoryImage(fixture(name)))
        #expect(reader.hasTrailer)
        try reader.verifyTrailer()
        let leases = try reader.allLeases()
        let lease = try #require(leases.first)
        #expect(leases == [BackendLease(id: lease.id, ttlSeconds: 1000)])
        #expect(
            try reader.allRevisions() == [
                entry(3, "a", create: 2, version: 2, "2"), entry(4, "b", create: 4, version: 1, "x"),
                BackendRevision(
                    revision: Revision(main: 5), record: .tombstone(key: bytes("b"), modRevision: 5),
                    isTombstone: true),
                entry(6, "c", create: 6, version: 1, "y", lease: lease.id),
            ])
        let contents = try reader.contents()
        let is34 = name.contains("3.4")
        #expect(contents.meta.consistentIndex == LogIndex(0x12))
        #expect(contents.meta.scheduledCompaction == Revision(main: 4))
        #expect(contents.meta.finishedCompaction == Revision(main: 4))
        #expect(contents.meta.term == (is34 ? nil : Term(2)))
        #expect(contents.meta.confState?.voters == (is34 ? nil : contents.members.map(\.id)))
        #expect(contents.meta.storageVersion == nil)
        #expect(contents.clusterVersion == (is34 ? "3.4.0" : "3.5.0"))
        #expect(contents.downgrade == nil)
        #expect(contents.members.map(\.name) == ["default"])
        #expect(contents.members[0].peerURLs.count == 1)
        #expect(contents.members[0].clientURLs.count == (is34 ? 1 : 0))
        #expect(contents.removedMembers == [])
        #expect(contents.alarms == [])
        #expect(contents.auth.isEnabled == nil)
        #expect(contents.auth.revision == 8)
        #expect(contents.auth.users.map { text($0.name) } == ["bob", "root"])
        #expect(contents.auth.users.map(\.roles) == [["r2"], ["root"]])
        #expect(contents.auth.users.allSatisfy { text($0.passwordHash).hasPrefix("$2a$10$") })
        #expect(contents.auth.users.allSatisfy { $0.hasNoPassword == false })
        #expect(
            contents.auth.roles == [
                BackendRole(
                    name: bytes("r2"),
                    permissions: [.init(kind: .readWrite, key: bytes("k1"), rangeEnd: bytes("k9"))]),
                BackendRole(name: bytes("root"), permissions: []),
            ])
    }

    /// What etcdctl says of the same files.
    @Test func statusOfRealFiles() throws {
        #expect(
            try Reader(BoltMemoryImage(fixture("etcd-3.4.23.db"))).status()
                == EtcdSnapshotStatus(hash: 3_630_959_127, revision: 6, keyCount: 15, byteCount: 20_480))
        #expect(
            try Reader(BoltMemoryImage(fixture("etcd-3.5.1.db"))).status()
                == EtcdSnapshotStatus(hash: 3_841_552_012, revision: 6, keyCount: 17, byteCount: 20_480))
    }

    /// Reading and writing again keeps every entry of every bucket to the byte.
    @Test(arguments: fixtures) func rewritingARealFileKeepsEveryEntry(_ name: String) throws {
        let file = try fixture(name)
        let reader = try Reader(BoltMemoryImage(file))
        let rewritten = try snapshot(reader.contents(), reader.allRevisions(), reader.allLeases())
        let buckets = try rawBuckets(file)
        #expect(try rawBuckets(rewritten) == buckets)
        #expect(Set(buckets.keys) == Set(BackendBucket.allCases.map(\.rawValue)))
        let hash = try Reader(BoltMemoryImage(rewritten)).status().hash
        #expect(try hash == reader.status().hash)
    }

    @Test func everyFieldComesBack() throws {
        var contents = EtcdSnapshotContents()
        contents.meta.consistentIndex = LogIndex(.max)
        contents.meta.term = Term(7)
        var state = BackendConfState(voters: [1, .max])
        state.learners = [3]
        state.outgoingVoters = [4]
        state.nextLearners = [5]
        state.isAutoLeave = true
        contents.meta.confState = state
        contents.meta.storageVersion = "3.6.0"
        contents.meta.scheduledCompaction = Revision(main: 12, sub: 0)
        contents.meta.finishedCompaction = Revision(main: 11, sub: 3)
        contents.members = [
            BackendMember(id: 1, name: "", peerURLs: [], clientURLs: []),
            BackendMember(
                id: .max, name: "a \"quoted\" \\ <name> \u{1}\n\u{1F600}", peerURLs: ["http://a:1", "http://b:2"],
                clientURLs: ["https://c:3"], isLearner: true),
        ]
        contents.removedMembers = [2, 0xFFFF]
        contents.clusterVersion = "3.6.0"
        contents.downgrade = BackendDowngrade(targetVersion: "3.5.0", isEnabled: true)
        contents.auth.isEnabled = true
        contents.auth.revision = .max
        contents.auth.users = [
            BackendUser(name: bytes("a"), passwordHash: [], roles: [], hasNoPassword: true),
            BackendUser(name: bytes("b"), passwordHash: bytes("hash"), roles: ["x", "y"], hasNoPassword: nil),
            BackendUser(name: [255], passwordHash: bytes("hash"), roles: [""], hasNoPassword: false),
        ]
        contents.auth.roles = [
            BackendRole(
                name: bytes("x"),
                permissions: [
                    .init(kind: .read, key: bytes("k"), rangeEnd: []),
                    .init(kind: .write, key: [0], rangeEnd: [0]),
                    .init(kind: .readWrite, key: [], rangeEnd: bytes("z")),
                ])
        ]
        contents.alarms = [BackendAlarm(memberID: 1, alarm: 1), BackendAlarm(memberID: .max, alarm: 2)]
        let revisions = [
            BackendRevision(
                revision: Revision(main: 1, sub: 0),
                record: KeyValueRecord(key: [], createRevision: 0, modRevision: 0, version: 0, value: [])),
            BackendRevision(
                revision: Revision(main: 1, sub: 1),
                record: KeyValueRecord(
                    key: [0], createRevision: .max, modRevision: .max, version: .max, value: [0, 255],
                    lease: LeaseID(.min))),
            BackendRevision(
                revision: Revision(main: .max, sub: .max), record: .tombstone(key: [1], modRevision: .max),
                isTombstone: true),
        ]
        let leases = [
            BackendLease(id: LeaseID(1), ttlSeconds: 1, remainingSeconds: 0),
            BackendLease(id: LeaseID(.max), ttlSeconds: .max, remainingSeconds: 9),
            BackendLease(id: LeaseID(-1), ttlSeconds: 5),
        ]
        let reader = try Reader(BoltMemoryImage(snapshot(contents, revisions, leases)))
        #expect(try reader.contents() == contents)
        #expect(try reader.allRevisions() == revisions)
        #expect(try reader.allLeases() == leases)
        #expect(try reader.status().storageVersion == "3.6.0")
    }

    @Test func layoutsOfReleases() throws {
        var contents = EtcdSnapshotContents()
        contents.meta.term = Term(1)
        contents.meta.confState = BackendConfState(voters: [1])
        contents.meta.storageVersion = "3.6.0"
        contents.downgrade = BackendDowngrade(targetVersion: "", isEnabled: false)
        let old = contents.laidOut(for: .v3_4)
        #expect(old.meta == BackendMeta())
        #expect(old.downgrade == nil)
        #expect(old.clusterVersion == "3.4.0")
        let middle = contents.laidOut(for: .v3_5)
        #expect(middle.meta.term == Term(1))
        #expect(middle.meta.confState != nil)
        #expect(middle.meta.storageVersion == nil)
        #expect(middle.clusterVersion == "3.5.0")
        let new = contents.laidOut(for: .v3_6)
        #expect(new.meta.storageVersion == "3.6.0")
        #expect(new.clusterVersion == "3.6.0")
    }

    /// A length that is counted is the length that is written.
    @Test func countedLengths() {
        for key in [0, 1, 127, 128, 70_000] {
            for value in [0, 1, 127, 128, 16_383, 16_384] {
                for number: Int64 in [0, 1, 127, 128, .max, -1] {
                    let record = KeyValueRecord(
                        key: Array(repeating: 1, count: key), createRevision: number, modRevision: number,
                        version: number, value: Array(repeating: 2, count: value), lease: LeaseID(number))
                    for isTombstone in [false, true] {
                        let revision = BackendRevision(
                            revision: Revision(main: 1), record: record, isTombstone: isTombstone)
                        let length = BackendRevision.bucketValueLength(
                            of: record, valueLength: value, isTombstone: isTombstone)
                        #expect(revision.bucketValue.count == length)
                        #expect(
                            revision.bucketKey.count == BackendRevision.bucketKeyLength(isTombstone: isTombstone))
                    }
                }
            }
        }
    }

    private func entry(
        _ main: Int64, _ key: String, create: Int64, version: Int64, _ value: String, lease: LeaseID = .none
    ) -> BackendRevision {
        BackendRevision(
            revision: Revision(main: main),
            record: KeyValueRecord(
                key: bytes(key), createRevision: create, modRevision: main, version: version, value: bytes(value),
                lease: lease))
    }
}
