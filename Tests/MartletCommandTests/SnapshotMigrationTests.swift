// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletEtcdPeers
import MartletKeyValue
import MartletRedisClient
import MartletTestPrograms
import Testing

/// From etcd into our server and back, by the programs alone.
@Suite(.serialized, .timeLimit(.minutes(30))) struct SnapshotMigrationTests {
    /// What a server answers about everything it holds.
    struct Contents: Equatable {
        struct Lease: Equatable {
            var id: LeaseID
            var grantedSeconds: Int64
            var keys: [[UInt8]]
        }

        var revision: Int64
        var past: [[KeyValueRecord]] = []
        var leases: [Lease] = []

        /// - Parameter oldest: the compacted revision, the oldest that can be read.
        init(of etcd: EtcdMember, oldest: Int64, leases: [LeaseID]) async throws {
            revision = try await etcd.getAll().revision
            for main in oldest...revision { past.append(try await etcd.getAll(at: main).records) }
            for id in leases {
                let said = try await etcd.lease(id)
                self.leases.append(Lease(id: id, grantedSeconds: said.grantedSeconds, keys: said.keys))
            }
            await #expect(throws: ProgramFailure.self) { try await etcd.getAll(at: oldest - 1) }
        }
    }

    @Test(arguments: EtcdRelease.allCases) func inAndOut(_ version: EtcdRelease) async throws {
        guard let release = try version.find() else { return }
        let ours = EtcdRelease.Programs(etcd: BuiltBinary.path, etcdctl: release.etcdctl)
        let folder = try TemporaryFolder()
        let peerPort = try freePort()
        var leases: [LeaseID] = []
        var contents: Contents?

        try await EtcdMember.with(release, folder: folder.file("etcd"), peerPort: peerPort) { etcd in
            for ttl in [6000, 7000] {
                let answer = try await etcd.control("lease", "grant", "\(ttl)", "-w", "json")
                leases.append(LeaseID(number(try object(answer)["ID"])))
            }
            for step in 0..<24 {
                let key = "k\(step * 7 % 10)"
                let lease = String(leases[step % 2].rawValue, radix: 16)
                switch step % 5 {
                case 0: try await etcd.control("put", key, "leased \(step)", "--lease=\(lease)")
                case 1: try await etcd.control("del", key)
                default: try await etcd.control("put", key, "value \(step)")
                }
            }
            try await etcd.control("put", "large", input: [UInt8](repeating: 65, count: 800_000))
            try await etcd.control("compact", "9")
            contents = try await Contents(of: etcd, oldest: 9, leases: leases)
            try await etcd.control("snapshot", "save", folder.file("in.db"))
        }

        let peer = EtcdMember.peerURL(peerPort)
        let members = ["--initial-cluster", "default=" + peer, "--initial-advertise-peer-urls", peer]
        try await output(
            of: ours.etcd, ["snapshot", "restore", folder.file("in.db"), "--data-dir", folder.file("data")] + members)
        let (out, again) = (folder.file("out.db"), folder.file("again.db"))
        try await EtcdMember.with(ours, folder: folder.file("data"), peerPort: peerPort) { server in
            let said = try await Contents(of: server, oldest: 9, leases: leases)
            #expect(said == contents)
            try await server.control("put", "after", "restore")
            contents = try await Contents(of: server, oldest: 9, leases: leases)
            // At once: what was acknowledged is in it.
            try await server.control("snapshot", "save", out)
            let endpoint = "127.0.0.1:\(server.clientPort)"
            try await output(of: ours.etcd, ["snapshot", "save", again, "--endpoints", endpoint])
            #expect(FileManager.default.contentsEqual(atPath: out, andPath: again))
            let tables = try FileManager.default.contentsOfDirectory(atPath: folder.file("data/member/tables"))
            #expect(tables.sorted() == ["db", "db-lock"])
        }
        // What was restored survives like everything else.
        try await EtcdMember.with(ours, folder: folder.file("data"), peerPort: peerPort) { server in
            let said = try await Contents(of: server, oldest: 9, leases: leases)
            #expect(said == contents)
        }

        let theirs = try object(try await tool(release.etcdctl, ["snapshot", "status", out, "-w", "json"]))
        let said = try object(Array(try await output(of: ours.etcd, ["snapshot", "status", out, "-w", "json"]).utf8))
        for field in ["hash", "revision", "totalKey", "totalSize"] {
            #expect(number(theirs[field]) == number(said[field]))
        }
        #expect(number(said["revision"]) == contents?.revision)
        _ = try await tool(
            release.etcdctl, ["snapshot", "restore", out, "--data-dir", folder.file("back")] + members)
        try await EtcdMember.with(release, folder: folder.file("back"), peerPort: peerPort) { etcd in
            let said = try await Contents(of: etcd, oldest: 9, leases: leases)
            #expect(said == contents)
        }
    }

    /// A snapshot has the streams, too: our tool brings them back, etcd's takes the keys and passes them over.
    @Test(arguments: EtcdRelease.allCases) func streamsComeAlong(_ version: EtcdRelease) async throws {
        guard let release = try version.find() else { return }
        let ours = EtcdRelease.Programs(etcd: BuiltBinary.path, etcdctl: release.etcdctl)
        let folder = try TemporaryFolder()
        let (peerPort, streamPort) = (try freePort(), try freePort())
        let arguments = ["--listen-stream-urls", "redis://127.0.0.1:\(streamPort)"]
        let (plain, out) = (folder.file("plain.db"), folder.file("out.db"))

        func held() async throws -> [RedisValue] {
            try await withRedisClient("127.0.0.1:\(streamPort)") { client async throws in
                var values: [RedisValue] = []
                values.append(try await client.command("XINFO", "STREAM", "s", "FULL", "COUNT", 0))
                values.append(try await client.command("GET", "text"))
                values.append(try await client.command("EXPIRETIME", "text"))
                values.append(try await client.command("ACL", "LIST"))
                return values
            }
        }
        var before: [RedisValue] = []
        try await EtcdMember.with(ours, folder: folder.file("data"), peerPort: peerPort, arguments: arguments) { etcd in
            try await etcd.control("put", "k", "v")
            // Of a store whose streams nobody has used, it is as etcd's.
            try await etcd.control("snapshot", "save", plain)
            try await withRedisClient("127.0.0.1:\(streamPort)") { client async throws in
                for number in 1...500 { try await client.xadd("s", ["n": number]) }
                try await client.xgroupCreate("s", "g", .beginning)
                _ = try await client.xreadgroup("g", "a", [.undelivered(of: "s")]) { $0.count = 7 }
                _ = try await client.command("SET", "text", "here", "EXAT", 4_000_000_000)
                _ = try await client.command("ACL", "SETUSER", "ann", "on", ">word", "~s*", "+@read")
            }
            before = try await held()
            #expect(before[1].text == "here")
            try await etcd.control("snapshot", "save", out)
        }

        func status(_ file: String, _ program: String) async throws -> [String: Int64] {
            let said = try object(try await tool(program, ["snapshot", "status", file, "-w", "json"]))
            let fields = ["hash", "revision", "totalKey", "totalSize"]
            return fields.reduce(into: [:]) { $0[$1] = number(said[$1]) }
        }
        for file in [plain, out] {
            #expect(try await status(file, release.etcdctl) == status(file, ours.etcd))
        }
        #expect(try await status(out, ours.etcd)["totalKey"]! > status(plain, ours.etcd)["totalKey"]!)

        let peer = EtcdMember.peerURL(peerPort)
        let members = ["--initial-cluster", "default=" + peer, "--initial-advertise-peer-urls", peer]
        try await output(
            of: ours.etcd, ["snapshot", "restore", out, "--data-dir", folder.file("again")] + members)
        let again = folder.file("again")
        try await EtcdMember.with(ours, folder: again, peerPort: peerPort, arguments: arguments) { etcd in
            let records = try await etcd.getAll().records
            #expect(records.map(\.value) == [Array("v".utf8)])
            #expect(try await held() == before)
        }
        _ = try await tool(
            release.etcdctl, ["snapshot", "restore", out, "--data-dir", folder.file("back")] + members)
        try await EtcdMember.with(release, folder: folder.file("back"), peerPort: peerPort) { etcd in
            let records = try await etcd.getAll().records
            #expect(records.map(\.value) == [Array("v".utf8)])
        }
    }
}
