// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletEtcdPeers
import MartletEtcdSnapshot
import MartletKeyValue
import MartletProcesses
import MartletSnapshotStream
import MartletTestPrograms
import Testing

/// The binary against etcd's own tools.
@Suite(.serialized) struct SnapshotCommandTests {
    private func martlet(_ arguments: String...) async throws -> FinishedProgram {
        try await run(BuiltBinary.path, ["snapshot"] + arguments)
    }

    /// A file with large numbers: columns wider than their heads, and hashes of any length.
    private func file(revision: Int64, valueLength: Int) throws -> [UInt8] {
        var contents = EtcdSnapshotContents()
        contents.meta.consistentIndex = LogIndex(7)
        let record = KeyValueRecord(
            key: [1], createRevision: revision, modRevision: revision, version: 1,
            value: [UInt8](repeating: 7, count: valueLength))
        let revisions = [BackendRevision(revision: Revision(main: revision), record: record)]
        var plan = try EtcdSnapshotPlan(contents.laidOut(for: .v3_5))
        try plan.add(revisions[0])
        var stream = try EtcdSnapshotStream(
            plan.finish(), revisions: revisions.makeIterator(), leases: [BackendLease]().makeIterator())
        var bytes: [UInt8] = []
        while let piece = try stream.next() { bytes += piece }
        return bytes
    }

    @Test(arguments: EtcdRelease.allCases) func statusAsEtcdPrintsIt(_ version: EtcdRelease) async throws {
        guard let release = try version.find() else { return }
        let folder = try TemporaryFolder()
        let revisions: [Int64] = [2, 123_456_789, 1_234_567_890, 12_345_678_901_234]
        for (number, revision) in revisions.enumerated() {
            let path = folder.file("\(number).db")
            try Data(file(revision: revision, valueLength: 1_600_000 * number)).write(to: URL(filePath: path))
            for form in ["simple", "table", "json", "fields"] {
                let theirs = try await tool(release.etcdctl, ["snapshot", "status", path, "-w", form])
                let ours = try await martlet("status", path, "--write-out=\(form)")
                #expect(ours.isSuccess)
                #expect(ours.output + "\n" == String(decoding: theirs, as: UTF8.self))
            }
        }
    }

    @Test func statusOfNoSnapshot() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("x")
        let missing = try await martlet("status", path)
        #expect(missing.exit == .code(1) && missing.output == "Error: stat \(path): no such file or directory")
        try Data("nothing".utf8).write(to: URL(filePath: path))
        #expect(try await martlet("status", path).exit == .code(1))
        #expect(try await martlet("status", path, "-w", "protobuf").exit == .code(4))
    }

    @Test(arguments: EtcdRelease.allCases) func saveAndRestore(_ version: EtcdRelease) async throws {
        guard let release = try version.find() else { return }
        let folder = try TemporaryFolder()
        try await EtcdMember.with(release, folder: folder.file("etcd"), peerPort: try freePort()) { etcd in
            try await etcd.control("put", "a", "1")
            try await etcd.control("put", "b", input: [UInt8](repeating: 65, count: 500_000))
            let (ours, theirs) = (folder.file("ours.db"), folder.file("theirs.db"))
            let saved = try await martlet("save", ours, "--endpoints", "http://127.0.0.1:\(etcd.clientPort)")
            #expect(saved.isSuccess)
            #expect(saved.output == "Snapshot saved at \(ours)")
            try await etcd.control("snapshot", "save", theirs)
            #expect(FileManager.default.contentsEqual(atPath: ours, andPath: theirs))
            #expect(!FileManager.default.fileExists(atPath: ours + ".part"))

            let data = folder.file("data")
            let restored = try await martlet("restore", ours, "--data-dir=\(data)", "--skip-hash-check=false")
            #expect(restored.isSuccess)
            #expect(
                restored.output == "restored \(ours) into \(data): revision 3, 2 keys with 2 changes, 0 leases")
            #expect(FileManager.default.fileExists(atPath: data + "/member/tables/db"))
            let again = try await martlet("restore", ours, "--data-dir", data)
            #expect(again.exit == .code(1))
            #expect(again.output == "Error: data-dir \"\(data)\" not empty or could not be read")
            let raised = try await martlet(
                "restore", ours, "--data-dir", folder.file("raised"), "--bump-revision", "1000", "--mark-compacted")
            #expect(raised.output.contains("revision 1003,"))
            let unmarked = try await martlet("restore", ours, "--data-dir", folder.file("x"), "--bump-revision", "1000")
            #expect(unmarked.output == "Error: --mark-compacted required if --bump-revision > 0")
            // What is to come behind it must have room.
            let beyond = try await martlet(
                "restore", ours, "--data-dir", folder.file("y"), "--bump-revision", "2305843009213693952",
                "--mark-compacted")
            #expect(beyond.exit != .code(0) && beyond.output.contains("can't be raised"))
        }
    }

    @Test func saveFromNobody() async throws {
        let folder = try TemporaryFolder()
        let port = try freePort()
        let failed = try await martlet("save", folder.file("s.db"), "--endpoints", "127.0.0.1:\(port)")
        #expect(failed.exit == .code(1))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        let two = try await martlet("save", folder.file("s.db"), "--endpoints", "a:1,b:1")
        #expect(two.output == "Error: snapshot must be requested to one selected node, not multiple [a:1,b:1]")
    }
}
