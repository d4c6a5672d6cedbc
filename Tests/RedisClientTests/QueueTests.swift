// SPDX-License-Identifier: Apache-2.0

import MartletRedisClient
import MartletRedisPeers
import MartletTestPrograms
import Testing

/// What Martlet's streams do of themselves, by the client's typed forms.
@Suite(.timeLimit(.minutes(3))) struct QueueTests {
    private static let settings = Setting.all.filter { "\($0.kind)".contains("Martlet") }

    @Test(arguments: Self.settings) func delaysAndEnds(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            let handle = try #require(try await client.xadd("s", ["n": 1]) { $0.moment = .after(.seconds(60)) })
            let soon = try await client.time() / 1000 + 100
            try await client.xadd("s", ["n": 2]) {
                $0.moment = .at(soon)
                $0.timeToLive = .milliseconds(300)
            }
            #expect(try await client.xdelayed("s").map(\.id.milliseconds).last == handle.milliseconds)
            let info = try await client.xinfoStream("s")
            #expect(info.delayedCount == 2 && info.nextDelayed == soon && info.length == 0)
            let read = try await client.xread([.after(.zero, of: "s")], block: .seconds(10))
            #expect(read.first?.entries.first?.text("n") == "2")
            #expect(try await eventually { try await client.xlen("s") == 0 })
            #expect(try await client.xcancel("s", [handle]) == 1)
            #expect(try await client.xdelayed("s").isEmpty)
        }
    }

    @Test(arguments: Self.settings) func groupsHavePolicies(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            var policy = RedisGroupPolicy()
            policy.visibility = .milliseconds(100)
            policy.maximumDeliveries = 2
            policy.deadLetterStream = "dead"
            policy.idleConsumers = .seconds(100)
            policy.orderField = "k"
            policy.filter = [RedisField("t", "x")]
            try await client.xgroupCreate("s", "g", .beginning, createsStream: true)
            try await client.xgroupSetPolicy("s", "g", policy)
            #expect(try await client.xinfoGroups("s").first?.policy == policy)
            for number in 1...3 { try await client.xadd("s", ["k": "a", "t": "x", "n": number]) }
            try await client.xadd("s", ["k": "a", "t": "y", "n": 4])
            // Delivered twice and never acknowledged, the first gives way to the second.
            for _ in 0..<2 {
                let read = try await client.xreadgroup("g", "c", [.undelivered(of: "s")], block: .seconds(10))
                #expect(read.first?.entries.map { $0.text("n") } == ["1"])
            }
            let read = try await client.xreadgroup("g", "c", [.undelivered(of: "s")], block: .seconds(10))
            #expect(read.first?.entries.map { $0.text("n") } == ["2"])
            #expect(try await client.xlen("dead") == 1)
            #expect(try await client.xreplay("dead", to: "s") == 1)
            #expect(try await client.xlen("s", .first, .last) == 5)
            await #expect(throws: RedisError.self) { try await client.xgroupDeleteConsumerIfEmpty("s", "g", "c") }
            #expect(try await client.xgroupDeleteConsumer("s", "g", "c", to: "d") == 1)
            try await client.xgroupSetPolicy(
                "s", "g",
                {
                    var same = policy; same.visibility = nil; return same
                }())
            #expect(try await client.xinfoGroups("s").first?.policy?.visibility == nil)
        }
    }

    @Test(arguments: Self.settings) func jobsRun(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            try await client.xcronSet("s", "job", "@every 100ms", [RedisField("f", "v")])
            try await client.xcronSet("s", "other", "0 9 * * MON", [RedisField("f", "v")], offset: .seconds(-5400))
            #expect(try await eventually { try await client.xlen("s") >= 3 })
            let jobs = try await client.xcronList("s")
            #expect(jobs.map(\.name) == ["job", "other"] && jobs[0].runCount >= 3)
            #expect(jobs[1].offset == .seconds(-5400))
            #expect(try await client.xcronDelete("s", "job"))
            #expect(try await client.xcronDelete("s", "job") == false)
            var retention = RedisRetention()
            retention.maximumAge = .milliseconds(50)
            try await client.xretain("s", retention)
            #expect(try await client.xinfoStream("s").retention == retention)
            #expect(try await eventually { try await client.xlen("s") == 0 })
            try await client.xretain("s", nil)
            #expect(try await client.xinfoStream("s").retention == nil)
        }
    }
}
