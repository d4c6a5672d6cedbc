// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRESPCodec
import Testing

@Suite struct KeyCommandTests {
    private func check(_ exchanges: [(String, String)], isRESP3: Bool = false) {
        var server = LocalServer()
        for (line, expected) in exchanges {
            let reply = notation(server.run(line, isRESP3: isRESP3))
            #expect(reply == expected, "\(line)")
        }
    }

    @Test func strings() {
        check([
            ("SET k v", "+OK"), ("SET k w NX", "null"), ("SET k w XX GET", "$\"v\""), ("GET k", "$\"w\""),
            ("SET k x NX GET", "$\"w\""), ("SET k v EX 0", "-ERR invalid expire time in 'set' command"),
            ("SET k v EX x", "-ERR value is not an integer or out of range"), ("SET k v NX XX", "-ERR syntax error"),
            ("SET k v EX 10 PX 10", "-ERR syntax error"), ("GETSET k 1", "$\"w\""), ("INCR k", ":2"),
            ("DECRBY k 5", ":-3"), ("INCRBY k x", "-ERR value is not an integer or out of range"),
            ("SET n 9223372036854775807", "+OK"), ("INCR n", "-ERR increment or decrement would overflow"),
            ("APPEND k 45", ":4"), ("STRLEN k", ":4"), ("GETRANGE k 1 -2", "$\"34\""), ("GETRANGE k 5 9", "$\"\""),
            ("MSET a 1 b 2", "+OK"), ("MSET a", "-ERR wrong number of arguments for 'mset' command"),
            ("MSETNX b 1 c 1", ":0"), ("MGET a c b", "*[$\"1\", null, $\"2\"]"), ("GETDEL a", "$\"1\""),
            ("EXISTS a b b", ":2"), ("SETNX b 1", ":0"), ("SETEX e 10 v", "+OK"), ("TTL e", ":10"),
            ("GETEX e PERSIST", "$\"v\""), ("TTL e", ":-1"),
            ("LPUSH k x", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ])
    }

    /// Which of several faults is told. Source: Redis 7.0.15.
    @Test func faultsInTurn() {
        let notInteger = "-ERR value is not an integer or out of range"
        let notPositive = "-ERR value is out of range, must be positive"
        let notNarrow = "-ERR value is out of range, value must between -2147483648 and 2147483647"
        let wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value"
        check([
            ("SET k v", "+OK"), ("RPUSH l a b", ":2"),
            ("SET k v EX x FOO", "-ERR syntax error"), ("SET k v EX x", notInteger),
            ("EXPIRE k x FOO", "-ERR Unsupported option FOO"), ("EXPIRE k x NX", notInteger),
            ("EXPIRE m x", notInteger),
            ("LPOP l x", notPositive), ("RPOP m -1", notPositive), ("LPOP k 99999999999999999999", notPositive),
            ("SPOP m x", notPositive), ("LINDEX m x", "null"), ("LINDEX k x", wrongType), ("LINDEX l x", notInteger),
            ("GETEX m EX x", "null"), ("GETEX m EX 0", "null"), ("GETEX l EX x", wrongType),
            ("GETEX k EX x", notInteger),
            ("GETEX k EX 0", "-ERR invalid expire time in 'getex' command"), ("GETEX m EX 1 PX 1", "-ERR syntax error"),
            ("MOVE k 4294967296", notNarrow), ("COPY k c DB 99999999999", notNarrow), ("MOVE k x", notInteger),
            ("SWAPDB 0 99999999999", "-ERR invalid second DB index"), ("SWAPDB x 99", "-ERR invalid first DB index"),
            ("SWAPDB 0 99", "-ERR DB index is out of range"), ("GET k", "$\"v\""), ("TTL k", ":-1"),
        ])
    }

    @Test func lists() {
        check([
            ("RPUSH l b c", ":2"), ("LPUSH l a", ":3"), ("LRANGE l 0 -1", "*[$\"a\", $\"b\", $\"c\"]"),
            ("LPOP l", "$\"a\""), ("RPOP l 5", "*[$\"c\", $\"b\"]"), ("EXISTS l", ":0"), ("LPOP l", "null"),
            ("LPOP l 1", "*-1"), ("LPUSHX l a", ":0"), ("RPUSH l 1 2 3 2 1", ":5"), ("LREM l -1 2", ":1"),
            ("LRANGE l -3 9", "*[$\"2\", $\"3\", $\"1\"]"), ("LTRIM l 1 2", "+OK"), ("LLEN l", ":2"),
            ("LINDEX l -1", "$\"3\""), ("LMOVE l m LEFT RIGHT", "$\"2\""), ("RPOPLPUSH l l", "$\"3\""),
            ("LMOVE l m RIGHT LEFT", "$\"3\""), ("LRANGE m 0 -1", "*[$\"3\", $\"2\"]"), ("TYPE l", "+none"),
            ("BLPOP x m 0", "*[$\"m\", $\"3\"]"), ("BLPOP m x", "-ERR timeout is not a float or out of range"),
            ("LTRIM m 5 9", "+OK"), ("EXISTS m", ":0"), ("RPUSH l 1 2 3", ":3"), ("BLMOVE l m LEFT RIGHT 0", "$\"1\""),
            ("BRPOPLPUSH l m 1", "$\"3\""), ("LRANGE m 0 -1", "*[$\"3\", $\"1\"]"),
            ("BLMOVE l m LEFT UP 0", "-ERR syntax error"), ("BLMOVE l m LEFT LEFT -1", "-ERR timeout is negative"),
        ])
    }

    @Test func sets() {
        check([
            ("SADD s a b c a", ":3"), ("SCARD s", ":3"), ("SISMEMBER s b", ":1"), ("SMISMEMBER s a x", "*[:1, :0]"),
            ("SREM s a x", ":1"), ("SMEMBERS s", "*[$\"c\", $\"b\"]"), ("SSCAN s 0 COUNT 1", "*[$\"1\", *[$\"b\"]]"),
            ("SSCAN s 1 COUNT 1", "*[$\"0\", *[$\"c\"]]"), ("SREM s b c", ":2"), ("EXISTS s", ":0"),
            ("SADD s 1", ":1"), ("SPOP s 3", "*[$\"1\"]"), ("SPOP s", "null"), ("SRANDMEMBER s 2", "*[]"),
        ])
        check([("SADD s a", ":1"), ("SMEMBERS s", "~[$\"a\"]")], isRESP3: true)
    }

    @Test func names() {
        check([
            ("MSET a 1 b 2 c 3", "+OK"), ("KEYS *", "*[$\"a\", $\"b\", $\"c\"]"), ("DEL a x", ":1"),
            ("SET d 4", "+OK"), ("KEYS *", "*[$\"d\", $\"b\", $\"c\"]"),
            ("SCAN 0 COUNT 2", "*[$\"2\", *[$\"d\", $\"b\"]]"),
            ("SCAN 2", "*[$\"0\", *[$\"c\"]]"), ("SCAN 0 MATCH [bc] TYPE string", "*[$\"0\", *[$\"b\", $\"c\"]]"),
            ("SCAN x", "-ERR invalid cursor"), ("RENAME x y", "-ERR no such key"), ("RENAME b e", "+OK"),
            ("RENAMENX e d", ":0"), ("RENAMENX e f", ":1"), ("GET f", "$\"2\""), ("COPY f g", ":1"), ("COPY f g", ":0"),
            ("COPY f f", "-ERR source and destination objects are the same"), ("COPY f g REPLACE DB 1", ":1"),
            ("MOVE g 1", ":0"), ("MOVE f 1", ":1"), ("DBSIZE", ":3"), ("SELECT 1", "+OK"), ("DBSIZE", ":2"),
            ("SWAPDB 0 1", "+OK"), ("DBSIZE", ":3"), ("FLUSHDB", "+OK"), ("DBSIZE", ":0"), ("RANDOMKEY", "null"),
            ("SELECT 0", "+OK"), ("DBSIZE", ":2"), ("FLUSHALL ASYNC", "+OK"), ("DBSIZE", ":0"),
            ("SWAPDB 0 99", "-ERR DB index is out of range"), ("FLUSHALL NOW", "-ERR syntax error"),
            ("SET n 12", "+OK"), ("OBJECT ENCODING n", "$\"int\""), ("OBJECT REFCOUNT n", ":1"),
            ("OBJECT ENCODING x", "null"), ("OBJECT FOO x", "-ERR unknown subcommand 'FOO'. Try OBJECT HELP."),
        ])
    }

    @Test func copiesOfStreamsAreTheirOwn() {
        check([
            ("XADD s 1-0 f v", "$\"1-0\""), ("XGROUP CREATE s g 0", "+OK"), ("COPY s t", ":1"),
            ("XADD t 2-0 f v", "$\"2-0\""), ("XLEN s", ":1"), ("XLEN t", ":2"), ("XGROUP DESTROY t g", ":1"),
            ("XGROUP DESTROY s g", ":1"), ("RENAME t s", "+OK"), ("XLEN s", ":2"), ("XADD u 1-0 f v", "$\"1-0\""),
            ("XLEN s", ":2"),
        ])
    }

    @Test func keysExpire() {
        var server = LocalServer()
        func run(_ line: String) -> String { notation(server.run(line)) }
        #expect(run("SET k v") == "+OK" && run("TTL k") == ":-1" && run("TTL x") == ":-2")
        #expect(run("EXPIRE k 100 XX") == ":0" && run("EXPIRE k 100 NX") == ":1" && run("EXPIRE k 50 GT") == ":0")
        #expect(run("EXPIRE k 50 LT") == ":1" && run("TTL k") == ":50")
        #expect(run("EXPIRE k 1 NX GT").hasPrefix("-ERR NX and XX, GT or LT options"))
        #expect(run("PERSIST k") == ":1" && run("PERSIST k") == ":0" && run("PEXPIRE k 20") == ":1")
        server.pass(milliseconds: 30)
        #expect(run("EXISTS k") == ":0" && run("DBSIZE") == ":0" && run("PTTL k") == ":-2")
        #expect(run("SET k v PX 20") == "+OK" && run("SET k v KEEPTTL") == "+OK")
        server.pass(milliseconds: 30)
        #expect(run("GET k") == "null")
        #expect(run("SET k v PX 20") == "+OK" && run("SET k w") == "+OK" && run("RENAME k l") == "+OK")
        server.pass(milliseconds: 30)
        #expect(run("GET l") == "$\"w\"" && run("EXPIREAT l 1") == ":1" && run("EXISTS l") == ":0")
        #expect(
            run("SET k v") == "+OK"
                && run("EXPIRE k 9223372036854775807") == "-ERR invalid expire time in 'expire' command")
    }

