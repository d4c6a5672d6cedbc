// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletEmbedded
import MartletTestPrograms
import Synchronization
import Testing

/// The real process, killed while clients change keys and streams together.
@Suite(.serialized, .timeLimit(.minutes(30))) struct TransactionCrashTests {
    private static var kills: Int {
        ProcessInfo.processInfo.environment["MARTLET_CRASH_KILLS"].flatMap { Int($0) } ?? 6
    }

    private static let producers = 4
    private static let consumers = 2
    private static let (events, group) = ("events", "g")

    /// What clients were told.
    private struct Knowledge {
        /// Names of changes that were acknowledged.
        var published: Set<String> = []
        var asked = 0
        /// IDs of events whose effect was acknowledged.
        var settled: Set<RedisStreamID> = []
    }

    private final class Shared: Sendable {
        private let mutex = Mutex(Knowledge())

        func change<Result: Sendable>(_ body: (inout Knowledge) -> Result) -> Result {
            mutex.withLock { body(&$0) }
        }

        var counts: (published: Int, settled: Int) { change { ($0.published.count, $0.settled.count) } }
    }

    /// A change of a key is there together with its event, and what was acknowledged is there; an event is acknowledged
    /// together with its effect, and has one.
    @Test func bothOrNeither() async throws {
        var random = SeededRandom(seed: seed())
        let folder = try TemporaryFolder()
        let port = try freePort()
        let server = try CrashServer(
            .martlet(BuiltBinary.path), data: folder.file("data"), folder: folder.path,
            extra: ["--listen-stream-urls", "redis://127.0.0.1:\(port)", "--stream-memory", "0"])
        let address = StoreAddress.servers(keys: [server.endpoint], streams: ["127.0.0.1:\(port)"])
        let knowledge = Shared()
        for round in 0..<Self.kills {
            try server.start([:])
            guard try await server.ready() else { throw CrashServer.Trouble(description: server.log) }
            let store = try await MartletStore.open(address)
            if round == 0 { try await Self.makeGroup(store) }
            try await Self.check(store, knowledge)
            let workers = (0..<Self.producers).map { number in
                Task { await Self.produce(store, "\(round).\(number)", knowledge) }
            }
            let takers = (0..<Self.consumers).map { number in
                Task { await Self.consume(store, "c\(number)", knowledge) }
            }
            let before = knowledge.counts
            try await Task.sleep(for: .milliseconds(Int.random(in: 50..<400, using: &random)))
            // A busy machine gets more time for some of each.
            let hasWorked = try await eventually {
                let now = knowledge.counts
                return now.published > before.published + 5 && now.settled > before.settled + 1
            }
            #expect(hasWorked)
            _ = try server.isAlive()
            await server.kill()
            for task in workers + takers {
                task.cancel()
                await task.value
            }
            await store.close()
        }
        try server.start([:])
        guard try await server.ready() else { throw CrashServer.Trouble(description: server.log) }
        try await MartletStore.with(address) { store in
            try await Self.check(store, knowledge)
            // What was pending at the end is settled now, by whoever holds it.
            await Self.consume(store, "c0", knowledge, untilEmpty: true)
            await Self.consume(store, "c1", knowledge, untilEmpty: true)
            try await Self.check(store, knowledge)
            let (events, effects) = (
                try await store.streams.xlen(Self.events), try await store.keys.get(.prefix("effect/")).count
            )
            #expect(Int64(events) == effects)
        }
        await server.kill()
        let (published, settled) = knowledge.counts
        print("transaction crashes: \(Self.kills) kills, \(published) published, \(settled) settled")
    }

    private static func makeGroup(_ store: MartletStore) async throws {
        for _ in 0..<20_000 {
            do {
                return try await store.streams.xgroupCreate(events, group, .beginning, createsStream: true)
            } catch let error as RedisError where error.code != .groupExists {
                try await Task.sleep(for: .milliseconds(10))
            }
        }
    }

    private static func produce(_ store: MartletStore, _ name: String, _ knowledge: Shared) async {
        var number = 0
        while !Task.isCancelled {
            number += 1
            let change = "\(name).\(number)"
            knowledge.change { $0.asked += 1 }
            do {
                let result = try await store.transact { transaction in
                    transaction.when(.isMissing("change/\(change)"))
                    transaction.then.put("change/\(change)", "1")
                    transaction.then.append([RedisField("change", change)], to: events)
                }
                #expect(result.succeeded)
                knowledge.change { _ = $0.published.insert(change) }
            } catch {
                await rest()
            }
        }
    }

    private static func consume(
        _ store: MartletStore, _ name: String, _ knowledge: Shared, untilEmpty: Bool = false
    ) async {
        while !Task.isCancelled {
            do {
                // First what is this consumer's from before.
                let own = try await store.streams.xreadgroup(group, name, [.pending(of: events)]) { $0.count = 5 }
                    .flatMap(\.entries)
                let entries =
                    own.isEmpty
                    ? try await store.streams.xreadgroup(group, name, [.undelivered(of: events)]) { $0.count = 5 }
                        .flatMap(\.entries) : own
                if entries.isEmpty {
                    if untilEmpty { return }
                    try await Task.sleep(for: .milliseconds(2))
                }
                for entry in entries {
                    let isSettled = try await store.settle(entry.id, of: events, group: group, consumer: name) {
                        $0.put("effect/\(entry.id)", name)
                    }
                    if isSettled { knowledge.change { _ = $0.settled.insert(entry.id) } }
                }
            } catch {
                await rest()
            }
        }
    }

    /// Where the server is dead, or too slow for one request.
    private static func rest() async { try? await Task.sleep(for: .milliseconds(10)) }

    private static func check(_ store: MartletStore, _ knowledge: Shared) async throws {
        let entries = try await store.streams.xrange(events)
        let published = entries.map { $0.text("change") ?? "" }
        #expect(Set(published).count == published.count, "an event is there twice")
        let changes = try await store.keys.get(.prefix("change/")).keyValues
        #expect(changes.allSatisfy { $0.version == 1 })
        #expect(Set(changes.map { String($0.keyText.dropFirst("change/".count)) }) == Set(published))
        let known = knowledge.change { $0 }
        #expect(known.published.isSubset(of: published), "an acknowledged change is lost")
        let effects = try await store.keys.get(.prefix("effect/")).keyValues
        #expect(effects.allSatisfy { $0.version == 1 }, "an effect has happened twice")
        let done = Set(effects.compactMap { RedisStreamID($0.keyText.dropFirst("effect/".count)) })
        #expect(known.settled.isSubset(of: done), "an acknowledged effect is lost")
        // What was handed out is pending or has had its effect.
        let pending = Set(try await store.streams.xpending(events, group, count: 1_000_000).map(\.id))
        #expect(pending.isDisjoint(with: done))
        let delivered = try await store.streams.xinfoGroups(events).first { $0.name == group }?.lastDeliveredID
        for entry in entries where entry.id <= delivered ?? .zero {
            #expect(pending.contains(entry.id) != done.contains(entry.id), "\(entry.id)")
        }
    }
}
