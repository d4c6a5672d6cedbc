// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletEtcdAPI
import MartletEtcdClient
import MartletGRPCWire
import MartletTestPrograms
import SwiftProtobuf
import Synchronization
import Testing

@Suite(.serialized, .timeLimit(.minutes(30))) struct WatchResumeTests {
    static func response(_ events: [(String, Int64)], isPart: Bool = false) throws -> [UInt8] {
        try Etcdserverpb_WatchResponse.with { response in
            response.header.revision = events.last?.1 ?? 0
            response.fragment = isPart
            response.events = events.map { key, revision in
                .with { event in
                    event.kv.key = .init(key.utf8)
                    event.kv.modRevision = revision
                }
            }
        }.serializedBytes()
    }

    @Test func partsAreJoinedAndHalvesForgotten() async throws {
        let starts = Mutex<[Int64]>([])
        let script: ScriptedEtcd.Stream = { number, reader, writer in
            guard let bytes = try await reader.next() else { return }
            let request = try Etcdserverpb_WatchRequest(serializedBytes: bytes).createRequest
            #expect(request.fragment)
            starts.withLock { $0.append(request.startRevision) }
            try await writer.write(try Etcdserverpb_WatchResponse.answer.serializedBytes())
            try await writer.write(try Self.response([("a", 5)], isPart: true))
            // The first time the connection breaks in the middle of a revision.
            if number == 1 { return }
            try await writer.write(try Self.response([("b", 5)], isPart: true))
            try await writer.write(try Self.response([("c", 5)]))
            _ = try await reader.next()
        }
        try await ScriptedEtcd.with(streams: [HostileServerTests.watch: script]) { server in
            try await HostileServerTests.withClient(server) { client in
                var iterator = client.watch(.all, from: 4).makeAsyncIterator()
                let batch = try await iterator.next()
                #expect(batch?.events.map(\.keyValue.keyText) == ["a", "b", "c"])
                #expect(starts.withLock { $0 } == [4, 4])
            }
        }
    }

    @Test func whatWasDeliveredDoesNotComeAgain() async throws {
        let script: ScriptedEtcd.Stream = { number, reader, writer in
            _ = try await reader.next()
            try await writer.write(try Etcdserverpb_WatchResponse.answer.serializedBytes())
            if number == 1 {
                try await writer.write(try Self.response([("a", 5), ("b", 6)]))
                return
            }
            // Begins earlier than it was asked to.
            try await writer.write(try Self.response([("a", 5), ("b", 6), ("c", 7)]))
            _ = try await reader.next()
        }
        try await ScriptedEtcd.with(streams: [HostileServerTests.watch: script]) { server in
            try await HostileServerTests.withClient(server) { client in
                var iterator = client.watch(.all, from: 5).makeAsyncIterator()
                let events = try await EtcdClientTests.take(3, &iterator)
                #expect(events.map(\.keyValue.keyText) == ["a", "b", "c"])
            }
        }
    }

    /// Connections are cut all the time while keys are written: every change comes, once, in order.
    @Test(arguments: EtcdProcess.Kind.available)
    func nothingIsLostAndNothingComesTwice(kind: EtcdProcess.Kind) async throws {
        try await EtcdProcess.with(kind) { server in
            let relay = try CuttingRelay(to: server.endpoint)
            let through = try EtcdClient.patient(try await relay.start())
            let direct = try EtcdClient.patient(server.endpoint)
            let count = 300
            let start = try await direct.put("r", "start").revision + 1
            let writer = Task {
                var revisions: [Int64] = []
                for number in 0..<count { revisions.append(try await direct.put("r", "\(number)").revision) }
                return revisions
            }
            let cutter = Task {
                while !Task.isCancelled {
                    try await Task.sleep(for: .milliseconds(7))
                    await relay.cut()
                }
            }
            let reader = Task {
                var watch = through.watch(.prefix("r"), from: start).makeAsyncIterator()
                return try await EtcdClientTests.take(count, &watch)
            }
            let written = try await writer.value
            try await Task.sleep(for: .milliseconds(50))
            cutter.cancel()
            await relay.cut()
            let seen = try await reader.value
            #expect(seen.map(\.keyValue.modRevision) == written)
            #expect(seen.map(\.keyValue.valueText) == (0..<count).map { "\($0)" })
            await through.close()
            await direct.close()
            await relay.stop()
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func aRestartedServerIsWatchedOn(kind: EtcdProcess.Kind) async throws {
        try await EtcdProcess.with(kind) { server in
            let client = try EtcdClient.patient(server.endpoint)
            var watch = client.watch("r", from: 1).makeAsyncIterator()
            try await client.put("r", "1")
            #expect(try await EtcdClientTests.take(1, &watch).map(\.keyValue.valueText) == ["1"])
            try await server.restart()
            #expect(try await eventually { (try? await client.put("r", "2")) != nil })
            #expect(try await EtcdClientTests.take(1, &watch).map(\.keyValue.valueText) == ["2"])
            await client.close()
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func unwantedChangesStayAway(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            let start = try await client.put("f", "1").revision
            try await client.delete("f")
            try await client.put("f", "2")
            try await client.delete("f")
            var puts = client.watch("f", from: start, skipping: [.delete]).makeAsyncIterator()
            #expect(try await EtcdClientTests.take(2, &puts).map(\.keyValue.valueText) == ["1", "2"])
            var deletes = client.watch("f", from: start, skipping: [.put]).makeAsyncIterator()
            #expect(try await EtcdClientTests.take(2, &deletes).map(\.kind) == [.delete, .delete])
        }
    }
}