    @Test func settingsThatShapeTheState() {
        let failure = "-ERR CONFIG SET failed (possibly related to argument "
        check([
            ("CONFIG SET stream-node-max-entries 2", "+OK"), ("XADD s 1-0 f v", "$\"1-0\""),
            ("XADD s 2-0 f v", "$\"2-0\""), ("XADD s 3-0 f v", "$\"3-0\""), ("XTRIM s MAXLEN ~ 1", ":2"),
            (
                "CONFIG SET stream-node-max-entries x",
                failure + "'stream-node-max-entries') - argument couldn't be parsed into an integer"
            ),
            (
                "CONFIG SET stream-idmp-duration 0",
                failure + "'stream-idmp-duration') - argument must be in range"
            ),
        ])
    }

    @Test(arguments: [
        ("*", "", true), ("a*c", "abbc", true), ("a*c", "abb", false), ("a?c", "abc", true), ("[a-c]x", "bx", true),
        ("[^a-c]x", "bx", false), ("\\*", "*", true), ("\\*", "a", false), ("a**b*", "axbx", true), ("[a", "a", true),
        ("", "a", false), ("*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaa", false),
    ]) func patterns(pattern: String, text: String, isMatch: Bool) {
        #expect(Glob.matches(pattern, text) == isMatch)
    }

