// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import MartletTestPrograms
import SwiftProtobuf
import Testing

@Suite(.timeLimit(.minutes(30))) struct StoreTests {
    @Test func leaseIDsRiseAndStayPositive() throws {
        let fixture = StoreFixture()
        let ids = try (0..<50).map { _ in try fixture.grant(60).id }
        #expect(ids == ids.sorted())
        #expect(Set(ids).count == ids.count)
        #expect(ids[0] > 0)
    }

    /// In memory what is held is all there is.
    @Test func sizeFollowsWhatIsKept() throws {
        let fixture = StoreFixture()
        #expect(fixture.store.size == StoreSize(totalBytes: 0, inUseBytes: 0))
        for _ in 0..<3000 { try fixture.put("a", String(repeating: "v", count: 1000)) }
        let full = fixture.store.size
        #expect(3_000_000..<3_500_000 ~= full.inUseBytes && full.totalBytes == full.inUseBytes)
        try fixture.compact(3001, physical: true)
        #expect(fixture.store.size.inUseBytes < 2000)
    }

    /// With a folder it is the file's, and what of it holds something.
    @Test func sizeIsTheFiles() async throws {
        let folder = try TemporaryFolder()
        let file = folder.file("data/member/tables/db")
        try await ServerFixture.with(in: folder) { fixture in
            let client = try WireClient(
                .hostPort("127.0.0.1", fixture.port), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            func status() async throws -> Etcdserverpb_StatusResponse {
                try Etcdserverpb_StatusResponse(
                    serializedBytes: try await client.unary("/etcdserverpb.Maintenance/Status", []).message)
            }
            var put = Etcdserverpb_PutRequest()
            put.value = [UInt8](repeating: 118, count: 100_000).data
            for number in 0..<60 {
                put.key = Array("key \(number)".utf8).data
                _ = try await client.unary("/etcdserverpb.KV/Put", try put.serializedBytes())
            }
            // The checkpoint of the last put is a second away at most.
            #expect(
                try await eventually {
                    let status = try await status()
                    return status.dbSizeInUse > 6_000_000 && status.dbSize == blocks(file)
                })
            let full = try await status()
            #expect(full.dbSize >= full.dbSizeInUse)
            var delete = Etcdserverpb_DeleteRangeRequest()
            delete.key = [107].data
            delete.rangeEnd = [108].data
            _ = try await client.unary("/etcdserverpb.KV/DeleteRange", try delete.serializedBytes())
            var compact = Etcdserverpb_CompactionRequest()
            compact.revision = 62
            compact.physical = true
            _ = try await client.unary("/etcdserverpb.KV/Compact", try compact.serializedBytes())
            // What was removed leaves the file with the next checkpoint, and that comes with the next change.
            put.key = [122].data
            put.value = [].data
            _ = try await client.unary("/etcdserverpb.KV/Put", try put.serializedBytes())
            #expect(try await eventually { try await status().dbSizeInUse < 1_000_000 })
            #expect(try await status().dbSize >= full.dbSizeInUse)
            _ = try await client.unary("/etcdserverpb.Maintenance/Defragment", [])
            #expect(try await status().dbSize < 1_000_000)
            await client.close()
        }
    }

    private func blocks(_ path: String) -> Int64 {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.int64Value ?? 0
    }
}
