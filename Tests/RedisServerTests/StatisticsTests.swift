// SPDX-License-Identifier: Apache-2.0

import MartletRESPClient
import MartletRedisServer
import MartletTestPrograms
import Testing

/// INFO's figures of commands, errors and memory. Counts are those of Redis for the same commands.
@Suite(.timeLimit(.minutes(30))) struct StatisticsTests {
    /// What a command that reads has found, key by key, however it came; those that write don't count.
    @Test(arguments: TestEngine.allCases) func lookups(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                func counts() async throws -> [String?] {
                    let told = try await client.info("stats")
                    return [told["keyspace_hits"], told["keyspace_misses"]]
                }
                for line in ["SET k v", "RPUSH l a", "SADD z a", "XADD s * f v", "CONFIG RESETSTAT"] {
                    _ = try await client.run(line)
                }
                #expect(try await counts() == ["0", "0"])
                let lines: [(line: String, found: Int, missing: Int)] = [
                    ("GET k", 1, 0), ("GET none", 0, 1), ("MGET k none k", 2, 1), ("EXISTS k none", 1, 1),
                    ("TYPE none", 0, 1), ("TTL k", 1, 0), ("LRANGE l 0 -1", 1, 0), ("SINTER z none", 1, 1),
                    ("XRANGE s - +", 1, 0), ("SET k w", 0, 0), ("XLEN none", 0, 1), ("GET l", 1, 0),
                    ("XREAD COUNT 1 STREAMS s none 0 0", 1, 1), ("XINFO STREAM s", 1, 0), ("INCR n", 0, 0),
                    ("DEL n", 0, 0), ("OBJECT ENCODING k", 1, 0),
                ]
                let found = lines.reduce(0) { $0 + $1.found }
                let missing = lines.reduce(0) { $0 + $1.missing }
                for line in lines { _ = try await client.run(line.line) }
                #expect(try await counts() == ["\(found)", "\(missing)"])
                try await client.send(lines.map { $0.line + "\r\n" }.joined())
                for _ in lines { _ = try await client.next() }
                #expect(try await counts() == ["\(2 * found)", "\(2 * missing)"])
                for line in ["MULTI", "GET k", "SET k x", "GET none", "EXEC"] { _ = try await client.run(line) }
                #expect(try await counts() == ["\(2 * found + 1)", "\(2 * missing + 1)"])
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func commandsAndErrors(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                #expect(try await client.run("ACL SETUSER b on nopass +select|0 +acl|whoami ~*") == "+OK")
                #expect(try await client.run("CONFIG RESETSTAT") == "+OK")
                let lines = [
                    "XADD s *", "XADD s 1-1 a b", "XADD s 1-1 a b", "GET s", "nope", "CONFIG nope", "MULTI", "SET k v",
                    "INCR s", "EXEC", "MULTI", "GET", "EXEC", "XGROUP CREATE s g 0", "XGROUP CREATE s g 0",
                    "HELLO 9", "AUTH x y z", "BLPOP s 1", "XREADGROUP GROUP g c BLOCK 20 STREAMS s >",
                    "XREADGROUP GROUP g c STREAMS nope >", "PING", "EVAL", "XREAD BLOCK 20 STREAMS s $",
                ]
                // All at once, and one by one.
                try await client.send(lines.map { $0 + "\r\n" }.joined())
                for _ in lines { _ = try await client.next() }
                for line in lines { _ = try await client.run(line) }
                try await RawClient.with(port: port) { other in
                    for line in ["AUTH b x", "GET k", "SELECT 1", "SELECT 0", "MULTI"] { _ = try await other.run(line) }
                }
                let told = try await client.info("commandstats")
                func figures(_ name: String) -> [String: Double] {
                    var figures: [String: Double] = [:]
                    for part in (told["cmdstat_" + name] ?? "").split(separator: ",") {
                        let pair = part.split(separator: "=")
                        figures[String(pair[0])] = Double(pair[1])
                    }
                    return figures
                }
                func counts(_ name: String) -> [Double?] {
                    let row = figures(name)
                    return [row["calls"], row["rejected_calls"], row["failed_calls"]]
                }
                #expect(counts("xadd") == [4, 2, 3])
                #expect(counts("get") == [2, 3, 2])
                #expect(counts("set") == [2, 0, 0])
                #expect(counts("incr") == [2, 0, 2])
                #expect(counts("exec") == [4, 0, 2])
                #expect(counts("multi") == [4, 1, 0])
                #expect(counts("xgroup|create") == [4, 0, 3])
                #expect(counts("hello") == [2, 0, 2])
                #expect(counts("auth") == [3, 0, 2])
                #expect(counts("blpop") == [2, 0, 2])
                #expect(counts("xreadgroup") == [4, 0, 2])
                #expect(counts("xread") == [2, 0, 0])
                #expect(counts("ping") == [2, 0, 0])
                #expect(counts("select") == [1, 1, 0])
                #expect(counts("config|resetstat") == [1, 0, 0])
                #expect(figures("config|get").isEmpty)
                let xadd = figures("xadd")
                #expect(xadd["usec"]! > 0 && abs(xadd["usec_per_call"]! - xadd["usec"]! / 4) < 0.01)
                // Waiting for what isn't there is nobody's work.
                #expect(figures("xread")["usec"]! < 20_000)

                let errors = try await client.info("errorstats")
                #expect(errors["errorstat_WRONGTYPE"] == "count=6")
                #expect(errors["errorstat_BUSYGROUP"] == "count=3")
                #expect(errors["errorstat_NOPROTO"] == "count=2")
                #expect(errors["errorstat_NOGROUP"] == "count=2")
                #expect(errors["errorstat_EXECABORT"] == "count=2")
                #expect(errors["errorstat_NOPERM"] == "count=3")
                let sum = errors.values.reduce(0) { $0 + (Int($1.dropFirst(6)) ?? 0) }
                #expect(try await client.info("stats")["total_error_replies"] == "\(sum)")

                let latencies = try await client.info("latencystats")
                let parts = (latencies["latency_percentiles_usec_xadd"] ?? "").split(separator: ",")
                #expect(parts.map { $0.split(separator: "=").first ?? "" } == ["p50", "p99", "p99.9"])
                #expect(
                    try await client.run("LATENCY HISTOGRAM ping nope").hasPrefix(
                        "[ping, [calls, :2, histogram_usec, ["))
                #expect(try await client.run("LATENCY HISTOGRAM xgroup").hasPrefix("[xgroup|create, [calls, :4"))

                #expect(try await client.run("CONFIG RESETSTAT") == "+OK")
                #expect(try await client.info("commandstats").keys.sorted() == ["cmdstat_config|resetstat"])
                #expect(try await client.info("errorstats").isEmpty)
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func sectionsAndMemory(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                func titles(_ words: String) async throws -> [String] {
                    try await client.run("INFO" + words).split(separator: "\r\n").filter { $0.hasPrefix("# ") }
                        .map { String($0.dropFirst(2)) }
                }
                let usual = [
                    "Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU", "Modules",
                    "Errorstats", "Cluster", "Keyspace",
                ]
                #expect(try await titles("") == usual)
                #expect(try await titles(" default") == usual)
                #expect(try await titles(" Stats commandSTATS nope") == ["Stats", "Commandstats"])
                #expect(try await titles(" nope") == [])
                let all = usual.prefix(8) + ["Commandstats", "Errorstats", "Latencystats", "Cluster", "Keyspace"]
                #expect(try await titles(" all") == Array(all))
                #expect(try await titles(" everything") == Array(all))

                let before = try await client.info("memory")
                #expect(before["used_memory_human"]?.last == "M" && before["mem_fragmentation_ratio"] != nil)
                var used = try #require(before["used_memory"].flatMap { Int($0) })
                let resident = try #require(before["used_memory_rss"].flatMap { Int($0) })
                let peak = try #require(before["used_memory_peak"].flatMap { Int($0) })
                #expect(used > 1 << 20 && resident > 1 << 20 && peak >= used)
                // Other tests of the process come and go beside: a large one may end meanwhile, but not each time.
                let value = String(repeating: "x", count: 1 << 20)
                var growth = 0
                for _ in 0..<5 where growth <= 48 << 20 {
                    _ = try await client.run("FLUSHALL")
                    try await Task.sleep(for: .milliseconds(200))
                    used = try #require(try await client.info("memory")["used_memory"].flatMap { Int($0) })
                    for number in 10..<90 {
                        try await client.send(
                            "*3\r\n$3\r\nSET\r\n$5\r\nbig\(number)\r\n$\(1 << 20)\r\n\(value)\r\n")
                        #expect(try await client.next().map { text($0) } == "+OK")
                    }
                    try await Task.sleep(for: .milliseconds(200))
                    let after = try #require(try await client.info("memory")["used_memory"].flatMap { Int($0) })
                    growth = after - used
                }
                #expect(growth > 48 << 20)

                _ = try await client.run("FLUSHALL")
                _ = try await client.run("SET a v PX 100000")
                _ = try await client.run("SET b v PX 300000")
                _ = try await client.run("SET c v")
                let database = try await client.info("keyspace")["db0"] ?? ""
                #expect(database.hasPrefix("keys=3,expires=2,avg_ttl=") && database.hasSuffix(",subexpiry=0"))
                let ttl = try #require(Int(database.dropFirst(25).prefix { $0 != "," }))
                #expect(150_000...200_000 ~= ttl)
                _ = try await client.run("PERSIST b")
                _ = try await client.run("DEL a")
                #expect(try await client.info("keyspace")["db0"] == "keys=2,expires=0,avg_ttl=0,subexpiry=0")
            }
        }
    }

    @Test func codesAreLimited() {
        var statistics = CommandStatistics()
        for number in 0..<CommandStatistics.maximumCodes + 5 {
            statistics.fail(nil, Array("-CODE\(number) text\r\n".utf8)[...])
        }
        statistics.fail(nil, Array("-CODE1 text\r\n".utf8)[...])
        #expect(statistics.errors.count == CommandStatistics.maximumCodes + 1)
        #expect(statistics.errors[CommandStatistics.overflowCode] == 5)
        #expect(statistics.errors["CODE1"] == 2)
        #expect(statistics.errorCount == UInt64(CommandStatistics.maximumCodes) + 6)
    }

    @Test func latencies() {
        var histogram = LatencyHistogram()
        #expect(histogram.nanoseconds(percentile: 50) == 0 && histogram.microseconds.isEmpty)
        for _ in 0..<99 { histogram.note(8000) }
        histogram.note(.max)
        #expect(histogram.total == 100)
        #expect(8000...9000 ~= histogram.nanoseconds(percentile: 50))
        #expect(8000...9000 ~= histogram.nanoseconds(percentile: 99))
        #expect(histogram.nanoseconds(percentile: 99.9) == 1 << 40 - 1)
        #expect(histogram.microseconds.map(\.limit) == [8, 1_108_101_562])
        #expect(histogram.microseconds.map(\.count) == [99, 100])
        // No figure is below what was noted, nor an eighth above it.
        var value: UInt64 = 0
        while value < 1 << 39 {
            var one = LatencyHistogram()
            one.note(value)
            let told = one.nanoseconds(percentile: 50)
            #expect(told >= value && told - value <= value / 8, "\(value)")
            value += value / 7 + 1
        }
    }
}

extension RawClient {
    /// A section of INFO.
    fileprivate func info(_ section: String) async throws -> [String: String] {
        var lines: [String: String] = [:]
        for line in try await run("INFO " + section).split(separator: "\r\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            lines[String(line[..<colon])] = String(line[line.index(after: colon)...])
        }
        return lines
    }
}
