// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletProcesses
import MartletRESPClient
import MartletRedisServer
import MartletTestPrograms
import Testing

/// Programs of others, as their users start them.
@Suite(.timeLimit(.minutes(30))) struct RealClientTests {
    @Test(.enabled(if: RedisPrograms.hasTools), arguments: TestEngine.allCases)
    func redisCLI(engine: TestEngine) async throws {
        let cli = try #require(RedisPrograms.path("redis-cli"))
        try await withServer(on: engine) { _, port in
            func run(_ words: String...) async throws -> String {
                try await output(of: cli, ["-p", "\(port)"] + words)
            }
            #expect(try await run("SET", "k", "v") == "OK")
            #expect(try await run("-n", "3", "DBSIZE") == "0")
            #expect(try await run("-3", "XADD", "s", "1-0", "f", "v") == "1-0")
            #expect(try await run("-3", "XREAD", "STREAMS", "s", "0").contains("1-0"))
            #expect(try await run("INFO").contains("redis_version:8.8.0"))
            #expect(try await run("CONFIG", "RESETSTAT") == "OK")
            #expect(try await run("SADD", "s", "x").hasPrefix("WRONGTYPE"))
            #expect(try await run("INFO", "commandstats").contains("cmdstat_sadd:calls=1,usec="))
            #expect(try await run("INFO", "errorstats").contains("errorstat_WRONGTYPE:count=1"))
            // With a pipe for input it asks for the commands first, as it does when somebody types.
            let typed = try await output(
                of: "/bin/sh", ["-c", "printf 'XLEN s\\nXINFO STREAM s\\n' | \(cli) -p \(port)"])
            #expect(typed.hasPrefix("1\n") && typed.contains("last-generated-id"))
            let piped = try await output(
                of: "/bin/sh",
                ["-c", "for n in $(seq 5000); do printf 'XADD p * n %d\\r\\n' $n; done | \(cli) -p \(port) --pipe"])
            #expect(piped.contains("errors: 0, replies: 5000"))
            #expect(try await run("XLEN", "p") == "5000")
        }
    }

    @Test(.enabled(if: RedisPrograms.hasTools), arguments: TestEngine.allCases)
    func redisBenchmark(engine: TestEngine) async throws {
        let benchmark = try #require(RedisPrograms.path("redis-benchmark"))
        try await withServer(on: engine) { _, port in
            let text = try await output(
                of: benchmark,
                ["-p", "\(port)", "-c", "20", "-n", "4000", "-P", "16", "-q", "XADD", "s", "*", "field", "value"])
            #expect(text.contains("requests per second"))
            let inline = try await output(
                of: benchmark, ["-p", "\(port)", "-n", "500", "-q", "-t", "ping,set,get,lpush"])
            #expect(inline.contains("PING_INLINE") && !inline.contains("Error"))
            try await RawClient.with(port: port) { (client) async throws in
                #expect(try await client.run("XLEN s") == ":4000")
            }
        }
    }

    @Test(.enabled(if: RedisPrograms.hasPython), arguments: TestEngine.allCases)
    func redisPy(engine: TestEngine) async throws {
        let python = try #require(RedisPrograms.python)
        try await withServer(on: engine) { _, port in
            let text = try await output(of: python, [RedisPrograms.script("redis_client.py"), "\(port)"])
            #expect(text == "RESP2: ok\nRESP3: ok")
        }
    }

    /// The same random commands, answered by the original; MARTLET_SEED draws others.
    @Test(.enabled(if: RedisPrograms.hasServer), arguments: RedisPrograms.seeds, TestEngine.allCases)
    func answersAsTheOriginal(seed: Int, engine: TestEngine) async throws {
        try await besideTheOriginal(
            on: engine, running: ["redis_parity.py", "--seed", "\(seed)", "--commands", "5000"])
    }

    /// Keys carried from the original and to it, as payloads of DUMP.
    @Test(.enabled(if: RedisPrograms.hasServer), arguments: [6, 7], TestEngine.allCases)
    func restoresWhatTheOriginalDumps(seed: Int, engine: TestEngine) async throws {
        try await besideTheOriginal(on: engine, running: ["redis_dump.py", "--seed", "\(seed)"])
    }

    /// Users of the same rules may do the same.
    @Test(.enabled(if: RedisPrograms.hasServer), arguments: [6, 7])
    func usersMayWhatTheOriginalsMay(seed: Int) async throws {
        try await besideTheOriginal(on: .memory, running: ["redis_access.py", "--seed", "\(seed)"])
    }

    /// Runs a script that is told the ports of the original and of a server of ours.
    private func besideTheOriginal(on engine: TestEngine, running script: [String]) async throws {
        let program = try #require(RedisPrograms.path("redis-server"))
        let python = try #require(RedisPrograms.path("python3"))
        let port = try freePort()
        let folder = try TemporaryFolder()
        let original = try ChildProcess.start(
            program, ["--port", "\(port)", "--save", "", "--dir", folder.path, "--bind", "127.0.0.1"],
            environment: ProcessInfo.processInfo.environment, errorFile: "/dev/null", onLine: { _ in },
            onExit: { _ in })
        defer { original.send(SIGKILL) }
        try await withServer(on: engine) { _, ours in
            for _ in 0..<5_000 {
                if (try? await RawClient.with(port: port, { _ = try await $0.run("PING") })) != nil { break }
                try await Task.sleep(for: .milliseconds(20))
            }
            let finished = try await run(
                python, [RedisPrograms.script(script[0])] + script.dropFirst() + ["\(port)", "\(ours)"])
            #expect(finished.isSuccess, "\(finished.output)")
        }
    }
}
