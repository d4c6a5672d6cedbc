// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRESPCodec
import MartletRaft
import MartletReplica
import Testing

/// The key-value store by Redis's protocol.
@Suite struct KeyValueCommandTests {
    private func ready() throws -> TestMember {
        var member = try TestMember()
        member.settle()
        return member
    }

    private func record(_ key: String, _ value: String, _ create: Int, _ mod: Int, _ version: Int) -> String {
        """
        *12|$3|key|$\(key.count)|\(key)|$15|create_revision|:\(create)|$12|mod_revision|:\(mod)|$7|version|:\(version)|\
        $5|value|$\(value.count)|\(value)|$5|lease|:0
        """
    }

    private func read(_ revision: Int, count: Int? = nil, more: Int = 0, _ records: String...) -> String {
        let head = "*8|$8|revision|:\(revision)|$5|count|:\(count ?? records.count)|$4|more|:\(more)|$3|kvs"
        return ([head, "*\(records.count)"] + records).joined(separator: "|")
    }

    @Test func putsReadsAndDeletes() throws {
        var member = try ready()
        #expect(member.result(1, "KV.PUT a 1") == "*2|$8|revision|:2")
        #expect(
            member.result(1, "kv.put a 2 PREVKV", "KV.GET a") == """
                *4|$8|revision|:3|$7|prev_kv|\(record("a", "1", 2, 2, 1))|\(read(3, record("a", "2", 2, 3, 2)))
                """)
        _ = member.result(1, "KV.PUT ab 3", "KV.PUT b 4")
        #expect(
            member.result(1, "KV.GET a PREFIX KEYSONLY") == read(5, record("a", "", 2, 3, 2), record("ab", "", 4, 4, 1))
        )
        #expect(member.result(1, "KV.GET ab FROM LIMIT 1") == read(5, count: 2, more: 1, record("ab", "3", 4, 4, 1)))
        #expect(member.result(1, "KV.GET a RANGE b COUNTONLY") == read(5, count: 2))
        #expect(member.result(1, "KV.GET a REVISION 2") == read(5, record("a", "1", 2, 2, 1)))
        #expect(
            member.result(1, "KV.GET a PREFIX SORT VALUE DESC LIMIT 1")
                == read(5, count: 2, more: 1, record("ab", "3", 4, 4, 1)))
        #expect(member.result(1, "KV.GET a FROM MINMOD 5") == read(5, count: 3, record("b", "4", 5, 5, 1)))
        let previous = "*2|\(record("a", "2", 2, 3, 2))|\(record("ab", "3", 4, 4, 1))"
        #expect(
            member.result(1, "KV.DEL a PREFIX PREVKV")
                == "*6|$8|revision|:6|$7|deleted|:2|$8|prev_kvs|\(previous)")
        #expect(member.result(1, "KV.DEL a") == "*4|$8|revision|:6|$7|deleted|:0")
        #expect(member.result(1, "KV.GET none") == read(6))
        try member.checkRestarts()
    }

    @Test func readsNeedNoRecord() throws {
        var member = try ready()
        _ = member.result(1, "KV.PUT a 1")
        let last = member.replica.applied.index
        #expect(member.ask(1, "KV.GET a", "XLEN s") == .complete)
        #expect(member.told(1).hasSuffix("|:0"))
        #expect(member.exec(1, ["KV.GET a", "PING", "XLEN s", "KV.GET b"]) == .complete)
        #expect(member.told(1) == "*4|\(read(2, record("a", "1", 2, 2, 1)))|+outside|:0|\(read(2))")
        #expect(member.replica.applied.index == last)
    }

    @Test func refusesInEtcdsWords() throws {
        var member = try ready()
        let cases = [
            ("KV.PUT a 1 LEASE 7", "-ERR etcdserver: requested lease not found"),
            ("KV.PUT a 1 IGNOREVALUE", "-ERR etcdserver: value is provided"),
            ("KV.PUT a 1 LEASE 7 IGNORELEASE", "-ERR etcdserver: lease is provided"),
            ("KV.PUT a 1 IGNORELEASE", "-ERR etcdserver: key not found"),
            ("KV.GET a REVISION 99", "-ERR etcdserver: mvcc: required revision is a future revision"),
            ("KV.TXN THEN 2 3 PUT a 1 3 PUT a 2", "-ERR etcdserver: duplicate key given in txn request"),
            (
                "KV.TXN THEN 129 " + Array(repeating: "2 GET a", count: 129).joined(separator: " "),
                "-ERR etcdserver: too many operations in txn request"
            ),
            ("KV.PUT a 1 OTHER", "-ERR syntax error"), ("KV.GET a RANGE", "-ERR syntax error"),
            ("KV.GET a LIMIT x", "-ERR value is not an integer or out of range"),
            ("KV.TXN THEN 2 3 PUT a 1", "-ERR syntax error"), ("KV.TXN IF 1 VALUE a ~ 1", "-ERR syntax error"),
            ("KV.TXN THEN 1 4 PUT a 1", "-ERR syntax error"), ("KV.TXN THEN 99999999999", "-ERR syntax error"),
            ("KV.TXN ELSE 0 THEN 0", "-ERR syntax error"),
        ]
        for (command, error) in cases { #expect(member.result(1, command) == error, "\(command)") }
        #expect(member.replica.store.revision == 1)
        // An empty key can't be written by `result`.
        _ = member.outcome(of: .alarm(AlarmRequest(.activate, .noSpace, of: TestMember.configuration.member)))
        #expect(member.result(1, "KV.PUT a 1") == "-ERR etcdserver: mvcc: database space exceeded")
        #expect(member.result(1, "KV.TXN ELSE 1 3 PUT a 1") == "-ERR etcdserver: mvcc: database space exceeded")
        #expect(member.result(1, "KV.DEL a").hasPrefix("*4|"))
        #expect(member.result(1, "XADD s 1-0 f v") == "$3|1-0")
        var configuration = TestMember.configuration
        configuration.limits.requestBytesMax = 100
        var small = try TestMember(configuration)
        small.settle()
        let long = String(repeating: "x", count: 100)
        #expect(
            small.result(1, "XADD s 1-0 f \(long)", "KV.PUT a \(long)", "KV.PUT b 1")
                == "$3|1-0|-ERR etcdserver: request is too large|*2|$8|revision|:2")
        #expect(small.exec(1, ["XADD s * f v", "KV.PUT a \(long)"]) == .complete)
        #expect(small.told(1) == "-ERR etcdserver: request is too large")
    }

    @Test func transactionsCompare() throws {
        var member = try ready()
        _ = member.result(1, "KV.PUT a 1")
        #expect(
            member.result(1, "KV.TXN IF 2 VALUE a = 1 VERSION b = 0 THEN 2 3 PUT b 2 2 GET b ELSE 1 2 DEL a")
                == "*6|$8|revision|:3|$9|succeeded|:1|$9|responses|*2|*2|$8|revision|:3|"
                + read(3, record("b", "2", 3, 3, 1))
        )
        #expect(
            member.result(1, "KV.TXN IF 1 MOD a > 2 ELSE 1 2 DEL a")
                == "*6|$8|revision|:4|$9|succeeded|:0|$9|responses|*1|*4|$8|revision|:4|$7|deleted|:1")
        let told = member.result(1, "KV.TXN IF 1 RANGE z CREATE a != 0 THEN 1 12 TXN IF 1 LEASE b < 1 THEN 1 2 GET b")
        #expect(told.contains("succeeded|:1|$9|responses|*1|*6|$8|revision|:4|$9|succeeded|:1"))
        try member.checkRestarts()
    }

    /// One record, one revision, and either part with the other.
    @Test func standsBesideStreamsInATransaction() throws {
        var member = try ready()
        _ = member.result(1, "SET text x")
        let last = member.replica.applied.index
        member.exec(1, ["KV.PUT a 1", "XADD s 1-0 f v", "PING", "KV.GET a", "KV.PUT b 2", "PING", "XLEN s"])
        member.step(.turnEnded)
        member.settle()
        let (put, gap) = ("*2|$8|revision|:2", member.commandReplies.first?.gaps.map(\.command))
        #expect(gap == [2, 5])
        // Where the replies of others are missing.
        let bytes = member.commandReplies.first?.bytes ?? []
        let parts = (member.commandReplies.first?.gaps ?? []).map {
            String(decoding: bytes[..<$0.offset], as: UTF8.self)
        }
        #expect(parts.first?.hasSuffix("$3\r\n1-0\r\n") == true && parts.last?.hasSuffix(":2\r\n") == true)
        #expect(
            member.told(1) == "*7|\(put)|$3|1-0|\(read(2, record("a", "1", 2, 2, 1)))|\(put)|:1")
        #expect(member.replica.applied.index == last + 1 && member.replica.store.revision == 2)
        // What the key-value store refuses refuses the whole.
        for commands in [
            ["XADD s 2-0 f v", "KV.PUT a 1", "KV.PUT a 2"], ["XADD s 2-0 f v", "KV.PUT a 1 LEASE 9"],
            ["XADD s 2-0 f v", "KV.GET a REVISION 77"], ["XADD s 2-0 f v", "KV.PUT a 1 NONSENSE"],
        ] {
            member.exec(1, commands)
            member.step(.turnEnded)
            member.settle()
            let told = member.told(1)
            #expect(told.hasPrefix("-ERR ") && !told.contains("|"), "\(told)")
        }
        #expect(member.result(1, "XLEN s") == ":1" && member.replica.store.revision == 2)
        // What one of Redis's databases refuses concerns that command alone, as in Redis.
        member.exec(1, ["XADD text 2-0 f v", "KV.PUT a 2"])
        member.step(.turnEnded)
        member.settle()
        #expect(member.told(1).hasPrefix("*2|-WRONGTYPE") && member.replica.store.revision == 3)
        // A watched key that has changed keeps all of it from being done.
        member.exec(1, ["KV.PUT a 3"], watching: ["s"])
        member.ask(2, "XADD s 5-0 f v")
        member.step(.turnEnded)
        member.settle()
        #expect(member.told(1) == "*1|*2|$8|revision|:4")
        try member.checkRestarts()
    }

    @Test func watchesAndLeasesSeeThem() throws {
        var member = try ready()
        _ = member.outcome(of: .leaseGrant(LeaseID(7), ttlSeconds: 60))
        let stream = member.replica.store.openWatchStream()
        _ = try member.replica.store.createWatch(WatchRequest(key: bytes("a"), rangeEnd: bytes("z")), on: stream)
        member.exec(1, ["KV.PUT a 1 LEASE 7", "XADD s * f v", "KV.PUT b 2"])
        member.step(.turnEnded)
        member.settle()
        let delivered = member.replica.store.drainWatchDeliveries()
        guard delivered.count == 1, case .events(let events) = delivered[0].content else { throw TestError() }
        #expect(events.count == 2 && delivered[0].revision == 2)
        _ = member.outcome(of: .leaseRevoke(LeaseID(7)))
        #expect(member.replica.store.get(bytes("a")) == nil && member.replica.store.get(bytes("b")) != nil)
    }

    /// Where there are no keys of etcd's kind.
    @Test func aKeyspaceAloneHasNone() throws {
        var keyspace = Keyspace()
        for line in ["KV.PUT a 1", "KV.GET a"] {
            let arguments = Arguments(line.split(separator: " ").map { Array($0.utf8) })
            guard case .found(let entry) = CommandTable.shared.find(arguments) else { throw TestError() }
            var reply = ReplyWriter()
            #expect(keyspace.apply(entry, Call(arguments, now: 1), &reply) == .failed)
            #expect(String(decoding: reply.bytes, as: UTF8.self) == "-ERR this server has no key-value store\r\n")
        }
    }
}
