// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import MartletEtcdClient
import MartletGRPCWire
import MartletTestPrograms
import NIOCore
import NIOPosix
import SwiftProtobuf
import Synchronization
import Testing

/// The client against servers that fail, lie, or say nothing.
@Suite struct HostileServerTests {
    static let watch = "/etcdserverpb.Watch/Watch"
    static let keepAlive = "/etcdserverpb.Lease/LeaseKeepAlive"

    static func withClient(_ server: ScriptedEtcd, _ body: (EtcdClient) async throws -> Void) async throws {
        let client = try EtcdClient.patient(server.endpoint)
        do {
            try await body(client)
            await client.close()
        } catch {
            await client.close()
            throw error
        }
    }

    @Test func watchEndsWithWhatTheServerRefusesItFor() async throws {
        let refuse: ScriptedEtcd.Stream = { _, _, _ in throw GRPCStatus(.unknown, "no such thing") }
        try await ScriptedEtcd.with(streams: [Self.watch: refuse]) { server in
            try await Self.withClient(server) { client in
                var iterator = client.watch("k", from: 1).makeAsyncIterator()
                await EtcdClientTests.expect(.other) { _ = try await iterator.next() }
                #expect(server.calls(Self.watch) == 1)
                // Over is over.
                let after = try await iterator.next()
                #expect(after == nil)
            }
        }
    }

    @Test func watchEndsWithAMalformedResponse() async throws {
        let babble: ScriptedEtcd.Stream = { _, reader, writer in
            _ = try await reader.next()
            try await writer.write([0xFF])
            _ = try await reader.next()
        }
        try await ScriptedEtcd.with(streams: [Self.watch: babble]) { server in
            try await Self.withClient(server) { client in
                var iterator = client.watch("k", from: 1).makeAsyncIterator()
                await EtcdClientTests.expect(.other) { _ = try await iterator.next() }
            }
        }
    }

    @Test func watchOutlivesServersThatAreAway() async throws {
        // Refused, ended at once, ended after it was taken, reset in the middle: then it works.
        let script: ScriptedEtcd.Stream = { number, reader, writer in
            if number == 1 { throw GRPCStatus(.unavailable, "etcdserver: no leader") }
            if number == 2 { return }
            _ = try await reader.next()
            try await writer.write(try Etcdserverpb_WatchResponse.answer.serializedBytes())
            if number == 3 { return }
            if number == 4 { throw GRPCStatus(.unavailable, "etcdserver: server stopped") }
            try await writer.write(try Etcdserverpb_WatchResponse.put("k", revision: 7).serializedBytes())
            _ = try await reader.next()
        }
        try await ScriptedEtcd.with(streams: [Self.watch: script]) { server in
            try await Self.withClient(server) { client in
                var iterator = client.watch("k", from: 1).makeAsyncIterator()
                let events = try await EtcdClientTests.take(1, &iterator)
                #expect(events.map(\.keyValue.keyText) == ["k"])
                #expect(server.calls(Self.watch) == 5)
            }
        }
    }

    @Test func revisionsAtTheEndOfTheNumbersAreNoTrap() async throws {
        let asked = Mutex<[Int64]>([])
        let lie: ScriptedEtcd.Stream = { number, reader, writer in
            guard let bytes = try await reader.next() else { return }
            let request = try Etcdserverpb_WatchRequest(serializedBytes: bytes)
            asked.withLock { $0.append(request.createRequest.startRevision) }
            try await writer.write(try Etcdserverpb_WatchResponse.answer.serializedBytes())
            try await writer.write(try Etcdserverpb_WatchResponse.put("k", revision: .max).serializedBytes())
            let progress = Etcdserverpb_WatchResponse.with { $0.header.revision = .max }
            try await writer.write(try progress.serializedBytes())
            // Ends; the watch comes again, from where it stood.
        }
        let range: ScriptedEtcd.Unary = { _ in
            try Etcdserverpb_RangeResponse.with { $0.header.revision = .max }.serializedBytes()
        }
        try await ScriptedEtcd.with(unary: ["/etcdserverpb.KV/Range": range], streams: [Self.watch: lie]) { server in
            try await Self.withClient(server) { client in
                #expect(try await client.get("k").nextRevision == .max)
                var iterator = client.watch("k").makeAsyncIterator()
                for _ in 0..<3 {
                    let batch = try await iterator.next()
                    #expect(batch?.revision == .max)
                }
                #expect(asked.withLock { $0 } == [.max, .max])
            }
        }
    }

    @Test func malformedResponsesAreSaidSo() async throws {
        try await ScriptedEtcd.with(unary: ["/etcdserverpb.KV/Put": { _ in [0xFF] }]) { server in
            try await Self.withClient(server) { client in
                await EtcdClientTests.expect(.other) { try await client.put("k", "v") }
            }
        }
    }

    @Test func leasesThatLiveForeverAreNoTrap() async throws {
        let asked = Mutex(0)
        let answer: ScriptedEtcd.Stream = { _, reader, writer in
            while let bytes = try await reader.next() {
                let request = try Etcdserverpb_LeaseKeepAliveRequest(serializedBytes: bytes)
                asked.withLock { $0 += 1 }
                let response = Etcdserverpb_LeaseKeepAliveResponse.with {
                    $0.id = request.id
                    $0.ttl = .max
                }
                try await writer.write(try response.serializedBytes())
            }
        }
        try await ScriptedEtcd.with(streams: [Self.keepAlive: answer]) { server in
            try await Self.withClient(server) { client in
                let ttlSeconds = try await client.keepAliveOnce(EtcdLeaseID(rawValue: 1))
                #expect(ttlSeconds == .max)
                let upkeep = Task { try await client.keepAlive(EtcdLeaseID(rawValue: 2)) }
                let isAsked = try await eventually { asked.withLock { $0 } == 2 }
                #expect(isAsked)
                upkeep.cancel()
                await #expect(throws: CancellationError.self) { try await upkeep.value }
            }
        }
    }