    /// Neither hashes nor the process show.
    @Test func repliesFollowFromRecordsAlone() {
        var random = SeededRandom(seed: 66)
        var servers = [LocalServer(Keyspace(hashSeed: 1)), LocalServer(Keyspace(hashSeed: 0xFFFF_1234))]
        let keys = (0..<40).map { "key\($0)" }
        for _ in 0..<4000 {
            let (a, b) = (keys.randomElement(using: &random)!, keys.randomElement(using: &random)!)
            let number = Int.random(in: 0..<100, using: &random)
            let line = [
                "SET \(a) \(number)", "DEL \(a) \(b)", "SADD \(a) \(number)", "SPOP \(a)", "RPUSH \(a) \(number)",
                "RENAME \(a) \(b)", "COPY \(a) \(b) REPLACE", "KEYS *", "SCAN \(number) COUNT 5", "RANDOMKEY",
                "XADD \(a) * f \(number)", "PEXPIRE \(a) \(number)", "SMEMBERS \(a)", "MOVE \(a) 1", "SWAPDB 0 1",
                "XRANGE \(a) - +", "DBSIZE", "SRANDMEMBER \(a) 2",
            ].randomElement(using: &random)!
            let replies = servers.indices.map { notation(servers[$0].run(line)) }
            #expect(replies[0] == replies[1], "\(line)")
        }
    }

    /// A walk meets every key that is there all along.
    @Test func scansMeetEverything() {
        var random = SeededRandom(seed: 7)
        var server = LocalServer()
        for number in 0..<200 { _ = server.run("SET stays\(number) 1") }
        var seen: Set<String> = []
        var cursor = "0"
        repeat {
            guard case .array(let parts) = server.run("SCAN \(cursor) COUNT 7"), case .bulk(let next) = parts[0],
                case .array(let names) = parts[1]
            else {
                Issue.record("no page")
                return
            }
            cursor = String(decoding: next, as: UTF8.self)
            for case .bulk(let name) in names { seen.insert(String(decoding: name, as: UTF8.self)) }
            for _ in 0..<5 {
                _ = server.run("SET comes\(Int.random(in: 0..<60, using: &random)) 1")
                _ = server.run("DEL comes\(Int.random(in: 0..<60, using: &random))")
            }
        } while cursor != "0"
        #expect((0..<200).allSatisfy { seen.contains("stays\($0)") })
    }
}
