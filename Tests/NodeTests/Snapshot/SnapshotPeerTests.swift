// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletAuth
import MartletBasics
import MartletBoltFile
import MartletEtcdPeers
import MartletEtcdSnapshot
import MartletKeyValue
import MartletNode
import MartletReplica
import MartletStorage
import MartletTestPrograms
import Testing

/// Migration in and out, against the real etcd.
@Suite(.serialized) struct SnapshotPeerTests {
    /// Out: a member's tables, through etcd's tools, into a real etcd.
    @Test(arguments: EtcdRelease.allCases) func etcdServesWhatTheTablesHold(_ version: EtcdRelease) async throws {
        guard let release = try version.find() else { return }
        let folder = try TemporaryFolder()
        var made = try TestStore(in: folder, seed: testSeed("etcdServesWhatTheTablesHold"))
        defer { made.tables.close() }
        made.authEntries = someUsers(enabled: false)
        try made.fill(1500, keys: 200, longestValue: 500)
        // One removal is finished, the other has just begun.
        try made.compact(made.store.revision / 3)
        try made.fill(300, keys: 200, longestValue: 500)
        try made.compact(made.store.revision / 2, limit: 100)
        let file = try Array(made.pieces(in: folder).joined())
        let path = folder.file("snapshot.db")
        try write(file, to: path)

        let said = try object(try await tool(release.etcdctl, ["snapshot", "status", path, "-w", "json"]))
        let status = try EtcdSnapshotReader(BoltMemoryImage(file)).status()
        #expect(number(said["hash"]) == Int64(status.hash))
        #expect(number(said["revision"]) == made.store.revision)
        #expect(number(said["totalKey"]) == Int64(status.keyCount))
        #expect(number(said["totalSize"]) == Int64(file.count - 32))

        let peerPort = try freePort()
        let peer = EtcdMember.peerURL(peerPort)
        let data = folder.file("etcd")
        _ = try await tool(
            release.etcdctl,
            [
                "snapshot", "restore", path, "--data-dir", data, "--name", "default",
                "--initial-cluster", "default=" + peer, "--initial-advertise-peer-urls", peer,
            ])
        try await EtcdMember.with(release, folder: data, peerPort: peerPort) { etcd in
            try await compare(etcd, made.store)
            #expect(try await etcd.getAll().revision == made.store.revision)
            let alice = try object(try await etcd.control("user", "get", "alice", "-w", "json"))
            #expect(alice["roles"] as? [String] == ["reader"])
            #expect(try await etcd.control("alarm", "list") == bytes("memberID:77 alarm:NOSPACE \n"))
            try await etcd.control("alarm", "disarm")
            try await etcd.control("put", "after", "restore")
            #expect(try await etcd.getAll().revision == made.store.revision + 1)
        }
    }

    /// In: what a real etcd saved.
    @Test(arguments: EtcdRelease.allCases) func theTablesHoldWhatEtcdServed(_ version: EtcdRelease) async throws {
        guard let release = try version.find() else { return }
        let folder = try TemporaryFolder()
        try await EtcdMember.with(release, folder: folder.file("etcd"), peerPort: try freePort()) { etcd in
            try await fill(etcd)
            let path = folder.file("snapshot.db")
            try await etcd.control("snapshot", "save", path)
            let restore = SnapshotRestore(to: folder.file("data"))
            let said = try restore.run(from: path)
            let member = try RestoredMember(restore)
            #expect(said.compactRevision == 12)
            #expect(said.lostLeaseCount == 0 && said.leaseCount == 3)
            #expect(member.state.auth.entries.map { text($0.key.bytes) }.suffix(2) == ["reader", "alice"])
            try await compare(etcd, member.store)
            #expect(member.store.brokenIndexInvariant() == nil)
        }
        // The database itself, which etcd has left.
        let database = folder.file("etcd") + "/member/snap/db"
        var restore = SnapshotRestore(to: folder.file("copied"))
        restore.skipsHashCheck = true
        _ = try restore.run(from: database)
        let first = SnapshotRestore(to: folder.file("data"))
        try expectEqual(try RestoredMember(restore).store, try RestoredMember(first).store)
    }

    private func compare(_ etcd: EtcdMember, _ store: KeyValueStore) async throws {
        let newest = try await etcd.getAll()
        #expect(newest.revision == store.revision)
        #expect(newest.records == (try store.all(at: 0)))
        let oldest = max(store.compactRevision, 1)
        for part in 0..<6 {
            let revision = oldest + (store.revision - oldest) * Int64(part) / 6
            let served = try await etcd.getAll(at: revision).records
            #expect(served == (try store.all(at: revision)))
        }
        await #expect(throws: ProgramFailure.self) { try await etcd.getAll(at: store.compactRevision - 1) }
        #expect(throws: KeyValueError.compacted) { try store.all(at: store.compactRevision - 1) }
        for id in store.leaseIDs() {
            let said = try await etcd.lease(id)
            let status = try #require(store.leaseStatus(id, now: .zero, includingKeys: true))
            #expect(said.grantedSeconds == status.grantedSeconds)
            #expect(said.keys == status.keys)
        }
    }

    private func fill(_ etcd: EtcdMember) async throws {
        var random = SeededRandom(seed: testSeed("theTablesHoldWhatEtcdServed"))
        var leases: [LeaseID] = []
        for ttl in [6000, 7000, 8000] {
            let answer = try object(try await etcd.control("lease", "grant", "\(ttl)", "-w", "json"))
            leases.append(LeaseID(number(answer["ID"])))
        }
        for step in 0..<40 {
            let key = "k\(Int.random(in: 0..<15, using: &random))"
            let lease = String(leases[step % 3].rawValue, radix: 16)
            switch step % 6 {
            case 0: try await etcd.control("del", key)
            case 1: try await etcd.control("put", key, "--lease=\(lease)", "leased")
            case 2:
                let txn = "\nput t\(step)a 1\nput t\(step)b 2\ndel \(key)\nput t\(step)c 3\n\n\n"
                try await etcd.control("txn", input: bytes(txn))
            default: try await etcd.control("put", key, "value \(step)")
            }
        }
        let letters = (0..<900_000).map { _ in UInt8.random(in: 97...122, using: &random) }
        try await etcd.control("put", "large", input: letters)
        try await etcd.control("compact", "12")
        try await etcd.control("user", "add", "alice:pw")
        try await etcd.control("role", "add", "reader")
        try await etcd.control("role", "grant-permission", "reader", "read", "k", "l")
        try await etcd.control("user", "grant-role", "alice", "reader")
        // Compaction goes on for a moment after its answer, unless it is asked to wait.
        try await etcd.control("put", "last", "1")
    }
}