    @Test func keepAliveGoesOnAfterTheServerWasAway() async throws {
        let script: ScriptedEtcd.Stream = { number, reader, writer in
            if number <= 2 { throw GRPCStatus(.unavailable, "etcdserver: no leader") }
            while let bytes = try await reader.next() {
                let request = try Etcdserverpb_LeaseKeepAliveRequest(serializedBytes: bytes)
                // Renewed once, gone the second time.
                let response = Etcdserverpb_LeaseKeepAliveResponse.with {
                    $0.id = request.id
                    $0.ttl = number == 3 ? 1 : 0
                }
                try await writer.write(try response.serializedBytes())
                if number == 3 { return }
            }
        }
        try await ScriptedEtcd.with(streams: [Self.keepAlive: script]) { server in
            try await Self.withClient(server) { client in
                await EtcdClientTests.expect(.leaseNotFound) {
                    try await client.keepAlive(EtcdLeaseID(rawValue: 1))
                }
                #expect(server.calls(Self.keepAlive) >= 4)
            }
        }
    }

    /// A listener whose connections nobody answers: a connect succeeds there, HTTP/2 never begins.
    @Test(.timeLimit(.minutes(30))) func streamsOpenInTimeOrFail() async throws {
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        var configuration = EtcdClient.Configuration(endpoints: ["127.0.0.1:\(listener.localAddress?.port ?? 0)"])
        configuration.timeout = .milliseconds(200)
        let client = try EtcdClient(configuration)
        do {
            try await client.keepAliveOnce(EtcdLeaseID(rawValue: 1))
            Issue.record("a renewal without a server")
        } catch let error as EtcdError {
            #expect(error.code == .timeout || error.code == .unavailable, "\(error)")
        }
        // A cancelled task doesn't wait for the limit either.
        let renewal = Task { try await client.keepAliveOnce(EtcdLeaseID(rawValue: 1)) }
        renewal.cancel()
        await #expect(throws: CancellationError.self) { _ = try await renewal.value }
        await client.close()
        try await listener.close()
    }

    @Test func aClientThatNobodyClosesIsFreed() async throws {
        let answer: ScriptedEtcd.Stream = { _, reader, writer in
            while let bytes = try await reader.next() {
                let request = try Etcdserverpb_LeaseKeepAliveRequest(serializedBytes: bytes)
                let response = Etcdserverpb_LeaseKeepAliveResponse.with {
                    $0.id = request.id
                    $0.ttl = 60
                }
                try await writer.write(try response.serializedBytes())
            }
        }
        try await ScriptedEtcd.with(streams: [Self.keepAlive: answer]) { server in
            let freed = WeakClient()
            do {
                let client = try EtcdClient.patient(server.endpoint)
                try await client.keepAliveOnce(EtcdLeaseID(rawValue: 1))
                freed.client = client
            }
            #expect(try await eventually { freed.client == nil })
            // And its connection with it.
            #expect(try await eventually { server.connectionCount == 0 })
        }
    }

    private final class WeakClient {
        weak var client: EtcdClient?
    }
}

@Suite struct LeaseWaitersTests {
    @Test func whoeverIsTakenOutLeavesNothingBehind() {
        var waiters = LeaseWaiters<String>()
        let numbers = (0..<4).map { _ in waiters.makeNumber() }
        #expect(Set(numbers).count == 4)
        for (number, lease) in zip(numbers, [7, 7, 8, 9] as [Int64]) {
            waiters.add("\(number)", number: number, lease: lease)
        }
        #expect(waiters.leaseCount == 3)
        #expect(waiters.contains(number: numbers[0], lease: 7))
        #expect(!waiters.contains(number: numbers[0], lease: 8))
        #expect(waiters.remove(number: numbers[0], lease: 8) == nil)
        #expect(waiters.remove(number: numbers[0], lease: 7) == "\(numbers[0])")
        #expect(waiters.remove(number: numbers[0], lease: 7) == nil)
        #expect(waiters.leaseCount == 3)
        #expect(waiters.remove(number: numbers[1], lease: 7) == "\(numbers[1])")
        #expect(waiters.leaseCount == 2)
        #expect(waiters.removeAll(lease: 8) == ["\(numbers[2])"])
        #expect(waiters.removeAll(lease: 8) == [])
        #expect(waiters.removeAll() == ["\(numbers[3])"])
        #expect(waiters.leaseCount == 0)
    }
}

@Suite struct LeasePaceTests {
    @Test func aThirdOfALifeWithinBounds() {
        var pace = LeasePace()
        let now = ContinuousClock.now
        #expect(pace.renewed(ttlSeconds: 15, at: now) == .seconds(5))
        #expect(pace.renewed(ttlSeconds: 0, at: now) == LeasePace.shortestPause)
        #expect(pace.renewed(ttlSeconds: .max, at: now) == LeasePace.longestPause)
    }

    @Test func failuresAreRetriedSoonUntilTheLeaseHasEnded() {
        var pace = LeasePace()
        let now = ContinuousClock.now
        // Nobody knows yet how long it lives.
        #expect(pace.failed(at: now + .seconds(100)) == LeasePace.retryPause)
        _ = pace.renewed(ttlSeconds: 60, at: now)
        #expect(pace.failed(at: now + .seconds(20)) == .milliseconds(500))
        #expect(pace.failed(at: now + .seconds(59)) == .milliseconds(500))
        #expect(pace.failed(at: now + .seconds(60)) == nil)
    }
}
