// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletRedisClient
import MartletRedisPeers
import MartletTestPrograms
import Testing

/// What Martlet's streams do of themselves, by the client's typed forms.
@Suite(.timeLimit(.minutes(30))) struct QueueTests {
    private static let settings = Setting.all.filter { "\($0.kind)".contains("Martlet") }

    @Test(arguments: Self.settings) func delaysAndEnds(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            // On a busy machine short times may be over before anybody asks: then longer ones are taken.
            var wasInTime = false
            for delay in [100, 3_000, 30_000] where !wasInTime {
                wasInTime = try await delaysAndEnds(client, "s\(delay)", delay: delay, life: 3 * delay)
            }
            #expect(wasInTime)
        }
    }

    /// - Parameters:
    ///   - delay: When an entry comes, in milliseconds from now.
    ///   - life: How long it is there then.
    /// - Returns: Whether the server was asked in time.
    private func delaysAndEnds(_ client: RedisClient, _ key: String, delay: Int, life: Int) async throws -> Bool {
        let later = RedisCommand.xadd(key, [RedisField("n", "1")]) { $0.moment = .after(.seconds(3_600)) }
        let answer = try await client.send(later)
        let handle = try #require(RedisStreamID(answer.text ?? ""))
        let soon = try await client.time() / 1000 + Int64(delay)
        let brief = RedisCommand.xadd(key, [RedisField("n", "2")]) {
            $0.moment = .at(soon)
            $0.timeToLive = .milliseconds(life)
        }
        _ = try await client.send(brief)
        let waiting = try await client.xdelayed(key)
        let info = try await client.xinfoStream(key)
        let isBefore = try await client.time() / 1000 < soon
        let read = try await client.xread([.after(.zero, of: key)], block: .milliseconds(delay + life))
        let isThere = try await client.time() / 1000 < soon + Int64(life)
        #expect(try await eventually { try await client.xlen(key) == 0 })
        #expect(try await client.xcancel(key, [handle]) == 1)
        let rest = try await client.xdelayed(key)
        #expect(rest.isEmpty)
        guard isBefore && isThere else { return false }
        #expect(waiting.last?.id == handle)
        #expect(info.delayedCount == 2 && info.nextDelayed == soon && info.length == 0)
        #expect(read.first?.entries.first?.text("n") == "2")
        return true
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
                let read = try await client.xreadgroup("g", "c", [.undelivered(of: "s")], block: .seconds(100))
                #expect(read.first?.entries.first?.text("n") == "1")
            }
            let read = try await client.xreadgroup("g", "c", [.undelivered(of: "s")], block: .seconds(100))
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
                try await client.xadd("s", [RedisField]()) { $0.priority = 1 }
                Issue.record("an entry without fields was taken")
            } catch let error as RedisError {
                #expect(error.message == "ERR wrong number of arguments for 'xadd' command")
            }
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
            try await client.xcronSet(
                "s", "other", "0 9 * * MON", [RedisField("f", "v")], offset: .seconds(-5400), grace: .seconds(60),
                priority: 4)
            #expect(try await eventually { try await client.xlen("s") >= 3 })
            let jobs = try await client.xcronList("s")
            try #require(jobs.count == 2)
            #expect(jobs[0].name == "job" && jobs[0].runCount >= 3 && jobs[0].priority == 0)
            #expect(jobs[1].name == "other" && jobs[1].offset == .seconds(-5400) && jobs[1].priority == 4)
            #expect(jobs[1].grace == .seconds(60) && jobs[1].fields == [RedisField("f", "v")])
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

    @Test(arguments: Self.settings) func readsSelect(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            for (number, kind) in [("1", "x"), ("2", "y"), ("3", "x"), ("4", "x")] {
                try await client.xadd("s", ["t": kind, "n": number])
            }
            func numbers(_ entries: [RedisEntry]) -> [String] { entries.map { $0.text("n") ?? "-" } }
            let some = try await client.xrange("s", count: 2, selection: .having(RedisField("t", "x")))
            #expect(numbers(some) == ["1", "3"])
            var selection = RedisSelection.having(RedisField("t", "x"), RedisField("n", "4"))
            selection.showsIDsOnly = true
            let one = try await client.xrevrange("s", selection: selection)
            let last = try await client.xrevrange("s", count: 1)
            #expect(one.map(\.id) == last.map(\.id) && one[0].fields.isEmpty && !one[0].isDeleted)
            let read = try await client.xread([.after(.zero, of: "s"), .after(.zero, of: "none")]) {
                $0.totalCount = 2
                $0.selection = .having(RedisField("t", "x"))
            }
            #expect(read.count == 1 && numbers(read[0].entries) == ["1", "3"])
            // The group is made by the read.
            let delivered = try await client.xreadgroup("g", "c", [.undelivered(of: "s")]) {
                $0.count = 3
                $0.groupStart = .beginning
                $0.showsIDsOnly = true
            }
            let whole = try await client.xrange("s", count: 3)
            #expect(delivered[0].entries.map(\.id) == whole.map(\.id))
            #expect(delivered[0].entries.allSatisfy { $0.fields.isEmpty })
            let count = try await client.xlen("s", .excluding(whole[0].id), .last)
            #expect(count == 3)
        }
    }

    @Test(arguments: Self.settings) func whatIsDelayedIsListedByTime(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            let far = try await client.time() / 1000 + 86_400_000
            for hour in 0..<4 {
                try await client.xadd("s", ["hour": hour]) { $0.moment = .at(far + Int64(hour) * 3_600_000) }
            }
            // Of one moment each has a number behind it.
            let bound = RedisStreamBound.including(RedisStreamID(UInt64(far) + 3_600_001))
            let late = try await client.xdelayed("s", bound, .last)
            #expect(late.compactMap { $0.text("hour") } == ["2", "3"])
            let first = try await client.xdelayed("s", count: 1)
            #expect(first.compactMap { $0.text("hour") } == ["0"])
        }
    }

    /// What other servers lack is told in a sentence, and nothing is done.
    @Test(arguments: Setting.all.filter { $0.kind == .redis }) func redisLacksIt(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            try await client.xadd("s", ["f": "v"])
            try await client.xgroupCreate("s", "g", .beginning)
            var policy = RedisGroupPolicy()
            policy.visibility = .seconds(1)
            var selection = RedisSelection()
            selection.showsIDsOnly = true
            let calls: [(String, () async throws -> Any?)] = [
                ("XGROUP SETPOLICY", { [policy] in try await client.xgroupSetPolicy("s", "g", policy) }),
                ("IFEMPTY", { try await client.xgroupDeleteConsumerIfEmpty("s", "g", "c") }),
                ("DELCONSUMER with TO", { try await client.xgroupDeleteConsumer("s", "g", "c", to: "d") }),
                ("XLEN of a range", { try await client.xlen("s", .first, .last) }),
                ("XDELAYED", { try await client.xdelayed("s") }),
                ("XCANCEL", { try await client.xcancel("s", [.zero]) }),
                ("XRETAIN", { try await client.xretain("s", nil) }),
                ("XREPLAY", { try await client.xreplay("s", to: "t") }),
                ("XCRON", { try await client.xcronSet("s", "j", "@daily", [RedisField("f", "v")]) }),
                ("XCRON", { try await client.xcronDelete("s", "j") }), ("XCRON", { try await client.xcronList("s") }),
                ("NOVALUES", { [selection] in try await client.xrange("s", selection: selection) }),
                ("FILTER", { try await client.xrevrange("s", selection: .having(RedisField("f", "v"))) }),
                (
                    "FILTER",
                    { [selection] in try await client.xread([.after(.zero, of: "s")]) { $0.selection = selection } }
                ),
                (
                    "MKGROUP",
                    { try await client.xreadgroup("h", "c", [.undelivered(of: "s")]) { $0.groupStart = .end } }
                ),
                ("DELAY", { try await client.xadd("s", ["f": "v"]) { $0.moment = .after(.seconds(1)) } }),
                ("TTL", { try await client.xadd("s", ["f": "v"]) { $0.timeToLive = .seconds(1) } }),
                ("PRIORITY", { try await client.xadd("s", ["f": "v"]) { $0.priority = 1 } }),
            ]
            for (name, call) in calls {
                do {
                    _ = try await call()
                    Issue.record("\(name) was taken")
                } catch let error as RedisError {
                    #expect(error.code == .notSupported && error.wasNotExecuted, "\(name): \(error)")
                    #expect(error.message.contains(name) && error.message.contains("Martlet alone has that"))
                }
            }
            #expect(try await client.xlen("s") == 1)
        }
    }
}
