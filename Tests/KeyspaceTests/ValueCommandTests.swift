// SPDX-License-Identifier: Apache-2.0

import Testing

/// Replies are those of Redis 7.0.15 to the same commands, but for the order of sets' members.
@Suite struct ValueCommandTests {
    private func check(_ exchanges: [(String, String)]) {
        var server = LocalServer()
        for (command, expected) in exchanges { #expect(notation(server.run(command)) == expected, "\(command)") }
    }

    private static let wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value"
    private static let notInteger = "-ERR value is not an integer or out of range"

    @Test func itemsOfLists() {
        check([
            ("LSET l 0 a", "-ERR no such key"), ("RPUSH l a b c a", ":4"), ("LSET l 9 x", "-ERR index out of range"),
            ("LSET l x x", Self.notInteger), ("LSET l -5 x", "-ERR index out of range"), ("LSET l -1 z", "+OK"),
            ("LINSERT l FOO a b", "-ERR syntax error"), ("LINSERT l BEFORE c x", ":5"), ("LINSERT l AFTER q x", ":-1"),
            ("LINSERT nope AFTER q x", ":0"), ("LINSERT l AFTER z end", ":6"),
            ("LRANGE l 0 -1", "*[$\"a\", $\"b\", $\"x\", $\"c\", $\"z\", $\"end\"]"), ("SET s x", "+OK"),
            ("LSET s x a", Self.wrongType), ("LINSERT s BEFORE a b", Self.wrongType), ("LPOS s a", Self.wrongType),
        ])
    }

    @Test func placesOfItems() {
        let zero = """
            -ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to \
            start from the end of the list
            """
        check([
            ("RPUSH l a b c a b a", ":6"), ("LPOS l a", ":0"), ("LPOS l a RANK 2", ":3"), ("LPOS l a RANK -1", ":5"),
            ("LPOS l a RANK -2 COUNT 0", "*[:3, :0]"), ("LPOS l a COUNT 2", "*[:0, :3]"), ("LPOS l q", "null"),
            ("LPOS l a COUNT 0 MAXLEN 4", "*[:0, :3]"), ("LPOS l b MAXLEN 1", "null"), ("LPOS l a RANK 0", zero),
            ("LPOS l a RANK x", Self.notInteger), ("LPOS l a COUNT -1", "-ERR COUNT can't be negative"),
            ("LPOS l a MAXLEN -1", "-ERR MAXLEN can't be negative"), ("LPOS l a RANK", "-ERR syntax error"),
            ("LPOS l a FOO 1", "-ERR syntax error"), ("LPOS nope a", "null"), ("LPOS nope a COUNT 1", "*[]"),
            ("LPOS nope a RANK 0", zero),
        ])
    }

    @Test func setsTogether() {
        check([
            ("SADD t a b c", ":3"), ("SADD v b c d", ":3"), ("SET s x", "+OK"),
            ("SINTER t v", "*[$\"b\", $\"c\"]"), ("SINTER t nope", "*[]"), ("SINTER t s", Self.wrongType),
            ("SINTER nope s", Self.wrongType), ("SUNION t v nope", "*[$\"a\", $\"b\", $\"c\", $\"d\"]"),
            ("SDIFF t v", "*[$\"a\"]"), ("SDIFF nope t", "*[]"), ("SDIFF t s", Self.wrongType),
            ("SINTERSTORE d t v", ":2"), ("SINTERSTORE d t nope", ":0"), ("EXISTS d", ":0"),
            ("SUNIONSTORE s t v", ":4"), ("TYPE s", "+set"), ("SET s x EX 100", "+OK"), ("SDIFFSTORE s t v", ":1"),
            ("TTL s", ":-1"), ("SET s x", "+OK"), ("SINTERSTORE d s t", Self.wrongType), ("SINTERCARD 1 v", ":3"),
            ("SINTERCARD 2 t v", ":2"), ("SINTERCARD 2 t v LIMIT 1", ":1"), ("SINTERCARD 2 t nope LIMIT 0", ":0"),
            ("SINTERCARD 0 v", "-ERR numkeys should be greater than 0"),
            ("SINTERCARD x v", "-ERR numkeys should be greater than 0"),
            ("SINTERCARD 3 v", "-ERR Number of keys can't be greater than number of args"),
            ("SINTERCARD 1 v LIMIT", "-ERR syntax error"), ("SINTERCARD 1 v LIMIT -1", "-ERR LIMIT can't be negative"),
            ("SINTERCARD 1 v u", "-ERR syntax error"),
            ("COMMAND GETKEYS SINTERCARD 2 a b LIMIT 1", "*[$\"a\", $\"b\"]"),
        ])
    }

    @Test func membersMove() {
        check([
            ("SET s x", "+OK"), ("SMOVE s t m", Self.wrongType), ("SADD t a b", ":2"), ("SMOVE t s a", Self.wrongType),
            ("SMOVE t u a", ":1"), ("SMOVE t t b", ":1"), ("SMOVE t t q", ":0"), ("SMOVE t u q", ":0"),
            ("SMOVE nope s a", ":0"), ("SMOVE t u b", ":1"), ("EXISTS t", ":0"), ("SMEMBERS u", "*[$\"a\", $\"b\"]"),
        ])
    }

    @Test func numbersWithAPoint() {
        check([
            ("INCRBYFLOAT f 10.50", "$\"10.5\""), ("INCRBYFLOAT f 0.1", "$\"10.6\""), ("INCRBYFLOAT f -5", "$\"5.6\""),
            ("SET f 5.0e3", "+OK"), ("INCRBYFLOAT f 2.0e2", "$\"5200\""), ("SET f 0.1", "+OK"),
            ("INCRBYFLOAT f 0.2", "$\"0.3\""), ("INCRBYFLOAT f -0.3", "$\"0\""),
            (
                "INCRBYFLOAT f -1e-17",
                "$\"-0.00000000000000001\""
            ), ("SET f 3", "+OK"), ("INCRBYFLOAT f 1.0", "$\"4\""), ("INCR f", ":5"),
            ("INCRBYFLOAT f 1e-30", "$\"5\""), ("INCRBYFLOAT f 1e20", "$\"100000000000000000005\""),
            ("INCRBYFLOAT f inf", "-ERR increment would produce NaN or Infinity"),
            ("INCRBYFLOAT f 1e9999", "-ERR increment would produce NaN or Infinity"),
            ("INCRBYFLOAT f nan", "-ERR value is not a valid float"),
            ("INCRBYFLOAT f x", "-ERR value is not a valid float"),
            ("INCRBYFLOAT f 1e", "-ERR value is not a valid float"), ("SET g abc", "+OK"),
            ("INCRBYFLOAT g 1", "-ERR value is not a valid float"), ("SADD m a", ":1"),
            ("INCRBYFLOAT m 1", Self.wrongType), ("SET g \" 5\"", "+OK"),
            ("INCRBYFLOAT g 1", "-ERR value is not a valid float"), ("SET g -.5", "+OK"),
            ("INCRBYFLOAT g +.25", "$\"-0.25\""), ("INCRBYFLOAT new 99.99", "$\"99.99\""),
            ("INCRBYFLOAT new .01", "$\"100\""), ("INCRBYFLOAT half 0.000000000000000005", "$\"0\""),
            ("INCRBYFLOAT half 0.000000000000000015", "$\"0.00000000000000002\""),
        ])
    }

    @Test func partsOfStrings() {
        check([
            ("SETRANGE r 5 hello", ":10"), ("SETRANGE r -1 x", "-ERR offset is out of range"),
            ("SETRANGE r x x", Self.notInteger), ("SETRANGE nope 3 \"\"", ":0"), ("EXISTS nope", ":0"),
            ("SETRANGE r 536870912 x", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"),
            ("SADD m a", ":1"), ("SETRANGE m 0 x", Self.wrongType), ("SUBSTR r 5 7", "$\"hel\""),
            ("SETRANGE r 6 AB", ":10"), ("GETRANGE r 5 -1", "$\"hABlo\""), ("STRLEN r", ":10"),
        ])
    }

    @Test func whatIsNotKept() {
        check([
            ("SET k v", "+OK"), ("OBJECT IDLETIME k", ":0"), ("MODULE LIST", "*[]"),
            ("SCRIPT EXISTS a b", "*[:0, :0]"), ("SCRIPT FLUSH SYNC", "+OK"),
            ("SCRIPT FLUSH FOO", "-ERR SCRIPT FLUSH only support SYNC|ASYNC option"),
            ("SCRIPT KILL", "-NOTBUSY No scripts in execution right now."),
            ("FUNCTION FLUSH FOO", "-ERR FUNCTION FLUSH only supports SYNC|ASYNC option"), ("FUNCTION LIST", "*[]"),
        ])
        var server = LocalServer()
        #expect(notation(server.run("OBJECT FREQ k")).hasPrefix("-ERR An LFU maxmemory policy is not selected"))
    }
}
