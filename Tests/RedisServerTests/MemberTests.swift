// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletNode
import MartletRESPClient
import MartletRedisServer
import MartletTestPrograms
import Testing

/// What a log adds: state that outlives the process.
@Suite(.timeLimit(.minutes(30))) struct MemberTests {
    @Test func comesBack() async throws {
        let folder = try TemporaryFolder()
        try await withMember(in: folder.path) { _, port in
            try await RawClient.with(port: port) { client in
                for number in 1...500 { try await client.send("XADD s \(number)-0 n \(number)\r\n") }
                for number in 1...500 { #expect(try await client.next().map { text($0) } == "\(number)-0") }
                #expect(try await client.run("XGROUP CREATE s g 0") == "+OK")
                _ = try await client.run("XREADGROUP GROUP g a COUNT 10 STREAMS s >")
                #expect(try await client.run("XACK s g 1-0 2-0 3-0") == ":3")
                #expect(try await client.run("MULTI") == "+OK")
                try await client.send("SET k v\r\nPING\r\nXDEL s 500-0\r\nEXEC\r\n")
                for reply in ["+QUEUED", "+QUEUED", "+QUEUED", "[+OK, +PONG, :1]"] {
                    #expect(try await client.next().map { text($0) } == reply)
                }
            }
        }
        // Once from the log, then from a checkpoint too.
        for turn in 0..<2 {
            try await withMember(in: folder.path) { _, port in
                try await RawClient.with(port: port) { client in
                    #expect(try await client.run("XLEN s") == ":\(499 + turn)")
                    #expect(try await client.run("XPENDING s g") == "[:7, 4-0, 10-0, [[a, 7]]]")
                    #expect(try await client.run("GET k") == "v")
                    #expect(try await client.run("XADD s 10\(turn)00-0 f v") == "10\(turn)00-0")
                    // Longer than checkpoints are apart.
                    if turn == 0 { try await Task.sleep(for: .milliseconds(1500)) }
                }
            }
        }
    }

    @Test func aLoneMemberSaysWhoHasAll() async throws {
        try await withServer(on: .member) { _, port in
            try await RawClient.with(port: port) { client in
                #expect(try await client.run("XADD s 1-0 f v") == "1-0")
                #expect(try await client.run("WAIT 1 0") == ":0")
                #expect(try await client.run("WAIT x 0") == "-ERR value is not an integer or out of range")
                #expect(try await client.run("WAIT 0 x") == "-ERR timeout is not an integer or out of range")
                #expect(try await client.run("WAIT 0 -1") == "-ERR timeout is negative")
                #expect(try await client.run("WAITAOF 1 0 0") == "[:1, :0]")
                let role = try await client.run("ROLE")
                #expect(role.hasPrefix("[master, :"))
            }
        }
    }

    @Test func deliversToWhoWaits() async throws {
        try await withServer(on: .member) { _, port in
            try await RawClient.with(port: port) { producer in
                #expect(try await producer.run("XGROUP CREATE s g $ MKSTREAM") == "+OK")
                try await RawClient.with(port: port) { consumer in
                    for number in 1...100 {
                        try await consumer.send("XREADGROUP GROUP g a COUNT 1 BLOCK 0 STREAMS s >\r\nPING\r\n")
                        #expect(try await producer.run("XADD s \(number)-0 f v") == "\(number)-0")
                        #expect(try await consumer.next().map { text($0) } == "[[s, [[\(number)-0, [f, v]]]]]")
                        #expect(try await consumer.next().map { text($0) } == "+PONG")
                    }
                }
                #expect(try await producer.run("XPENDING s g") == "[:100, 1-0, 100-0, [[a, 100]]]")
                #expect(try await producer.run("XREAD BLOCK 20 STREAMS s $") == "null")
                #expect(try await producer.run("SET e 1 PX 20") == "+OK")
                // Taken away by itself, not by being looked at.
                while try await producer.run("DBSIZE") != ":1" { try await Task.sleep(for: .milliseconds(5)) }
            }
        }
    }

    /// A stream of some megabytes in a member that keeps a tenth of it in memory: all that it holds can be asked for,
    /// changed and consumed, before and after a restart.
    @Test func streamsAreLargerThanMemory() async throws {
        let folder = try TemporaryFolder()
        let value = String(repeating: "v", count: 400)
        let count = 10_000
        try await withMember(in: folder.path, streamMemoryBytes: 400_000) { _, port in
            try await RawClient.with(port: port) { client in
                for number in 1...count { try await client.send("XADD s \(number)-0 f \(value)\r\n") }
                for number in 1...count { #expect(try await client.next().map { text($0) } == "\(number)-0") }
                while try await client.number("martlet_stream_blocks_evicted") < 500 {
                    try await client.send("XADD t * f v\r\n")
                    _ = try await client.next()
                    try await Task.sleep(for: .milliseconds(20))
                }
                #expect(try await client.number("martlet_stream_memory") == 400_000)
                #expect(try await client.number("martlet_stream_memory_used") <= 500_000)
                try await Self.consume(client, count, value)
            }
        }
        try await withMember(in: folder.path, streamMemoryBytes: 400_000) { _, port in
            try await RawClient.with(port: port) { client in
                #expect(try await client.run("XLEN s") == ":\(count - 100)")
                #expect(try await client.number("martlet_stream_memory_used") <= 500_000)
                #expect(try await client.run("XRANGE s 4242-0 4242-0") == "[[4242-0, [f, \(value)]]]")
                try await Self.readThrough(client, count, value)
            }
        }
        // What a start reads in the place of blocks says what they are.
        var findings: [CheckFinding] = []
        DataFolder(path: folder.path + "/data").check { news in
            if case .found(let finding) = news, finding.kind != .note { findings.append(finding) }
        }
        #expect(findings.isEmpty, "\(findings)")
    }

    private static func consume(_ client: RawClient, _ count: Int, _ value: String) async throws {
        try await readThrough(client, count, value)
        // Changes of what has left, each with a neighbour's read behind it.
        for number in stride(from: 50, to: count, by: 100) {
            try await client.send("XDEL s \(number)-0\r\nXRANGE s \(number)-0 + COUNT 1\r\n")
        }
        for number in stride(from: 50, to: count, by: 100) {
            #expect(try await client.next().map { text($0) } == ":1")
            #expect(try await client.next().map { text($0) } == "[[\(number + 1)-0, [f, \(value)]]]")
        }
        #expect(try await client.run("XGROUP CREATE s g 2000") == "+OK")
        let read = try await client.run("XREADGROUP GROUP g c COUNT 3 STREAMS s >")
        #expect(read == "[[s, [\((2001...2003).map { "[\($0)-0, [f, \(value)]]" }.joined(separator: ", "))]]]")
        #expect(try await client.run("XCLAIM s g d 0 2002-0 JUSTID") == "[2002-0]")
        #expect(try await client.run("XPENDING s g") == "[:3, 2001-0, 2003-0, [[c, 2], [d, 1]]]")
    }

    /// In pages, and at once.
    private static func readThrough(_ client: RawClient, _ count: Int, _ value: String) async throws {
        let length = try await client.run("XLEN s")
        var next = 0
        var pages = 0
        while next < count {
            let page = try await client.run("XRANGE s (\(next)-0 + COUNT 1000")
            let last = page.components(separatedBy: "-0, [f").dropLast().last?.split(separator: "[").last
            next = try #require(last.flatMap { Int($0) })
            pages += 1
        }
        #expect(pages >= 10)
        let whole = try await client.run("XREVRANGE s + -")
        #expect(":\(whole.components(separatedBy: value).count - 1)" == length)
    }
}

extension RawClient {
    /// A line of INFO.
    fileprivate func number(_ name: String) async throws -> Int {
        let info = try await run("INFO memory")
        let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix(name + ":") }
        return try #require(line.flatMap { Int($0.dropFirst(name.count + 1)) })
    }
}
