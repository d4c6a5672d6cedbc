// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import MartletEtcdClient
import MartletGRPCWire
import MartletTestPrograms
import SwiftProtobuf
import Synchronization
import Testing

/// One client, several servers.
@Suite(.serialized, .timeLimit(.minutes(30))) struct FailoverTests {
    static let range = "/etcdserverpb.KV/Range"
    static let put = "/etcdserverpb.KV/Put"

    static func answer(revision: Int64) -> ScriptedEtcd.Unary {
        { _ in try Etcdserverpb_RangeResponse.with { $0.header.revision = revision }.serializedBytes() }
    }

    static var accept: ScriptedEtcd.Unary {
        { _ in
            try Etcdserverpb_PutResponse.with { $0.header.revision = 5 }.serializedBytes()
        }
    }

    @Test func readsFindTheServerThatAnswers() async throws {
        let fail: ScriptedEtcd.Unary = { _ in throw GRPCStatus(.unavailable, "etcdserver: request timed out") }
        try await ScriptedEtcd.with(unary: [Self.range: fail]) { bad in
            try await ScriptedEtcd.with(unary: [Self.range: Self.answer(revision: 9)]) { good in
                let client = try EtcdClient.patient(bad.endpoint, good.endpoint)
                #expect(try await client.get("k").revision == 9)
                #expect(try await client.get("k").revision == 9)
                // Once was enough to leave it.
                #expect(bad.calls(Self.range) == 1)
                await client.close()
            }
        }
    }

    @Test func writesThatMayHaveHappenedAreNotRepeated() async throws {
        let fail: ScriptedEtcd.Unary = { _ in throw GRPCStatus(.unavailable, "etcdserver: request timed out") }
        try await ScriptedEtcd.with(unary: [Self.put: fail]) { bad in
            try await ScriptedEtcd.with(unary: [Self.put: Self.accept]) { good in
                let client = try EtcdClient.patient(bad.endpoint, good.endpoint)
                await EtcdClientTests.expect(.unavailable) { try await client.put("k", "v") }
                #expect(good.calls(Self.put) == 0)
                // The next write goes to the other server.
                try await client.put("k", "v")
                #expect(good.calls(Self.put) == 1)
                await client.close()
            }
        }
    }

    @Test(arguments: [
        "etcdserver: no leader", "etcdserver: too many requests", "etcdserver: rpc not supported for learner",
    ])
    func writesThatWereRefusedAreRepeated(text: String) async throws {
        let calls = Mutex(0)
        let refuseTwice: ScriptedEtcd.Unary = { _ in
            let number = calls.withLock { calls in
                calls += 1
                return calls
            }
            guard number > 2 else { throw GRPCStatus(.unknown, text) }
            return try Etcdserverpb_PutResponse.with { $0.header.revision = 5 }.serializedBytes()
        }
        try await ScriptedEtcd.with(unary: [Self.put: refuseTwice]) { server in
            let client = try EtcdClient.patient(server.endpoint)
            #expect(try await client.put("k", "v").revision == 5)
            #expect(calls.withLock { $0 } == 3)
            await client.close()
        }
    }

    @Test(.enabled(if: EtcdProcess.binary != nil, "no etcd on this machine"))
    func aServerThatIsStoppedDoesNotUseUpTheTime() async throws {
        try await EtcdProcess.with { stopped in
            try await ScriptedEtcd.with(unary: [Self.range: Self.answer(revision: 9)]) { good in
                var configuration = EtcdClient.Configuration.patient([stopped.endpoint, good.endpoint])
                // Half of it goes to the one that is stopped.
                configuration.timeout = .seconds(40)
                let client = try EtcdClient(configuration)
                #expect(try await client.get("k").revision != 9)
                stopped.freeze()
                #expect(try await client.get("k").revision == 9)
                stopped.thaw()
                await client.close()
            }
        }
    }
}
