// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import MartletTestPrograms
import SwiftProtobuf
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(30))) struct DefragmentCrashTests {
    /// A fault of etcd's, issue 14685: what a defragmentation wrote lacked the place in the log that it belonged to, so
    /// that after a crash the log's last entries were applied once more and the revision ran ahead.
    ///
    /// One key is put again and again while the file is rewritten as often as it can be, and the process is killed: as
    /// nothing else is written, the key's version tells how many entries were applied.
    @Test func aCrashWhileTheFileIsRewrittenAppliesNothingTwice() async throws {
        try await EtcdProcess.with(.martlet) { process in
            var acknowledged: Int64 = 0
            for round in 0..<4 {
                let client = try client(process)
                var put = Etcdserverpb_PutRequest()
                put.key = [107].data
                put.value = [UInt8](repeating: 118, count: 5000).data
                let message: [UInt8] = try put.serializedBytes()
                let rewrites = Atomic(0)
                let rewriting = Task {
                    while !Task.isCancelled {
                        guard (try? await client.unary("/etcdserverpb.Maintenance/Defragment", [])) != nil else {
                            continue
                        }
                        rewrites.add(1, ordering: .relaxed)
                    }
                }
                // Checkpoints come once a second; the kill is before one, or behind it.
                let end = ContinuousClock.now + .milliseconds(900 + 150 * round)
                while ContinuousClock.now < end || rewrites.load(ordering: .relaxed) == 0 {
                    let reply = try await client.unary("/etcdserverpb.KV/Put", message)
                    acknowledged = try Etcdserverpb_PutResponse(serializedBytes: reply.message).header.revision - 1
                }
                await process.kill()
                rewriting.cancel()
                await rewriting.value
                await client.close()
                try await process.restart()
                let (version, revision) = try await state(process)
                #expect(version == revision - 1 && version >= acknowledged, "round \(round)")
                acknowledged = version
            }
        }
    }

    private func client(_ process: EtcdProcess) throws -> WireClient {
        let port = try #require(Int(process.endpoint.split(separator: ":")[1]))
        return try WireClient(
            .hostPort("127.0.0.1", port), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func state(_ process: EtcdProcess) async throws -> (version: Int64, revision: Int64) {
        let client = try client(process)
        var range = Etcdserverpb_RangeRequest()
        range.key = [107].data
        let reply = try await client.unary("/etcdserverpb.KV/Range", try range.serializedBytes())
        let response = try Etcdserverpb_RangeResponse(serializedBytes: reply.message)
        await client.close()
        return (response.kvs.first?.version ?? 0, response.header.revision)
    }
}
