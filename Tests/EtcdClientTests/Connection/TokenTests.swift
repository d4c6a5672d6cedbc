// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import MartletEtcdClient
import MartletGRPCWire
import MartletTestPrograms
import SwiftProtobuf
import Synchronization
import Testing

/// What requests say beside themselves: who asks, and whether a leader is needed.
@Suite(.serialized, .timeLimit(.minutes(30))) struct TokenTests {
    static let authenticate = "/etcdserverpb.Auth/Authenticate"
    static let range = "/etcdserverpb.KV/Range"

    static func client(_ server: ScriptedEtcd) throws -> EtcdClient {
        var configuration = EtcdClient.Configuration.patient([server.endpoint])
        configuration.credentials = EtcdCredentials(user: "u", password: "p")
        return try EtcdClient(configuration)
    }

    /// Gives a new token each time it is asked: `token 1`, `token 2`, ….
    static func giver(_ given: Given) -> ScriptedEtcd.Unary {
        { bytes in
            let request = try Etcdserverpb_AuthenticateRequest(serializedBytes: bytes)
            guard request.name == "u", request.password == "p" else {
                throw GRPCStatus(
                    .invalidArgument, "etcdserver: authentication failed, invalid user ID or password")
            }
            let token = given.next()
            return try Etcdserverpb_AuthenticateResponse.with { $0.token = token }.serializedBytes()
        }
    }

    final class Given: Sendable {
        private let count = Mutex(0)

        func next() -> String {
            self.count.withLock { count in
                count += 1
                return "token \(count)"
            }
        }
    }

    @Test func requestsWithAForgottenTokenAreSentAgainOnce() async throws {
        let refused = Mutex(0)
        let given = Given()
        // The first twenty requests are refused, whatever their token.
        let range: ScriptedEtcd.Unary = { _ in
            let number = refused.withLock { refused in
                refused += 1
                return refused
            }
            guard number > 20 else { throw GRPCStatus(.unauthenticated, "etcdserver: invalid auth token") }
            return try Etcdserverpb_RangeResponse().serializedBytes()
        }
        let unary = [Self.range: range, Self.authenticate: Self.giver(given)]
        try await ScriptedEtcd.with(unary: unary) { server in
            let client = try Self.client(server)
            // Both attempts of each are refused.
            for _ in 0..<10 { await EtcdClientTests.expect(.denied) { _ = try await client.get("k") } }
            #expect(server.calls(Self.range) == 20)
            let tokens = server.said(Self.range).map(\.token)
            // A token that was refused isn't sent twice.
            #expect(tokens.prefix(4) == ["token 1", "token 2", "token 3", "token 4"])
            _ = try await client.get("k")
            #expect(server.said(Self.authenticate).allSatisfy { $0.token == nil })
            await client.close()
        }
    }

    @Test func manyRequestsShareOneToken() async throws {
        let given = Given()
        let slow: ScriptedEtcd.Unary = { _ in try Etcdserverpb_RangeResponse().serializedBytes() }
        let unary = [Self.range: slow, Self.authenticate: Self.giver(given)]
        try await ScriptedEtcd.with(unary: unary) { server in
            let client = try Self.client(server)
            try await withThrowingTaskGroup { group in
                for _ in 0..<30 { group.addTask { _ = try await client.get("k") } }
                try await group.waitForAll()
            }
            #expect(server.calls(Self.authenticate) == 1)
            #expect(server.said(Self.range).allSatisfy { $0.token == "token 1" })
            await client.close()
        }
    }

    @Test func whoWaitsForATokenCanBeCancelled() async throws {
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let never: ScriptedEtcd.Stream = { _, reader, _ in
            _ = try await reader.next()
            for await _ in released {}
        }
        try await ScriptedEtcd.with(streams: [Self.authenticate: never]) { server in
            let client = try Self.client(server)
            let request = Task { try await client.get("k") }
            #expect(try await eventually { server.calls(Self.authenticate) == 1 })
            request.cancel()
            await #expect(throws: CancellationError.self) { _ = try await request.value }
            release.finish()
            await client.close()
        }
    }

    @Test func onlyReadsThatMayBeOldDoWithoutALeader() async throws {
        let range: ScriptedEtcd.Unary = { _ in try Etcdserverpb_RangeResponse().serializedBytes() }
        let put: ScriptedEtcd.Unary = { _ in try Etcdserverpb_PutResponse().serializedBytes() }
        let status: ScriptedEtcd.Unary = { _ in try Etcdserverpb_StatusResponse().serializedBytes() }
        let watch: ScriptedEtcd.Stream = { _, reader, writer in
            _ = try await reader.next()
            try await writer.write(try Etcdserverpb_WatchResponse.answer.serializedBytes())
            try await writer.write(try Etcdserverpb_WatchResponse.put("k", revision: 7).serializedBytes())
        }
        let paths = [
            Self.range: range, FailoverTests.put: put, "/etcdserverpb.Maintenance/Status": status,
        ]
        try await ScriptedEtcd.with(unary: paths, streams: [HostileServerTests.watch: watch]) { server in
            try await HostileServerTests.withClient(server) { client in
                _ = try await client.get("k")
                _ = try await client.get("k") { $0.isSerializable = true }
                #expect(server.said(Self.range).map(\.needsLeader) == [true, false])
                try await client.put("k", "v")
                #expect(server.said(FailoverTests.put).map(\.needsLeader) == [true])
                _ = try await client.maintenance.status()
                #expect(server.said("/etcdserverpb.Maintenance/Status").map(\.needsLeader) == [false])
                var iterator = client.watch("k", from: 1).makeAsyncIterator()
                _ = try await iterator.next()
                #expect(server.said(HostileServerTests.watch).map(\.needsLeader) == [true])
                #expect(server.said(Self.range).allSatisfy { $0.token == nil })
            }
        }
    }
}
