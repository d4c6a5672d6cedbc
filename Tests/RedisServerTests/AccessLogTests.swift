// SPDX-License-Identifier: Apache-2.0

import MartletRESPClient
import MartletRedisServer
import MartletTestPrograms
import Testing

@Suite(.timeLimit(.minutes(30))) struct AccessLogTests {
    @Test(arguments: TestEngine.allCases) func refusalsAreKept(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { admin in
                #expect(try await admin.run("ACL SETUSER al on >pw ~k* +get +set +multi +exec +client|info") == "+OK")
                #expect(try await admin.run("ACL GENPASS 5").count == 2)
                #expect(try await admin.run("ACL GENPASS").count == 64)
                #expect(try await admin.run("ACL GENPASS 0").hasPrefix("-ERR ACL GENPASS argument must be"))
                try await RawClient.with(port: port) { client in
                    #expect(try await client.run("AUTH al no").hasPrefix("-WRONGPASS"))
                    #expect(try await client.run("AUTH al pw") == "+OK")
                    #expect(try await client.run("CLIENT INFO").contains("user=al"))
                    let denied = "-NOPERM No permissions to access a key"
                    for _ in 0..<3 { #expect(try await client.run("GET x") == denied) }
                    #expect(try await client.run("DEL k").contains("has no permissions to run the 'del' command"))
                    // Many at once, some of which are refused, are answered in order.
                    try await client.send("SET k1 1\r\nGET k1\r\nGET x\r\nSET k1 2\r\nDEL k1\r\nGET k1\r\n")
                    var replies: [String] = []
                    for _ in 0..<6 { replies.append(try await client.next().map { text($0) } ?? "") }
                    #expect(replies[0] == "+OK" && replies[1] == "1" && replies[2] == denied && replies[3] == "+OK")
                    #expect(replies[4].hasPrefix("-NOPERM User al") && replies[5] == "2")
                    #expect(try await client.run("MULTI") == "+OK")
                    #expect(try await client.run("GET x") == denied)
                    let log = try await admin.run("ACL LOG")
                    #expect(log.contains("reason, key, context, multi, object, x, username, al"))
                    #expect(log.contains("count, :4, reason, key, context, toplevel, object, x, username, al"))
                    #expect(log.contains("reason, command, context, toplevel, object, del"))
                    #expect(log.contains("reason, auth, context, toplevel, object, auth, username, al"))
                    #expect(try await admin.run("ACL LOG 1").contains("context, multi"))
                    #expect(try await admin.run("ACL LOG RESET") == "+OK")
                    #expect(try await admin.run("ACL LOG") == "[]")
                    // Whose user is removed is sent away.
                    #expect(try await admin.run("ACL DELUSER al") == ":1")
                    #expect(try await client.next() == nil)
                }
            }
        }
    }

    /// As in Redis: whoever may not hear any more what they listen to is sent away, others stay.
    @Test(arguments: TestEngine.allCases) func listenersWithoutTheRightAreSentAway(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { admin in
                #expect(try await admin.run("ACL SETUSER al on >pw +@all &news* (+@all &sport)") == "+OK")
                try await RawClient.with(port: port) { patient in
                    #expect(try await patient.run("AUTH al pw") == "+OK")
                    _ = try await patient.run("SUBSCRIBE sport")
                    try await RawClient.with(port: port) { (client) async throws in
                        #expect(try await client.run("AUTH al pw") == "+OK")
                        _ = try await client.run("SUBSCRIBE news1")
                        _ = try await client.run("PSUBSCRIBE news*")
                        #expect(try await admin.run("ACL SETUSER al &more") == "+OK")
                        #expect(try await admin.run("PUBLISH news1 a") == ":2")
                        _ = try await (client.next(), client.next())
                        #expect(try await admin.run("ACL SETUSER al resetchannels &news1") == "+OK")
                        #expect(try await client.next() == nil)
                    }
                    #expect(try await admin.run("PUBLISH sport a") == ":1")
                    #expect(try await patient.next() != nil)
                }
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func theServersPassword(engine: TestEngine) async throws {
        var configuration = RedisServerConfiguration()
        configuration.password = Array("secret".utf8)
        try await withServer(configuration, on: engine) { _, port in
            try await RawClient.with(port: port) { (client) async throws in
                #expect(try await client.run("GET k") == "-NOAUTH Authentication required.")
                #expect(try await client.run("AUTH wrong").hasPrefix("-WRONGPASS"))
                #expect(try await client.run("AUTH secret") == "+OK")
                #expect(try await client.run("ACL LIST") == "[user default on ~* &* +@all]")
                #expect(try await client.run("ACL SETUSER bo on >pw +@all") == "+OK")
            }
            try await RawClient.with(port: port) { (client) async throws in
                #expect(try await client.run("AUTH bo pw") == "+OK")
                #expect(try await client.run("ACL WHOAMI") == "bo")
                #expect(try await client.run("RESET") == "+RESET")
                #expect(try await client.run("GET k") == "-NOAUTH Authentication required.")
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func debugging(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { (client) async throws in
                #expect(try await client.run("DEBUG SLEEP 0").hasPrefix("-ERR DEBUG command not allowed."))
            }
        }
        var configuration = RedisServerConfiguration()
        configuration.allowsDebugging = true
        try await withServer(configuration, on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                let clock = ContinuousClock()
                let begin = clock.now
                try await client.send("DEBUG SLEEP 0.2\r\nPING\r\n")
                try await RawClient.with(port: port) { (other) async throws in
                    #expect(try await other.run("SET k v") == "+OK")
                }
                #expect(try await client.next().map { text($0) } == "+OK")
                #expect(clock.now - begin >= .milliseconds(190))
                #expect(try await client.next().map { text($0) } == "+PONG")
                #expect(try await client.run("DEBUG RELOAD") == "+OK")
                #expect(try await client.run("DEBUG OBJECT k").contains("encoding:embstr"))
                #expect(try await client.run("DEBUG OBJECT nope") == "-ERR no such key")
                #expect(try await client.run("DEBUG SLEEP x") == "-ERR value is not a valid float")
                #expect(try await client.run("MEMORY STATS").contains("keys.count, :1"))
            }
        }
    }
}
