// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletRedisClient
import MartletRedisPeers
import MartletTestPrograms
import Testing

/// What Martlet's streams do of themselves, by the client's typed forms.
@Suite(.timeLimit(.minutes(3))) struct QueueTests {
    private static let settings = Setting.all.filter { "\($0.kind)".contains("Martlet") }

    @Test(arguments: Self.settings) func delaysAndEnds(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            let later = RedisCommand.xadd("s", [RedisField("n", "1")]) { $0.moment = .after(.seconds(60)) }
            let answer = try await client.send(later)
            let handle = try #require(RedisStreamID(answer.text ?? ""))
            let soon = try await client.time() / 1000 + 100
            let brief = RedisCommand.xadd("s", [RedisField("n", "2")]) {
                $0.moment = .at(soon)
                $0.timeToLive = .milliseconds(300)
            }
            _ = try await client.send(brief)
            let waiting = try await client.xdelayed("s")
            #expect(waiting.last?.id == handle)
            let info = try await client.xinfoStream("s")
            #expect(info.delayedCount == 2 && info.nextDelayed == soon && info.length == 0)
            let read = try await client.xread([.after(.zero, of: "s")], block: .seconds(10))
            #expect(read.first?.entries.first?.text("n") == "2")
            #expect(try await eventually { try await client.xlen("s") == 0 })
            #expect(try await client.xcancel("s", [handle]) == 1)
            let rest = try await client.xdelayed("s")
            #expect(rest.isEmpty)
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
            let told = try await client.xinfoGroups("s")
            #expect(told.first?.policy == policy)
            for (number, kind) in [("1", "x"), ("2", "x"), ("3", "x"), ("4", "y")] {
                try await client.xadd(
                    "s", [RedisField("k", "a"), RedisField("t", kind), RedisField("n", number)])
            }
            // Delivered twice and never acknowledged, the first gives way to the second.
            for _ in 0..<2 {
                let read = try await client.xreadgroup("g", "c", [.undelivered(of: "s")], block: .seconds(10))
                #expect(read.first?.entries.first?.text("n") == "1")
            }
            let read = try await client.xreadgroup("g", "c", [.undelivered(of: "s")], block: .seconds(10))
            #expect(read.first?.entries.first?.text("n") == "2")
            #expect(try await client.xlen("dead") == 1)
            #expect(try await client.xreplay("dead", to: "s") == 1)
            #expect(try await client.xlen("s", .first, .last) == 5)
            do {
                try await client.xgroupDeleteConsumerIfEmpty("s", "g", "c")
                Issue.record("a consumer with pending entries was ended")
            } catch let error as RedisError {
                #expect(error.message.hasPrefix("NOTEMPTY"))
            }
            let moved = try await client.xgroupDeleteConsumer("s", "g", "c", to: "d")
            #expect(moved == 1)
            policy.visibility = nil
            try await client.xgroupSetPolicy("s", "g", policy)
            let after = try await client.xinfoGroups("s")
            #expect(after.first?.policy == policy)
        }
    }

    @Test(arguments: Self.settings) func urgentComesFirst(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            var policy = RedisGroupPolicy()
            policy.prefersUrgent = true
            try await client.xgroupCreate("s", "g", .beginning, createsStream: true)
            try await client.xgroupSetPolicy("s", "g", policy)
            for (number, priority) in [("1", nil), ("2", 5), ("3", 9), ("4", 5)] as [(String, Int?)] {
                try await client.xadd("s", [RedisField("n", number)]) { $0.priority = priority }
            }
            let told = try await client.xinfoGroups("s")
            #expect(told.first?.policy == policy && told.first?.lag == 4)
            #expect(try await client.xinfoStream("s").prioritizedCount == 3)
            var order: [String] = []
            for _ in 0..<4 {
                let read = try await client.xreadgroup("g", "c", [.undelivered(of: "s")]) { $0.count = 1 }
                order += read.first?.entries.compactMap { $0.text("n") } ?? []
            }
            #expect(order == ["3", "2", "4", "1"])
            let after = try await client.xinfoGroups("s")
            #expect(after.first?.lag == 0)
            do {
                try await client.xadd("s", [RedisField("n", "5")]) { $0.priority = 10 }
                Issue.record("a priority of 10 was taken")
            } catch let error as RedisError {
                #expect(error.message == "ERR PRIORITY is out of range")
            }
        }
    }

    @Test(arguments: Self.settings) func jobsKeepAPlacesTime(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            do {
                try await client.xcronSet("s", "job", "@daily", [RedisField("f", "v")], zone: "Europe/Nowhere")
                Issue.record("a zone was taken that isn't there")
            } catch let error as RedisError {
                #expect(error.message == "ERR unknown time zone 'Europe/Nowhere'")
            }
            // Without the machine's files of zones there are no names.
            guard FileManager.default.fileExists(atPath: "/usr/share/zoneinfo/Asia/Tokyo") else { return }
            let next = try await client.xcronSet(
                "s", "job", "30 9 * * *", [RedisField("f", "v")], zone: "Asia/Tokyo")
            #expect(next % 86_400_000 == 30 * 60_000)
            let other = try await client.send(
                RedisCommand("XCRON", "SET", "s", "other", "0 9 * * *", "TZ", "Asia/Tokyo", "*", "f", "v"))
            #expect(other.integer.map { $0 % 86_400_000 } == 0)
            let jobs = try await client.xcronList("s")
            #expect(jobs.count == 2 && jobs.allSatisfy { $0.zone == "Asia/Tokyo" && $0.offset == .zero })
        }
    }

    @Test(arguments: Self.settings) func jobsRun(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            try await client.xcronSet("s", "job", "@every 100ms", [RedisField("f", "v")])
            try await client.xcronSet("s", "other", "0 9 * * MON", [RedisField("f", "v")], offset: .seconds(-5400))
            #expect(try await eventually { try await client.xlen("s") >= 3 })
            let jobs = try await client.xcronList("s")
            try #require(jobs.count == 2)
            #expect(jobs[0].name == "job" && jobs[0].runCount >= 3)
            #expect(jobs[1].name == "other" && jobs[1].offset == .seconds(-5400))
            let (first, second) = (try await client.xcronDelete("s", "job"), try await client.xcronDelete("s", "job"))
            #expect(first && !second)
            var retention = RedisRetention()
            retention.maximumAge = .milliseconds(50)
            try await client.xretain("s", retention)
            let keeping = try await client.xinfoStream("s")
            #expect(keeping.retention == retention)
            #expect(try await eventually { try await client.xlen("s") == 0 })
            try await client.xretain("s", nil)
            let endless = try await client.xinfoStream("s")
            #expect(endless.retention == nil)
        }
    }
}
