// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletEtcdAPI
import MartletEtcdClient
import MartletGRPCWire
import MartletTestPrograms
import SwiftProtobuf
import Testing

@Suite(.serialized, .timeLimit(.minutes(30))) struct MaintenanceTests {
    @Test(arguments: EtcdProcess.Kind.available)
    func statusTellsHowAServerStands(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, server in
            let revision = try await client.put("k", "1").revision
            for endpoint in [nil, server.endpoint, "http://\(server.endpoint)"] {
                let status = try await client.maintenance.status(of: endpoint)
                #expect(status.revision == revision)
                #expect(status.isLeader)
                #expect(!status.isLearner)
                #expect(status.version.hasPrefix("3."))
                #expect(status.raftIndex >= status.raftAppliedIndex)
                #expect(status.errors == [])
                #expect(status.dataBytes >= status.dataBytesInUse)
            }
            await EtcdClientTests.expect(.invalidRequest) { _ = try await client.maintenance.status(of: "127.0.0.1:1") }
            #expect(try await client.maintenance.alarms() == [])
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func hashesDependOnTheKeys(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            let first = try await client.put("k", "1").revision
            let before = try await client.maintenance.hashOfKeys()
            #expect(before.compactRevision == nil)
            let second = try await client.put("k", "2").revision
            #expect(try await client.maintenance.hashOfKeys().hash != before.hash)
            #expect(try await client.maintenance.hashOfKeys(at: first).hash == before.hash)
            try await client.compact(to: second, isPhysical: true)
            #expect(try await client.maintenance.hashOfKeys().compactRevision == second)
            await EtcdClientTests.expect(.compacted) { _ = try await client.maintenance.hashOfKeys(at: first) }
            #expect(try await client.maintenance.hashOfFile() != 0)
            try await client.maintenance.defragment()
            #expect(try await client.get("k").keyValues.map(\.valueText) == ["2"])
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func alarmsAreRaisedAndTakenBack(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            let alarm = EtcdAlarm(.noSpace, member: try await client.maintenance.status().member)
            #expect(try await client.maintenance.raise(alarm) == [alarm])
            #expect(try await client.maintenance.alarms() == [alarm])
            await EtcdClientTests.expect(.noSpace) { try await client.put("k", "1") }
            #expect(try await client.maintenance.status().errors.count == 1)
            #expect(try await client.maintenance.disarm(alarm) == [alarm])
            #expect(try await client.maintenance.alarms() == [])
            try await client.put("k", "1")
        }
    }

    /// etcd's own tool takes what the client saved.
    @Test(
        .enabled(if: EtcdProcess.control != nil, "no etcdctl on this machine"),
        arguments: EtcdProcess.Kind.available)
    func snapshotsAreWhatEtcdctlReads(kind: EtcdProcess.Kind) async throws {
        let control = try #require(EtcdProcess.control)
        try await EtcdClientTests.run(kind) { client, _ in
            for number in 0..<50 { try await client.put("k\(number)", String(repeating: "v", count: 1000)) }
            let folder = try TemporaryFolder()
            var file = Data()
            var parts = 0
            let snapshot = try await client.maintenance.snapshot { part in
                file.append(contentsOf: part)
                parts += 1
            }
            #expect(snapshot.bytes == file.count)
            #expect(parts > 1)
            try file.write(to: URL(filePath: folder.file("db")))
            let text = try await output(
                of: "/usr/bin/env",
                ["ETCDCTL_API=3", control, "snapshot", "status", folder.file("db"), "--write-out", "json"])
            #expect(text.contains(#""totalKey":"#), "\(text)")
            try await output(
                of: "/usr/bin/env",
                [
                    "ETCDCTL_API=3", control, "snapshot", "restore", folder.file("db"), "--data-dir",
                    folder.file("data"),
                ])
            // Whoever has enough stops it.
            await #expect(throws: SessionTests.Told.self) {
                _ = try await client.maintenance.snapshot { _ in throw SessionTests.Told() }
            }
            #expect(try await client.get("k1").count == 1)
        }
    }

    @Test func aSnapshotThatIsCutShortIsNone() async throws {
        let cut: ScriptedEtcd.Stream = { _, reader, writer in
            _ = try await reader.next()
            let part = Etcdserverpb_SnapshotResponse.with {
                $0.remainingBytes = 4096
                $0.blob = Data(repeating: 1, count: 4096)
            }
            try await writer.write(try part.serializedBytes())
        }
        try await ScriptedEtcd.with(streams: ["/etcdserverpb.Maintenance/Snapshot": cut]) { server in
            try await HostileServerTests.withClient(server) { client in
                await EtcdClientTests.expect(.unavailable) { _ = try await client.maintenance.snapshot { _ in } }
            }
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func refusalsOfAClusterOfOne(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            let nobody = EtcdMemberID(rawValue: 4711)
            await EtcdClientTests.expect(.invalidRequest) { try await client.maintenance.moveLeader(to: nobody) }
            if kind == .etcd34 {
                await EtcdClientTests.expect(.notSupported) {
                    try await client.maintenance.downgrade(.validate, to: "3.4")
                }
            } else {
                await EtcdClientTests.expect(.invalidRequest) {
                    try await client.maintenance.downgrade(.validate, to: "3.0")
                }
            }
        }
    }
}
