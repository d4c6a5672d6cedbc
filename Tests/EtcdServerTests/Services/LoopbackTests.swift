// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import NIOCore
import NIOPosix
import SwiftProtobuf
import Testing

/// The services over real connections.
@Suite(.timeLimit(.minutes(30))) struct LoopbackTests {
    /// A server on a port of its own and one client of it.
    private func withServer(
        _ body: (WireClient, EtcdServer) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test")
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let configuration = EtcdServerConfiguration()
        let server = try await EtcdServer.start(
            configuration: configuration, logger: logger, on: group.next())
        var router = GRPCRouter()
        server.addRoutes(to: &router)
        var settings = WireServerConfiguration()
        settings.maximumMessageBytes = configuration.wireLimitBytes
        settings.http1 = { await server.respond(to: $0) }
        let wire = try WireServer(router: router, configuration: settings, eventLoopGroup: group, logger: logger)
        let address = try await wire.bind(.hostPort("127.0.0.1", 0))
        let client = try WireClient(.hostPort("127.0.0.1", try #require(address.port)), logger: logger)
        do {
            try await body(client, server)
        } catch {
            Issue.record(error)
        }
        await client.close()
        try await server.stop()
        await wire.close()
        try await group.shutdownGracefully()
    }

    private func call<Response: Message>(
        _ client: WireClient, _ path: String, _ request: some Message, _ type: Response.Type
    ) async throws -> Response {
        let reply = try await client.unary(path, try request.serializedBytes())
        return try Response(serializedBytes: reply.message)
    }

    private func put(_ client: WireClient, _ key: String, bytes: Int = 1) async throws -> Int64 {
        var request = Etcdserverpb_PutRequest()
        request.key = Array(key.utf8).data
        request.value = [UInt8](repeating: 118, count: bytes).data
        return try await call(client, "/etcdserverpb.KV/Put", request, Etcdserverpb_PutResponse.self).header.revision
    }

    private func status(of body: () async throws -> Void) async -> GRPCStatus? {
        do {
            try await body()
            return nil
        } catch {
            return error as? GRPCStatus
        }
    }

    @Test func putRangeAndErrors() async throws {
        try await withServer { client, _ in
            #expect(try await put(client, "a") == 2)
            var range = Etcdserverpb_RangeRequest()
            range.key = [97].data
            let response = try await call(client, "/etcdserverpb.KV/Range", range, Etcdserverpb_RangeResponse.self)
            #expect(response.kvs.map(\.value.bytes) == [[118]])
            let refused = await status { _ = try await put(client, "") }
            #expect(refused?.code == .invalidArgument)
            #expect(refused?.message == "etcdserver: key is not provided")
            let large = await status { _ = try await put(client, "a", bytes: 1_572_864) }
            #expect(large?.message == "etcdserver: request is too large")
            let tooLarge = await status { _ = try await put(client, "a", bytes: 2_187_264) }
            #expect(tooLarge?.code == .resourceExhausted)
            #expect(try await put(client, "a") == 3)
            let unknown = await status { _ = try await client.unary("/etcdserverpb.Maintenance/Nothing", []) }
            #expect(unknown?.code == .unimplemented)
        }
    }

    @Test func watchSeesTransactionsInOrder() async throws {
        try await withServer { client, _ in
            try await client.withStream("/etcdserverpb.Watch/Watch") { stream in
                var request = Etcdserverpb_WatchRequest()
                request.createRequest.key = [97].data
                request.createRequest.rangeEnd = [98].data
                try await stream.write(try request.serializedBytes())
                let created = try Etcdserverpb_WatchResponse(serializedBytes: try #require(try await stream.next()))
                #expect(created.created)
                for number in 0..<200 {
                    #expect(try await put(client, "a\(number)") == Int64(number + 2))
                }
                var revisions: [Int64] = []
                while revisions.count < 200, let message = try await stream.next() {
                    let response = try Etcdserverpb_WatchResponse(serializedBytes: message)
                    revisions += response.events.map(\.kv.modRevision)
                }
                #expect(revisions == Array(2...201))
                stream.finishWriting()
                #expect(try await put(client, "a") == 202)
                let last = try Etcdserverpb_WatchResponse(serializedBytes: try #require(try await stream.next()))
                #expect(last.events.map(\.kv.modRevision) == [202])
            }
        }
    }

    /// A reader that sleeps lets megabytes pile up in the store's history, not in the connection.
    @Test func slowWatchCatchesUp() async throws {
        try await withServer { client, _ in
            try await client.withStream("/etcdserverpb.Watch/Watch") { stream in
                var request = Etcdserverpb_WatchRequest()
                request.createRequest.key = [97].data
                try await stream.write(try request.serializedBytes())
                _ = try await stream.next()
                for _ in 0..<100 { _ = try await put(client, "a", bytes: 100_000) }
                var revisions: [Int64] = []
                while revisions.count < 100, let message = try await stream.next() {
                    let response = try Etcdserverpb_WatchResponse(serializedBytes: message)
                    revisions += response.events.map(\.kv.modRevision)
                }
                #expect(revisions == Array(2...101))
            }
        }
    }

    /// More watchers of a large value than a connection could ever be sent at once.
    @Test func manyWatchersOfOneKey() async throws {
        try await withServer { client, _ in
            try await client.withStream("/etcdserverpb.Watch/Watch") { stream in
                var request = Etcdserverpb_WatchRequest()
                request.createRequest.key = [97].data
                let message: [UInt8] = try request.serializedBytes()
                for _ in 0..<200 {
                    try await stream.write(message)
                    _ = try await stream.next()
                }
                for _ in 0..<3 { _ = try await put(client, "a", bytes: 300_000) }
                var revisions: [Int64: [Int64]] = [:]
                var count = 0
                while count < 600, let message = try await stream.next() {
                    let response = try Etcdserverpb_WatchResponse(serializedBytes: message)
                    count += response.events.count
                    revisions[response.watchID, default: []] += response.events.map(\.kv.modRevision)
                }
                #expect(revisions.count == 200)
                #expect(revisions.values.allSatisfy { $0 == [2, 3, 4] })
            }
        }
    }

    @Test func keepAliveOverOneStream() async throws {
        try await withServer { client, _ in
            var grant = Etcdserverpb_LeaseGrantRequest()
            grant.ttl = 60
            let lease = try await call(
                client, "/etcdserverpb.Lease/LeaseGrant", grant, Etcdserverpb_LeaseGrantResponse.self)
            try await client.withStream("/etcdserverpb.Lease/LeaseKeepAlive") { stream in
                for id in [lease.id, 4242] {
                    var request = Etcdserverpb_LeaseKeepAliveRequest()
                    request.id = id
                    try await stream.write(try request.serializedBytes())
                    let response = try Etcdserverpb_LeaseKeepAliveResponse(
                        serializedBytes: try #require(try await stream.next()))
                    #expect(response.id == id)
                    #expect(response.ttl == (id == 4242 ? 0 : 60))
                }
                stream.finishWriting()
                #expect(try await stream.next() == nil)
            }
        }
    }

    @Test func plainEndpointsReadTheStore() async throws {
        try await withServer { client, server in
            _ = try await put(client, "a")
            let response = await server.respond(to: HTTP1Request(method: "GET", uri: "/metrics"))
            #expect(response.status == 200)
            let text = String(decoding: response.body, as: UTF8.self)
            #expect(text.contains("\netcd_mvcc_put_total 1\n"))
            #expect(text.contains("\netcd_debugging_mvcc_current_revision 2\n"))
        }
    }
}
