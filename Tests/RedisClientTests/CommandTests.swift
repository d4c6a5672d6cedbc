// SPDX-License-Identifier: Apache-2.0

import MartletRedisClient
import MartletRedisPeers
import Testing

/// Typed commands, against three servers and in both protocols.
@Suite(.timeLimit(.minutes(30))) struct CommandTests {
    @Test(arguments: Setting.all) func entries(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            let first = try #require(try await client.xadd("s", ["f": "v", "n": 3]) { $0.id = .exactly(.init(1, 1)) })
            #expect(first == RedisStreamID(1, 1))
            #expect(try await client.xadd("none", ["f": "v"]) { $0.createsStream = false } == nil)
            for number in 2...10 {
                try await client.xadd("s", ["n": number]) { $0.id = .exactly(.init(UInt64(number))) }
            }
            #expect(try await client.xlen("s") == 10)
            let entries = try await client.xrange("s", .first, .including(.init(2)))
            #expect(entries.map(\.id) == [RedisStreamID(1, 1), RedisStreamID(2)])
            #expect(entries[0].text("f") == "v" && entries[0].text("n") == "3" && entries[0]["x"] == nil)
            #expect(try await client.xrange("s", count: 0).isEmpty)
            #expect(try await client.xrange("none").isEmpty)
            #expect(try await client.xrevrange("s", .last, .excluding(.init(8))).map(\.id.milliseconds) == [10, 9])
            let read = try await client.xread([.after(.init(9), of: "s"), .after(.zero, of: "none")])
            #expect(read.map(\.name) == ["s"] && read[0].entries.map(\.id.milliseconds) == [10])
            #expect(try await client.xread([.after(.max, of: "s")]).isEmpty)
            #expect(try await client.xread([.new(of: "s")], block: .milliseconds(20)).isEmpty)
            #expect(try await client.xdel("s", [.init(2), .init(99)]) == 1)
            #expect(try await client.xtrim("s", .maximumLength(5, approximately: false)) == 4)
            #expect(try await client.xtrim("s", .minimumID(.init(8), approximately: false)) == 2)
            try await client.xsetid("s", .init(50))
            let info = try await client.xinfoStream("s")
            #expect(info.length == 3 && info.lastID == RedisStreamID(50) && info.groupCount == 0)
            #expect(info.firstEntry?.id == RedisStreamID(8) && info.lastEntry?.text("n") == "10")
            #expect(info.entriesAdded == 10)
        }
    }

    @Test(arguments: Setting.all) func groups(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            try await client.xgroupCreate("s", "g", .beginning, createsStream: true)
            let exists = await #expect(throws: RedisError.self) { try await client.xgroupCreate("s", "g") }
            #expect(exists?.code == .groupExists && exists?.prefix == "BUSYGROUP")
            #expect(exists?.message == "BUSYGROUP Consumer Group name already exists")
            let empty = try await client.xpending("s", "g")
            #expect(empty.count == 0 && empty.first == nil && empty.last == nil && empty.consumers.isEmpty)
            for number in 1...6 {
                try await client.xadd("s", ["n": number]) { $0.id = .exactly(.init(UInt64(number))) }
            }
            let read = try await client.xreadgroup("g", "a", [.undelivered(of: "s")]) { $0.count = 3 }
            #expect(read[0].entries.map(\.id.milliseconds) == [1, 2, 3])
            _ = try await client.xreadgroup("g", "b", [.undelivered(of: "s")], block: .milliseconds(100)) {
                $0.count = 2
            }
            let summary = try await client.xpending("s", "g")
            #expect(summary.count == 5 && summary.first == .init(1) && summary.last == .init(5))
            #expect(summary.consumers.map(\.name) == ["a", "b"] && summary.consumers.map(\.count) == [3, 2])
            let pending = try await client.xpending("s", "g", count: 10, consumer: "a")
            #expect(pending.map(\.id.milliseconds) == [1, 2, 3] && pending.allSatisfy { $0.deliveries == 1 })
            #expect(try await client.xpending("s", "g", count: 10, minimumIdle: .seconds(3_600)).isEmpty)
            #expect(try await client.xack("s", "g", [.init(1), .init(99)]) == 1)
            try await client.xdel("s", [.init(2)])
            let history = try await client.xreadgroup("g", "a", [.pending(of: "s")])
            #expect(history[0].entries.map(\.isDeleted) == [true, false])
            let claimed = try await client.xclaim("s", "g", "c", minimumIdle: .zero, [.init(4), .init(77)])
            #expect(claimed.map(\.id.milliseconds) == [4])
            #expect(try await client.xclaimIDs("s", "g", "c", minimumIdle: .zero, [.init(5)]) == [.init(5)])
            let all = try await client.xautoclaim("s", "g", "d", minimumIdle: .zero)
            #expect(all.next == .zero && all.claimed.map(\.id.milliseconds) == [3, 4, 5])
            #expect(all.deleted == [.init(2)])
            let ids = try await client.xautoclaimIDs("s", "g", "d", minimumIdle: .zero, count: 1)
            #expect(ids.next == .init(4) && ids.claimed == [.init(3)])
            let full = try await client.xinfoStreamFull("s", count: 0)
            #expect(full.entries.count == 5 && full.groups.map(\.name) == ["g"])
            #expect(full.groups[0].pendingCount == 3 && full.groups[0].pending.map(\.id.milliseconds) == [3, 4, 5])
            #expect(full.groups[0].consumers.first { $0.name == "d" }?.pending.count == 3)
            let groups = try await client.xinfoGroups("s")
            #expect(groups.map(\.name) == ["g"] && groups[0].pendingCount == 3 && groups[0].entriesRead == 5)
            let consumers = try await client.xinfoConsumers("s", "g")
            #expect(consumers.first { $0.name == "d" }?.pendingCount == 3)
            try await client.xgroupSetID("s", "g", .end)
            #expect(try await client.xgroupCreateConsumer("s", "g", "x"))
            #expect(try await client.xgroupDeleteConsumer("s", "g", "d") == 3)
            #expect(try await client.xgroupDestroy("s", "g"))
            let gone = await #expect(throws: RedisError.self) {
                try await client.xreadgroup("g", "a", [.undelivered(of: "s")])
            }
            #expect(gone?.code == .noGroup)
        }
    }

    /// What Redis has since 8.2: on Martlet it works, on older servers the error says that it isn't known.
    @Test(arguments: Setting.all) func newerCommands(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            try await client.xgroupCreate("s", "g", .beginning, createsStream: true)
            for number in 1...4 {
                try await client.xadd("s", ["n": number]) { $0.id = .exactly(.init(UInt64(number))) }
            }
            _ = try await client.xreadgroup("g", "a", [.undelivered(of: "s")])
            guard setting.kind != .redis else {
                let error = await #expect(throws: RedisError.self) {
                    try await client.xnack("s", "g", .fail, [.init(1)])
                }
                #expect(error?.message.hasPrefix("ERR unknown command") == true)
                return
            }
            #expect(try await client.xnack("s", "g", .fail, [.init(1)]) == 1)
            let pending = try await client.xpending("s", "g", count: 1)
            #expect(pending[0].consumer == nil && pending[0].idle == nil && pending[0].deliveries == 1)
            let read = try await client.xreadgroup("g", "b", [.undelivered(of: "s")]) { $0.claimsIdle = .seconds(600) }
            #expect(read[0].entries.map(\.id.milliseconds) == [1] && read[0].entries[0].earlierDeliveries == 1)
            #expect(try await client.xackdel("s", "g", .acknowledged, [.init(1), .init(9)]) == [.deleted, .notFound])
            #expect(try await client.xdelex("s", .acknowledged, [.init(2), .init(9)]) == [.kept, .notFound])
            let id = try await client.xadd("s", ["n": 5]) { $0.idempotency = .id("x", producer: "p") }
            #expect(try await client.xadd("s", ["n": 5]) { $0.idempotency = .id("x", producer: "p") } == id)
            try await client.xcfgset("s", idempotencySeconds: 60)
        }
    }

    @Test(arguments: Setting.all) func otherValues(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            try await client.ping()
            #expect(try await client.get("k") == nil)
            #expect(try await client.set("k", [0, 255, 13, 10] as [UInt8]))
            #expect(try await client.get("k") == [0, 255, 13, 10])
            #expect(try await client.set("k", "x", onlyIfAbsent: true) == false)
            #expect(try await client.set("e", "x", expiry: .seconds(10_000)))
            let left = try #require(try await client.timeToLive("e"))
            #expect(left > .seconds(9_000) && left <= .seconds(10_000))
            #expect(try await client.timeToLive("k") == nil)
            #expect(try await client.persist("e"))
            #expect(try await client.expire("e", after: .seconds(500)))
            #expect(try await client.incr("n", by: 5) == 5)
            #expect(try await client.rpush("l", "a", "b", 3) == 3)
            #expect(try await client.lpush("l", "0") == 4)
            #expect(try await client.lrange("l").map { String(decoding: $0, as: UTF8.self) } == ["0", "a", "b", "3"])
            #expect(try await client.lpop("l") == Array("0".utf8))
            #expect(try await client.llen("l") == 3)
            #expect(try await client.sadd("set", "a", "b", "a") == 2)
            #expect(try await client.smembers("set").count == 2)
            #expect(try await client.exists("k", "l", "none") == 2)
            #expect(try await client.type("l") == "list")
            let wrong = await #expect(throws: RedisError.self) { try await client.xlen("k") }
            #expect(wrong?.code == .wrongType)
            #expect(wrong?.message == "WRONGTYPE Operation against a key holding the wrong kind of value")
            #expect(try await client.scan().keys.count == 5)
            #expect(try await client.info("server")["redis_version"]?.isEmpty == false)
            #expect(try await client.configGet("maxmem*").isEmpty == false)
            #expect(try await client.time() > 1_600_000_000_000_000)
            try await client.scriptFlush()
            try await client.functionFlush()
            try await client.rename("k", to: "k2")
            #expect(try await client.del("k2", "none") == 1)
            #expect(try await client.command("ECHO", "hello").text == "hello")
            try await client.flushdb()
            #expect(try await client.dbsize() == 0)
            #expect(try await client.serverInfo().protocolVersion == (setting.usesRESP2 ? 2 : 3))
        }
    }

    @Test(arguments: Setting.all) func transactions(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            let replies = try await client.transaction([
                RedisCommand("SET", "a", 1), RedisCommand("LPUSH", "a", "x"), .xadd("s", [RedisField("f", "v")]),
            ])
            #expect(replies?.count == 3 && replies?[0] == .simple("OK"))
            #expect(replies?[1].error?.code == .wrongType)
            let refused = await #expect(throws: RedisError.self) {
                try await client.transaction([RedisCommand("SET", "a", 2), RedisCommand("NOSUCH")])
            }
            #expect(refused?.message.hasPrefix("ERR unknown command") == true)
            #expect(try await client.get("a") == Array("1".utf8))
            try await client.withConnection { (connection) async throws in
                try await connection.watch("a")
                try await client.set("a", 7)
                #expect(try await connection.transaction([RedisCommand("SET", "a", 8)]) == nil)
                try await connection.watch("a")
                #expect(try await connection.transaction([RedisCommand("SET", "a", 9)])?.count == 1)
            }
            #expect(try await client.get("a") == Array("9".utf8))
        }
    }

    @Test(arguments: Setting.all) func publishes(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            try await client.withSubscription(to: ["a", "b"], patterns: ["news.*"]) { (messages) async throws in
                #expect(try await client.publish("a", "one") == 1)
                #expect(try await client.publish("news.x", "two") == 1)
                #expect(try await client.publish("c", "nobody") == 0)
                #expect(try await client.publish("b", "three") == 1)
                var received: [RedisMessage] = []
                for try await message in messages {
                    received.append(message)
                    if received.count == 3 { break }
                }
                #expect(received.map(\.text) == ["one", "two", "three"])
                #expect(received.map(\.channel) == ["a", "news.x", "b"])
                #expect(received.map(\.pattern) == [nil, "news.*", nil])
            }
        }
    }
}
