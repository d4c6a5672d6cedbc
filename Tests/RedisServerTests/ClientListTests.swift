// SPDX-License-Identifier: Apache-2.0

import MartletRESPClient
import MartletRedisServer
import MartletTestPrograms
import Testing

/// CLIENT LIST and CLIENT KILL, and what INFO says of clients. Names and texts are those of Redis.
@Suite(.timeLimit(.minutes(30))) struct ClientListTests {
    private func fields(_ line: String) -> [String: String] {
        var fields: [String: String] = [:]
        for part in line.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            fields[String(pair[0])] = pair.count == 2 ? String(pair[1]) : nil
        }
        return fields
    }

    @Test(arguments: TestEngine.allCases) func clientsAreListed(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                _ = try await client.run("CLIENT SETNAME bob")
                try await RawClient.with(port: port) { other in
                    _ = try await other.run("SUBSCRIBE a b")
                    let subscriber = fields(try await client.run("CLIENT LIST TYPE pubsub"))
                    #expect(subscriber["sub"] == "2" && subscriber["flags"] == "P" && subscriber["name"] == "")
                    let lines = try await client.run("CLIENT LIST").split(separator: "\n")
                    #expect(lines.count == 2)
                    #expect(try await client.run("CLIENT LIST TYPE replica") == "")
                    let both = try await client.run("CLIENT LIST ID 1 2 99").split(separator: "\n")
                    #expect(both.count == 2)
                    // Words of several kinds admit what each of them does.
                    let own = fields(try await client.run("CLIENT INFO"))
                    let (address, local) = (own["addr"] ?? "", own["laddr"] ?? "")
                    for (words, ids) in [
                        ("ADDR \(address)", ["1"]), ("LADDR \(local)", ["1", "2"]), ("USER default", ["1", "2"]),
                        ("SKIPME yes", ["2"]), ("skipme NO type normal", ["1"]), ("MAXAGE 86400", []),
                        ("ID 2 1 TYPE pubsub", ["2"]), ("USER default ID 1 ID 1 2", ["1"]), ("ID 1 ID 2", []),
                        ("ADDR \(address) SKIPME yes", []), ("ADDR nowhere", []),
                    ] {
                        let told = try await client.run("CLIENT LIST \(words)").split(separator: "\n")
                        #expect(told.map { fields(String($0))["id"] ?? "" } == ids, "\(words)")
                    }
                }
                let line = try await client.run("CLIENT INFO")
                let names = line.split(separator: " ").compactMap { $0.split(separator: "=").first.map(String.init) }
                #expect(
                    names == [
                        "id", "addr", "laddr", "fd", "name", "age", "idle", "flags", "db", "sub", "psub", "ssub",
                        "multi", "watch", "qbuf", "qbuf-free", "argv-mem", "multi-mem", "rbs", "rbp", "obl", "oll",
                        "omem", "tot-mem", "events", "cmd", "user", "redir", "resp", "lib-name", "lib-ver",
                        "io-thread", "tot-net-in", "tot-net-out", "tot-cmds",
                    ])
                let own = fields(line)
                #expect(own["name"] == "bob" && own["cmd"] == "client|info" && own["user"] == "default")
                #expect(own["tot-cmds"] == "18" && (own["tot-net-in"].flatMap { Int($0) } ?? 0) > 80)
                #expect((own["tot-net-out"].flatMap { Int($0) } ?? 0) > 300 && own["resp"] == "2")
                // That the other has gone may not be known yet.
                while try await client.run("CLIENT LIST").split(separator: "\n").count > 1 {}
                // Its age grows with the clock, whatever it does.
                while fields(try await client.run("CLIENT INFO"))["age"] == "0" {}

                for (words, reply) in [
                    ("LIST TYPE foo", "-ERR Unknown client type 'foo'"), ("LIST foo", "-ERR syntax error"),
                    ("LIST ID x", "-ERR Invalid client ID"), ("LIST ID 1 x", "-ERR Invalid client ID"),
                    ("LIST ID 1 SKIPME maybe", "-ERR syntax error"), ("LIST USER nope", "-ERR No such user 'nope'"),
                    ("LIST ID 1 TYPE", "-ERR syntax error"), ("KILL ID 1 2 TYPE", "-ERR syntax error"),
                    ("KILL ID x", "-ERR client-id should be greater than 0"),
                    ("KILL foo bar", "-ERR syntax error"), ("KILL TYPE foo", "-ERR Unknown client type 'foo'"),
                    ("KILL SKIPME foo", "-ERR syntax error"), ("KILL USER nope", "-ERR No such user 'nope'"),
                    ("KILL MAXAGE 0", "-ERR maxage is not an integer or out of range"), ("KILL MAXAGE 86400", ":0"),
                    ("KILL TYPE master", ":0"), ("KILL USER default", ":0"),
                ] {
                    #expect(try await client.run("CLIENT " + words) == reply, "\(words)")
                }
            }
        }
    }

    @Test(arguments: TestEngine.allCases) func whoWaitsIsCounted(engine: TestEngine) async throws {
        try await withServer(on: engine) { _, port in
            try await RawClient.with(port: port) { client in
                func counts() async throws -> [String: String] {
                    var counts: [String: String] = [:]
                    for line in try await client.run("INFO clients").split(separator: "\r\n") {
                        let pair = line.split(separator: ":")
                        if pair.count == 2 { counts[String(pair[0])] = String(pair[1]) }
                    }
                    return counts
                }
                _ = try await client.run("XGROUP CREATE s g $ MKSTREAM")
                _ = try await client.run("WATCH a b")
                try await RawClient.with(port: port) { first in
                    try await RawClient.with(port: port) { second in
                        try await first.send("BLPOP l m s2 0\r\n")
                        try await second.send("XREADGROUP GROUP g c BLOCK 0 STREAMS s >\r\n")
                        var told = try await counts()
                        while told["blocked_clients"] != "2" { told = try await counts() }
                        #expect(told["total_blocking_keys"] == "4" && told["total_blocking_keys_on_nokey"] == "1")
                        #expect(told["watching_clients"] == "1" && told["total_watched_keys"] == "2")
                        #expect(told["connected_clients"] == "3")
                    }
                }
                while try await counts()["blocked_clients"] != "0" {}
                #expect(try await counts()["total_blocking_keys"] == "0")
                _ = try await client.run("SUBSCRIBE c")
                _ = try await client.run("UNSUBSCRIBE c")
                #expect(try await client.run("INFO stats").contains("pubsub_channels:0\r\n"))
                #expect(try await client.run("INFO server").contains("run_id:"))
            }
        }
    }
}
