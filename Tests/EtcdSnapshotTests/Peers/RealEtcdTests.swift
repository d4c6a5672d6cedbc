// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletBoltFile
import MartletEtcdPeers
import MartletEtcdSnapshot
import MartletKeyValue
import MartletTestPrograms
import Testing

/// Our snapshots in the real etcd's hands, and its in ours.
@Suite(.serialized) struct RealEtcdTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var release: EtcdRelease
        var transactions: Int
        var keys: Int
        var longestValue: Int
        var isCompacted: Bool

        var testDescription: String {
            "etcd \(release.rawValue), \(transactions) transactions of up to \(longestValue) bytes"
        }
    }

    static let cases = EtcdRelease.allCases.flatMap { release in
        [
            Case(release: release, transactions: 0, keys: 1, longestValue: 0, isCompacted: false),
            Case(release: release, transactions: 40, keys: 20, longestValue: 400_000, isCompacted: false),
            Case(release: release, transactions: 9000, keys: 3000, longestValue: 200, isCompacted: true),
        ]
    }

    @Test(arguments: cases) func serveWhatWeWrote(_ test: Case) async throws {
        guard let release = try test.release.find() else { return }
        var model = Model.random(
            transactions: test.transactions, keys: test.keys, values: 0...test.longestValue,
            seed: testSeed("serveWhatWeWrote"))
        if test.isCompacted { model.compact(model.revision / 2) }
        let layout: EtcdSnapshotContents.Release = test.release == .v34 ? .v3_4 : .v3_5
        var contents = model.contents().laidOut(for: layout)
        contents.auth.users = [BackendUser(name: bytes("alice"), passwordHash: [], roles: ["r"], hasNoPassword: true)]
        contents.auth.roles = [
            BackendRole(
                name: bytes("r"), permissions: [.init(kind: .readWrite, key: bytes("k"), rangeEnd: bytes("l"))])
        ]
        let file = try snapshot(contents, model.revisions, model.leases)
        try await withFolder { folder in
            let path = folder + "/status.db"
            try Data(file).write(to: URL(filePath: path))
            let said = try object(try await tool(release.etcdctl, ["snapshot", "status", path, "-w", "json"]))
            let status = try Reader(BoltMemoryImage(file)).status()
            #expect(number(said["hash"]) == Int64(status.hash))
            #expect(number(said["revision"]) == status.revision)
            #expect(number(said["totalKey"]) == Int64(status.keyCount))
            #expect(number(said["totalSize"]) == Int64(status.byteCount))
            #expect(status.revision == (model.revision == 1 ? 0 : model.revision))

            let peerPort = try freePort()
            let data = try await restore(release, file, folder: folder, peerPort: peerPort)
            try await EtcdMember.with(release, folder: data, peerPort: peerPort) { etcd in
                try await compare(etcd, model)
                let users = try object(try await etcd.control("user", "get", "alice", "-w", "json"))
                #expect(users["roles"] as? [String] == ["r"])
                try await wearOut(etcd, model)
            }
            // The pages we wrote, after etcd has changed them, still are a file that both accept.
            let worn = [UInt8](try Data(contentsOf: URL(filePath: data + "/member/snap/db")))
            let records = try Model.state(of: Reader(BoltMemoryImage(worn)).allRevisions(), at: .max)
            #expect(records.map(\.key) == [bytes("after")])
        }
    }

    struct Layout: Sendable, CustomTestStringConvertible {
        var release: EtcdRelease
        var layout: EtcdSnapshotContents.Release

        var testDescription: String { "etcd \(release.rawValue), layout \(layout)" }
    }

    static let layouts = [
        Layout(release: .v34, layout: .v3_5), Layout(release: .v34, layout: .v3_6),
        Layout(release: .v35, layout: .v3_4), Layout(release: .v35, layout: .v3_6),
    ]

    /// Files laid out for another release than the one that restores them.
    @Test(arguments: layouts) func otherLayouts(_ test: Layout) async throws {
        guard let release = try test.release.find() else { return }
        let model = Model.random(transactions: 20, keys: 5, values: 0...9, seed: testSeed("otherLayouts"))
        let contents = model.contents().laidOut(for: test.layout)
        let file = try snapshot(contents, model.revisions, model.leases)
        try await withFolder { folder in
            let peerPort = try freePort()
            let data = try await restore(release, file, folder: folder, peerPort: peerPort)
            try await EtcdMember.with(release, folder: data, peerPort: peerPort) { etcd in
                try await compare(etcd, model)
            }
        }
    }

    @Test(arguments: EtcdRelease.allCases) func readWhatItSaved(_ version: EtcdRelease) async throws {
        guard let release = try version.find() else { return }
        try await withFolder { folder in
            let path = folder + "/snapshot.db"
            try await EtcdMember.with(release, folder: folder + "/data", peerPort: try freePort()) { etcd in
                let leases = try await fill(etcd)
                try await etcd.control("snapshot", "save", path)
                let file = [UInt8](try Data(contentsOf: URL(filePath: path)))
                let reader = try Reader(BoltMemoryImage(file))
                try reader.verifyTrailer()
                let revisions = try reader.allRevisions()
                let newest = try await etcd.getAll()
                #expect(revisions.last?.revision.main == newest.revision)
                #expect(newest.records.count > 20)
                let contents = try reader.contents()
                let compacted = try #require(contents.meta.finishedCompaction?.main)
                #expect(compacted == 10)
                for main in stride(from: compacted, through: newest.revision, by: 3) {
                    let served = try await etcd.getAll(at: main)
                    #expect(Model.state(of: revisions, at: main) == served.records)
                }
                #expect(Model.state(of: revisions, at: newest.revision) == newest.records)
                #expect(try reader.allLeases().map(\.id) == leases)
                for lease in try reader.allLeases() {
                    let said = try await etcd.lease(lease.id)
                    #expect(said.grantedSeconds == lease.ttlSeconds)
                    #expect(said.keys == newest.records.filter { $0.lease == lease.id }.map(\.key))
                }
                #expect(contents.auth.users.map { text($0.name) } == ["alice", "root"])
                #expect(contents.auth.roles.map { text($0.name) } == ["reader", "root"])
                #expect(contents.auth.isEnabled == nil)

                let said = try object(try await tool(release.etcdctl, ["snapshot", "status", path, "-w", "json"]))
                let status = try reader.status()
                #expect(number(said["hash"]) == Int64(status.hash))
                #expect(number(said["totalKey"]) == Int64(status.keyCount))
                // And written again, every bucket is the same.
                let again = try snapshot(contents, revisions, reader.allLeases())
                #expect(try rawBuckets(again) == rawBuckets(file))
            }
        }
    }

    /// Restores a snapshot with etcd's tool. The answer is the data folder.
    private func restore(
        _ release: EtcdRelease.Programs, _ file: [UInt8], folder: String, peerPort: Int
    ) async throws -> String {
        let path = folder + "/snapshot.db"
        try Data(file).write(to: URL(filePath: path))
        let peer = EtcdMember.peerURL(peerPort)
        let data = folder + "/data"
        _ = try await tool(
            release.etcdctl,
            [
                "snapshot", "restore", path, "--data-dir", data, "--name", "default",
                "--initial-cluster", "default=" + peer, "--initial-advertise-peer-urls", peer,
            ])
        return data
    }

    private func compare(_ etcd: EtcdMember, _ model: Model) async throws {
        let newest = try await etcd.getAll()
        #expect(newest.revision == model.revision)
        #expect(newest.records == model.state(at: model.revision))
        let oldest = max(model.compacted, 1)
        for part in 0..<4 where model.revision > oldest {
            let main = oldest + (model.revision - oldest) * Int64(part) / 4
            #expect(try await etcd.getAll(at: main).records == model.state(at: main))
        }
        if model.compacted > 1 {
            await #expect(throws: ProgramFailure.self) { try await etcd.getAll(at: model.compacted - 1) }
        }
        for lease in model.leases {
            let said = try await etcd.lease(lease.id)
            #expect(said.grantedSeconds == lease.ttlSeconds)
            #expect(said.remainingSeconds > 0)
            #expect(said.keys == model.state(at: model.revision).filter { $0.lease == lease.id }.map(\.key))
        }
    }

    /// Makes etcd change, merge and free nearly every page that we wrote.
    private func wearOut(_ etcd: EtcdMember, _ model: Model) async throws {
        if model.revision > 1 { try await etcd.control("del", "", "--prefix") }
        try await etcd.control("put", "after", "restore")
        let revision = try await etcd.getAll().revision
        #expect(revision == model.revision + (model.state(at: model.revision).isEmpty ? 1 : 2))
        try await etcd.control("compact", "\(revision)", "--physical")
        let left = try await etcd.getAll()
        #expect(left.records.map(\.key) == [bytes("after")])
        #expect(left.records.first?.version == 1)
    }

    /// Some of everything; the answer is the leases in order.
    private func fill(_ etcd: EtcdMember) async throws -> [LeaseID] {
        var random = SeededRandom(seed: testSeed("readWhatItSaved"))
        var leases: [LeaseID] = []
        for ttl in [6000, 7000, 8000] {
            let answer = try object(try await etcd.control("lease", "grant", "\(ttl)", "-w", "json"))
            leases.append(LeaseID(number(answer["ID"])))
        }
        for index in 0..<30 {
            let key = "k\(Int.random(in: 0..<15, using: &random))"
            let lease = leases[index % 3]
            switch index % 6 {
            case 0: try await etcd.control("del", key)
            case 1: try await etcd.control("put", key, "--lease=\(String(lease.rawValue, radix: 16))", "leased")
            case 2:
                let txn = "\nput t\(index)a 1\nput t\(index)b 2\ndel \(key)\nput t\(index)c 3\n\n\n"
                try await etcd.control("txn", input: bytes(txn))
            default: try await etcd.control("put", key, "value \(index)")
            }
        }
        let letters = (0..<1_200_000).map { _ in UInt8.random(in: 97...122, using: &random) }
        try await etcd.control("put", "large", input: letters)
        try await etcd.control("compact", "10")
        try await etcd.control("user", "add", "root:pw")
        try await etcd.control("role", "add", "root")
        try await etcd.control("user", "grant-role", "root", "root")
        try await etcd.control("role", "add", "reader")
        try await etcd.control("role", "grant-permission", "reader", "read", "k", "l")
        try await etcd.control("user", "add", "alice:pw")
        try await etcd.control("user", "grant-role", "alice", "reader")
        return leases.sorted()
    }
}
