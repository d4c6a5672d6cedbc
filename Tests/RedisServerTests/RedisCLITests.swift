// SPDX-License-Identifier: Apache-2.0

import MartletProcesses
import MartletRESPClient
import MartletRedisServer
import MartletTestPrograms
import Testing

/// What redis-cli has beside single commands.
@Suite(.enabled(if: RedisPrograms.hasTools), .timeLimit(.minutes(30))) struct RedisCLITests {
    /// Three streams, of which the second is the longest, and two strings.
    private func withKeys(
        on engine: TestEngine, _ body: @escaping @Sendable (_ cli: String) async throws -> Void
    ) async throws {
        let cli = try #require(RedisPrograms.path("redis-cli"))
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                for line in ["XADD s1 1-0 f v", "XADD s3 1-0 f v", "SET k1 v", "SET k2 vv"] {
                    _ = try await client.run(line)
                }
                for number in 1...500 { try await client.send("XADD s2 \(number)-0 name value\r\n") }
                for _ in 1...500 { _ = try await client.next() }
            }
            try await body("\(cli) -p \(port)")
        }
    }

    private func shell(_ line: String) async throws -> String { try await output(of: "/bin/sh", ["-c", line]) }

    @Test(arguments: TestEngine.allCases) func stat(engine: TestEngine) async throws {
        try await withKeys(on: engine) { cli in
            // It goes on until nobody reads any more.
            let lines = try await shell("\(cli) --stat -i 0.05 | head -n 5").split(separator: "\n")
            #expect(lines.count == 5 && lines.first?.contains("data") == true)
            let columns = lines.dropFirst(2).map { $0.split(separator: " ").map { String($0) } }
            // Keys, memory, clients, those blocked, requests.
            #expect(columns.allSatisfy { $0.first == "5" && $0.count >= 6 && Int($0[2]) ?? 0 >= 1 && $0[3] == "0" })
            let requests = columns.compactMap { Int($0[4]) }
            #expect(requests == requests.sorted() && requests.first != requests.last)
        }
    }

    @Test(arguments: TestEngine.allCases) func latency(engine: TestEngine) async throws {
        try await withKeys(on: engine) { cli in
            // Least, most and mean milliseconds, and of how many.
            let numbers = try await shell("\(cli) --latency -i 0.3").split(separator: " ").compactMap { Double($0) }
            try #require(numbers.count == 4)
            #expect(numbers[0] <= numbers[2] && numbers[2] <= numbers[1] && numbers[3] >= 1)
        }
    }

    @Test(arguments: TestEngine.allCases) func memkeysAndBigkeys(engine: TestEngine) async throws {
        try await withKeys(on: engine) { cli in
            for (option, found) in [
                ("--memkeys", "Biggest stream found '\"s2\"' has "),
                ("--memkeys --memkeys-samples 0", "3 streams with "),
                ("--bigkeys", "Biggest stream found '\"s2\"' has 500 entries"),
            ] {
                let text = try await shell("\(cli) \(option)")
                #expect(text.contains("Sampled 5 keys in the keyspace!") && text.contains(found), "\(option): \(text)")
                #expect(text.contains("2 strings with "))
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func scan(engine: TestEngine) async throws {
        try await withKeys(on: engine) { cli in
            let all = try await shell("\(cli) --scan").split(separator: "\n").sorted()
            #expect(all == ["k1", "k2", "s1", "s2", "s3"])
            let some = try await shell("\(cli) --scan --pattern 's[12]'").split(separator: "\n").sorted()
            #expect(some == ["s1", "s2"])
        }
    }

    /// Errors are counted, and the replies behind them found; its status says that there were some.
    @Test(arguments: TestEngine.allCases) func pipe(engine: TestEngine) async throws {
        try await withKeys(on: engine) { cli in
            let requests = "SET k v\\r\\nINCR k\\r\\nXADD s1 * f v\\r\\n"
            let text = try await shell("printf '\(requests)' | \(cli) --pipe 2>&1 || true")
            #expect(text.contains("errors: 1, replies: 3"), "\(text)")
            #expect(try await shell("\(cli) XLEN s1") == "2")
        }
    }

    #if os(Linux)
    /// At a terminal it asks for the commands first, helps with them, and shows that a transaction is open.
    @Test(.enabled(if: RedisPrograms.path("script") != nil), arguments: TestEngine.allCases)
    func terminal(engine: TestEngine) async throws {
        let script = try #require(RedisPrograms.path("script"))
        try await withKeys(on: engine) { cli in
            let typed = "XLEN s2\\nHELP XADD\\nMULTI\\nXLEN s1\\nEXEC\\nSELECT 3\\nDBSIZE\\nquit\\n"
            // Of a terminal that can do little nothing is asked, which nobody would answer.
            let text = try await shell("printf '\(typed)' | TERM=dumb \(script) -qec '\(cli)' /dev/null")
            for shown in [
                "> (integer) 500", "Appends an entry to a stream.", "(TX)> QUEUED", "> 1) (integer) 1",
                "[3]> (integer) 0",
            ] {
                #expect(text.contains(shown), "\(shown): \(text)")
            }
        }
    }
    #endif
}
