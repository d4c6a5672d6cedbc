// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPClient
import MartletRESPCodec
import MartletRedisServer
import MartletTestPrograms
import Testing

/// SLOWLOG and LATENCY. Replies are those of Redis 7.0.15 for the same commands, but for times, and
/// that there commands that begin to wait leave no note.
@Suite(.timeLimit(.minutes(30))) struct SlowCommandTests {
    private func words(_ words: String...) -> [String] {
        let arguments = Arguments(words.map { Array($0.utf8) })
        let kept = SlowLog.words(arguments, CommandTable.shared.named(arguments))
        return kept.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func longCommandsAreCut() {
        let many = ["del"] + (1...40).map { "\($0)" }
        let arguments = Arguments(many.map { Array($0.utf8) })
        let cut = SlowLog.words(arguments, nil).map { String(decoding: $0, as: UTF8.self) }
        #expect(cut == many.prefix(31) + ["... (10 more arguments)"])
        let whole = Arguments(many.prefix(32).map { Array($0.utf8) })
        #expect(SlowLog.words(whole, nil).count == 32)
        let long = String(repeating: "x", count: 128)
        #expect(words("SET", "k", long) == ["SET", "k", long])
        #expect(words("SET", "k", long + "yz") == ["SET", "k", long + "... (2 more bytes)"])
    }

    @Test func passwordsAreHidden() {
        let hidden = "(redacted)"
        #expect(words("AUTH", "a", "b") == ["AUTH", hidden, hidden])
        #expect(
            words("hello", "2", "setname", "x", "auth", "u", "p")
                == ["hello", "2", "setname", "x", "auth", hidden, hidden])
        #expect(
            words("HELLO", "3", "SETNAME", "auth", "AUTH", "u", "p")
                == ["HELLO", "3", "SETNAME", "auth", hidden, hidden, hidden])
        #expect(words("HELLO", "3", "AUTH") == ["HELLO", "3", "AUTH"])
        #expect(words("HELLO") == ["HELLO"])
        #expect(words("ACL", "SETUSER", "u", ">p") == ["ACL", "SETUSER", hidden, hidden])
        #expect(words("ACL", "GETUSER", "u") == ["ACL", "GETUSER", "u"])
    }

    @Test func theLatestAreKept() {
        var log = SlowLog(keeping: 3)
        func note(_ time: Int64) {
            log.note(SlowLog.Entry(time: time, microseconds: 1, words: [], address: "", name: []))
        }
        for time in 0..<10 { note(Int64(time)) }
        #expect(log.entries.map(\.time) == [9, 8, 7])
        #expect(log.entries.map(\.id) == [9, 8, 7])
        log.keep(1)
        #expect(log.entries.map(\.id) == [9])
        log.keep(5)
        #expect(log.entries.map(\.id) == [9])
        note(10)
        #expect(log.entries.map(\.id) == [10, 9])
        log.removeAll()
        #expect(log.entries.isEmpty)
        log.keep(0)
        note(11)
        #expect(log.entries.isEmpty)
    }

    /// However many may be kept, all of them together have a limit: the oldest go.
    @Test func allTogetherAreBounded() {
        var log = SlowLog(keeping: 65_536)
        let word = [UInt8](repeating: 120, count: SlowLog.maximumWordBytes)
        let words = [[UInt8]](repeating: word, count: SlowLog.maximumWords)
        func note(_ words: [[UInt8]]) {
            log.note(SlowLog.Entry(time: 0, microseconds: 1, words: words, address: "10.0.0.1:7", name: []))
        }
        for _ in 0..<20_000 { note(words) }
        let count = log.entries.count
        #expect(log.entries.first?.id == 19_999 && log.entries.last?.id == Int64(20_000 - count))
        let bytes = log.entries.reduce(0) { $0 + $1.words.reduce(0) { $0 + $1.count } }
        #expect(bytes <= SlowLog.maximumBytes && bytes > SlowLog.maximumBytes / 2)
        // Short ones have room for more.
        for _ in 0..<20_000 { note([]) }
        #expect(log.entries.count > 20_000)
        log.keep(3)
        #expect(log.entries.map(\.id) == [39_999, 39_998, 39_997])
    }

    @Test func latenciesAreKeptByTheSecond() {
        var monitor = LatencyMonitor()
        #expect(monitor.known.isEmpty)
        monitor.note(.fastCommand, 9, at: 100)
        monitor.note(.command, 3, at: 100)
        monitor.note(.command, 8, at: 100)
        monitor.note(.command, 5, at: 101)
        #expect(monitor.known.map(\.event) == [.command, .fastCommand])
        let series = monitor.series[.command]
        #expect(series?.samples == [.init(time: 100, milliseconds: 8), .init(time: 101, milliseconds: 5)])
        #expect(series?.highest == 8 && series?.count == 3)
        for time in 0..<200 { monitor.note(.command, 1, at: 200 + Int64(time)) }
        #expect(monitor.series[.command]?.samples.count == LatencyMonitor.maximumSamples)
        #expect(monitor.series[.command]?.samples.first?.time == 240)
        #expect(monitor.series[.command]?.highest == 8)
        let isReset = monitor.reset(.command)
        let isResetAgain = monitor.reset(.command)
        #expect(isReset && !isResetAgain)
        #expect(monitor.known.map(\.event) == [.fastCommand])
    }

    @Test(arguments: TestEngine.allCases) func slowCommandsAreTold(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                #expect(try await client.run("SLOWLOG GET -2") == "-ERR count should be greater than or equal to -1")
                #expect(try await client.run("SLOWLOG GET x") == "-ERR count should be greater than or equal to -1")
                #expect(
                    try await client.run("SLOWLOG GET 1 2")
                        == "-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.")
                #expect(try await client.run("CLIENT SETNAME bob") == "+OK")
                #expect(try await client.run("CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 100") == "+OK")
                #expect(try await client.run("SLOWLOG RESET") == "+OK")
                // By itself, of a pipeline, of a transaction, and refused, which leaves nothing.
                #expect(try await client.run("SET k v") == "+OK")
                try await client.send("GET k\r\nINCR k\r\nMULTI\r\nLPUSH l x\r\nPING\r\nEXEC\r\nnope\r\nGET\r\n")
                for _ in 0..<8 { _ = try await client.next() }
                #expect(try await client.run("AUTH u secret").hasPrefix("-WRONGPASS"))
                // Of a transaction that isn't carried out what led to it is told alone.
                try await client.send("WATCH k\r\nSET k w\r\nMULTI\r\nLPUSH l y\r\nEXEC\r\n")
                for _ in 0..<5 { _ = try await client.next() }
                #expect(try await client.run("BLPOP none 0.02") == "null")
                let told = try await entries(client, "SLOWLOG GET -1")
                let expected = [
                    "SLOWLOG RESET", "SET k v", "GET k", "INCR k", "MULTI", "LPUSH l x", "PING",
                    "AUTH (redacted) (redacted)", "WATCH k", "SET k w", "MULTI", "BLPOP none 0.02",
                ]
                #expect(told.reversed().map(\.words) == expected)
                #expect(told.map(\.id) == told.indices.map { told[0].id - Int64($0) })
                let address = try await client.run("CLIENT INFO").split(separator: " ")
                    .first { $0.hasPrefix("addr=") }?.dropFirst(5)
                #expect(told.allSatisfy { $0.address == address ?? "" && $0.name == "bob" && $0.microseconds >= 0 })

                #expect(try await client.run("CONFIG SET slowlog-log-slower-than 1000000000") == "+OK")
                let count = try await client.run("SLOWLOG LEN")
                #expect(try await client.run("SLOWLOG LEN") == count)
                #expect(try await entries(client, "SLOWLOG GET").count == 10)
                #expect(try await client.run("SLOWLOG GET 0") == "[]")
                #expect(try await client.run("CONFIG SET slowlog-max-len 2") == "+OK")
                #expect(try await client.run("SLOWLOG LEN") == ":2")
                #expect(try await client.run("SLOWLOG RESET") == "+OK")
                #expect(try await client.run("SLOWLOG LEN") == ":0")
                #expect(try await client.run("CONFIG SET slowlog-log-slower-than -1") == "+OK")
                #expect(try await client.run("KEYS *").hasPrefix("["))
                #expect(try await client.run("SLOWLOG LEN") == ":0")
            }
        }
    }

    private struct Told {
        var id: Int64
        var microseconds: Int64
        var words: String
        var address: String
        var name: String
    }

    private func entries(_ client: RawClient, _ line: String) async throws -> [Told] {
        try await client.send(line + "\r\n")
        guard case .array(let rows) = try #require(try await client.next()) else { return [] }
        return rows.compactMap { row in
            guard case .array(let fields) = row, fields.count == 6, case .integer(let id) = fields[0],
                case .integer(let microseconds) = fields[2], case .array(let words) = fields[3]
            else { return nil }
            return Told(
                id: id, microseconds: microseconds, words: words.map { text($0) }.joined(separator: " "),
                address: text(fields[4]), name: text(fields[5]))
        }
    }

    /// Of a command that is slow for certain: it reads much.
    @Test(arguments: TestEngine.allCases) func latenciesAreTold(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                #expect(try await client.run("LATENCY LATEST") == "[]")
                #expect(try await client.run("LATENCY HISTORY command") == "[]")
                #expect(
                    try await client.run("LATENCY GRAPH command") == "-ERR No samples available for event 'command'")
                #expect(try await client.run("LATENCY RESET") == ":0")
                #expect(try await client.run("LATENCY DOCTOR").contains("latency-monitor-threshold"))
                #expect(try await client.run("CONFIG SET latency-monitor-threshold 1") == "+OK")
                for number in 0..<500 {
                    let pairs = (0..<100).map { "key:\(number):\($0) v" }.joined(separator: " ")
                    _ = try await client.run("MSET \(pairs)")
                }
                while try await client.run("LATENCY HISTORY command") == "[]" {
                    _ = try await client.run("KEYS *e*y*:*1*2*of*this*kind*")
                }
                let latest = try await client.run("LATENCY LATEST")
                #expect(latest.contains("[command, :"))
                #expect(try await client.run("LATENCY GRAPH command").contains(" ms, "))
                #expect(try await client.run("LATENCY DOCTOR").hasPrefix("command: "))
                #expect(try await client.run("CONFIG SET latency-monitor-threshold 0") == "+OK")
                #expect(try await client.run("LATENCY RESET command nope") == ":1")
                #expect(try await client.run("LATENCY HISTORY command") == "[]")
            }
        }
    }
}
