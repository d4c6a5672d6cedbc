// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import MartletKeyValue
import NIOCore
import SwiftProtobuf
import Testing

/// Ranges that are read beside the loop and answered in parts. What they must answer a transaction says, which reads on
/// the loop whatever the length.
@Suite(.timeLimit(.minutes(30))) struct LongRangeTests {
    private static let keyCount = 5_000
    private static let valueBytes = 300

    private func withKeys(_ body: (WireClient) async throws -> Void) async throws {
        try await ServerFixture.with { server in
            let client = try WireClient(
                .hostPort("127.0.0.1", server.port), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            do {
                try await fill(client)
                try await body(client)
            } catch {
                Issue.record(error)
            }
            await client.close()
        }
    }

    /// Every tenth key is written twice, and every eleventh is gone at the end.
    private func fill(_ client: WireClient) async throws {
        func key(_ number: Int) -> String { "k/" + String(100_000 + number) }
        try await write(client, (0..<Self.keyCount).map { put(key($0), "\($0)") })
        try await write(client, (0..<Self.keyCount).filter { $0 % 10 == 0 }.map { put(key($0), "again \($0)") })
        try await write(
            client,
            (0..<Self.keyCount).filter { $0 % 11 == 0 }.map { number in
                var operation = Etcdserverpb_RequestOp()
                operation.requestDeleteRange.key = Array(key(number).utf8).data
                return operation
            })
    }

    private func put(_ key: String, _ text: String) -> Etcdserverpb_RequestOp {
        var operation = Etcdserverpb_RequestOp()
        operation.requestPut.key = Array(key.utf8).data
        operation.requestPut.value = Array(text.padding(to: Self.valueBytes).utf8).data
        return operation
    }

    private func write(_ client: WireClient, _ operations: [Etcdserverpb_RequestOp]) async throws {
        for begin in stride(from: 0, to: operations.count, by: 100) {
            var transaction = Etcdserverpb_TxnRequest()
            transaction.success = Array(operations[begin..<min(begin + 100, operations.count)])
            _ = try await client.unary("/etcdserverpb.KV/Txn", try transaction.serializedBytes())
        }
    }

    private static func request(_ change: (inout Etcdserverpb_RangeRequest) -> Void) -> Etcdserverpb_RangeRequest {
        var request = Etcdserverpb_RangeRequest()
        request.key = Array("k/".utf8).data
        request.rangeEnd = Array("k0".utf8).data
        change(&request)
        return request
    }

    private static let requests: [Etcdserverpb_RangeRequest] = [
        request { _ in },
        request { $0.rangeEnd = [0].data },
        request { $0.serializable = true },
        request { $0.keysOnly = true },
        request { $0.limit = 3_000 },
        request { $0.sortOrder = .descend },
        request {
            $0.sortOrder = .descend
            $0.limit = 2_500
        },
        request { $0.revision = 40 },
        request {
            $0.revision = 60
            $0.countOnly = true
        },
        request {
            $0.revision = 55
            $0.limit = 7
        },
        request { $0.minModRevision = 52 },
        request { $0.maxModRevision = 51 },
        request { $0.maxModRevision = 1 },
    ]

    private static let sorted: [Etcdserverpb_RangeRequest] = [
        request {
            $0.sortTarget = .mod
            $0.sortOrder = .descend
        },
        request {
            $0.sortTarget = .value
            $0.limit = 2_100
        },
        request {
            $0.sortTarget = .version
            $0.sortOrder = .ascend
            $0.maxCreateRevision = 30
        },
    ]

    @Test func answersAsOnTheLoop() async throws {
        try await withKeys { client in
            for request in Self.requests + Self.sorted {
                let bytes = try await client.unary("/etcdserverpb.KV/Range", try request.serializedBytes()).message
                let answer = try Etcdserverpb_RangeResponse(serializedBytes: bytes)
                let expected = try await expectation(client, request)
                #expect(answer.sameAnswer(as: expected), "\(request)")
                #expect(answer.header.revision == expected.header.revision && answer.header.memberID != 0)
                // As long as it was said to be: nothing is unknown in it.
                #expect((try answer.serializedBytes() as [UInt8]).count == bytes.count)
            }
        }
    }

    @Test func streamsMergeToTheAnswer() async throws {
        try await withKeys { client in
            for request in Self.requests {
                let parts = try await stream(client, request)
                var merged = Etcdserverpb_RangeStreamResponse()
                for part in parts { try merged.merge(serializedBytes: part.serializedBytes() as [UInt8]) }
                let answer = merged.rangeResponse
                let expected = try await expectation(client, request)
                #expect(answer.sameAnswer(as: expected), "\(request)")
                for part in parts.dropLast() {
                    let partial = part.rangeResponse
                    #expect(!partial.hasHeader && partial.count == 0 && !partial.more)
                }
                #expect(answer.header.revision == expected.header.revision)
            }
            for request in Self.sorted {
                await #expect(throws: GRPCStatus.self) { try await stream(client, request) }
            }
            let whole = try await stream(client, Self.request { _ in })
            #expect(whole.count > 4)
            let longest = try whole.map { (try $0.serializedBytes() as [UInt8]).count }.max() ?? 0
            #expect(longest < 2 * ServerCall.outboundHighWater)
        }
    }

    /// What is asked wrongly is told as for a range on the loop.
    @Test func refusals() async throws {
        try await withKeys { client in
            let future = Self.request { $0.revision = 1_000_000 }
            for path in ["/etcdserverpb.KV/Range", "/etcdserverpb.KV/RangeStream"] {
                let status = await status(client, path, future)
                #expect(status?.message == "etcdserver: mvcc: required revision is a future revision")
                #expect(status?.code == .outOfRange)
                #expect(await self.status(client, path, Etcdserverpb_RangeRequest())?.code == .invalidArgument)
            }
        }
    }

    /// Clients that begin to read and go away leave the server as it was.
    @Test func clientsGoAway() async throws {
        try await withKeys { client in
            for number in 0..<50 {
                let path = "/etcdserverpb.KV/Range\(number % 2 == 0 ? "" : "Stream")"
                try await client.withStream(path) { stream in
                    try await stream.write(try Self.request { _ in }.serializedBytes())
                    stream.finishWriting()
                    if number % 3 == 0 { _ = try await stream.next() }
                }
            }
            #expect(try await stream(client, Self.request { _ in }).count > 4)
        }
    }

    // MARK: Calls

    private func expectation(
        _ client: WireClient, _ request: Etcdserverpb_RangeRequest
    ) async throws -> Etcdserverpb_RangeResponse {
        var transaction = Etcdserverpb_TxnRequest()
        var operation = Etcdserverpb_RequestOp()
        operation.requestRange = request
        transaction.success = [operation]
        let reply = try await client.unary("/etcdserverpb.KV/Txn", try transaction.serializedBytes())
        let response = try Etcdserverpb_TxnResponse(serializedBytes: reply.message)
        var range = try #require(response.responses.first).responseRange
        range.header = response.header
        return range
    }

    private func stream(
        _ client: WireClient, _ request: Etcdserverpb_RangeRequest
    ) async throws -> [Etcdserverpb_RangeStreamResponse] {
        try await client.withStream("/etcdserverpb.KV/RangeStream") { stream in
            try await stream.write(try request.serializedBytes())
            stream.finishWriting()
            var parts: [Etcdserverpb_RangeStreamResponse] = []
            while let message = try await stream.next() {
                parts.append(try Etcdserverpb_RangeStreamResponse(serializedBytes: message))
            }
            return parts
        }
    }

    private func status(
        _ client: WireClient, _ path: String, _ request: Etcdserverpb_RangeRequest
    ) async -> GRPCStatus? {
        do {
            _ = try await client.unary(path, try request.serializedBytes())
            return nil
        } catch {
            return error as? GRPCStatus
        }
    }
}

extension String {
    fileprivate func padding(to count: Int) -> String {
        self + String(repeating: ".", count: Swift.max(0, count - utf8.count))
    }
}

extension Etcdserverpb_RangeResponse {
    /// Whether all but the header is the same.
    fileprivate func sameAnswer(as other: Etcdserverpb_RangeResponse) -> Bool {
        kvs == other.kvs && more == other.more && count == other.count
    }
}
