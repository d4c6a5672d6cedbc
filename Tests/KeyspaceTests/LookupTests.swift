// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import Testing

/// Keys that commands read, and whether they were there. Counts are those of Redis for the same commands.
@Suite struct LookupTests {
    private var keyspace = Keyspace()

    /// What one command has found.
    private mutating func lookups(_ line: String) throws -> [UInt64] {
        let arguments = Arguments(line.split(separator: " ").map { Array($0.utf8) })
        guard case .found(let entry) = CommandTable.shared.find(arguments) else {
            Issue.record("no command: \(line)")
            return []
        }
        var reply = ReplyWriter()
        keyspace.apply(entry, Call(arguments, now: 1000), &reply)
        let first = reply.takeLookups()
        #expect(reply.lookups == KeyLookups())
        return [first.found, first.missing]
    }

    @Test mutating func eachKeyCounts() throws {
        for line in [
            "SET k v", "SET gone v PXAT 500", "RPUSH l a b", "SADD z a", "XADD s 1-1 f v", "XGROUP CREATE s g 0",
        ] {
            let found = try lookups(line)
            #expect(found == [0, 0], "\(line)")
        }
        let lines: [(line: String, found: UInt64, missing: UInt64)] = [
            ("GET k", 1, 0), ("GET none", 0, 1), ("GET gone", 0, 1), ("GET l", 1, 0), ("MGET k none l", 2, 1),
            ("STRLEN k", 1, 0), ("GETRANGE none 0 1", 0, 1), ("EXISTS k k none", 2, 1), ("TYPE s", 1, 0),
            ("TTL none", 0, 1), ("LLEN l", 1, 0), ("LRANGE l 0 -1", 1, 0), ("LINDEX none 0", 0, 1), ("LPOS l a", 1, 0),
            ("SCARD z", 1, 0), ("SISMEMBER z a", 1, 0), ("SMEMBERS none", 0, 1), ("SINTER z none", 1, 1),
            ("SINTERCARD 2 z none", 1, 1), ("SSCAN z 0", 1, 0), ("XLEN s", 1, 0), ("XRANGE none - +", 0, 1),
            ("XREVRANGE s + -", 1, 0), ("XREAD STREAMS s none 0 0", 1, 1), ("XPENDING s g", 1, 0),
            ("XINFO GROUPS s", 1, 0), ("XINFO STREAM none", 0, 1), ("OBJECT ENCODING k", 1, 0), ("DUMP none", 0, 1),
            ("KEYS *", 0, 0), ("DBSIZE", 0, 0), ("INCR n", 0, 0), ("APPEND k w", 0, 0), ("LPOP l", 0, 0),
            ("DEL n none", 0, 0), ("GETEX k", 1, 0), ("GETEX none EX 5", 0, 1), ("GETSET k v", 1, 0),
            ("GETSET m v", 0, 1), ("GETDEL m", 1, 0), ("GETDEL m", 0, 1), ("SET k v GET", 1, 0), ("SET m v GET", 0, 1),
        ]
        for (line, found, missing) in lines {
            let counted = try lookups(line)
            #expect(counted == [found, missing], "\(line)")
        }
    }
}
