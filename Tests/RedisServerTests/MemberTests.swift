// SPDX-License-Identifier: Apache-2.0

import MartletRESPClient
import MartletRedisServer
import MartletTestPrograms
import Testing

/// What a log adds: state that outlives the process.
@Suite(.timeLimit(.minutes(2))) struct MemberTests {
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
}
