// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRESPCodec
import MartletStreams
import Testing

/// What recurs: each run is one entry.
@Suite struct CronCommandTests {
    private func run(_ server: inout LocalServer, _ words: String...) -> String {
        notation(server.run(Arguments(words.map { Array($0.utf8) })))
    }

    @Test func putsEntries() {
        var server = LocalServer()
        let begin = server.now
        let minute = (begin / 60_000 + 1) * 60_000
        #expect(run(&server, "XCRON", "SET", "s", "job", "* * * * *", "*", "f", "v") == ":\(minute)")
        #expect(notation(server.run("XINFO STREAM s")).contains("$\"jobs\", :1"))
        server.pass(milliseconds: minute - server.now - 1)
        #expect(run(&server, "XLEN", "s") == ":1")
        #expect(
            run(&server, "XRANGE", "s", "-", "+")
                == "*[*[$\"\(minute)-0\", *[$\"Cron-Job\", $\"job\", $\"Cron-Due\", $\"\(minute)\", $\"f\", $\"v\"]]]")
        // Three minutes without a tick: none is lost, none comes twice.
        server.pass(milliseconds: 180_000)
        let all: [String] = [0, 60_000, 120_000, 180_000].map { (later: Int64) in "$\"\(minute + later)-0\"" }
        let list = all.joined(separator: ", ")
        #expect(run(&server, "XRANGE", "s", "-", "+", "NOVALUES") == "*[\(list)]")
        #expect(
            run(&server, "XCRON", "LIST", "s")
                == "*[*[$\"name\", $\"job\", $\"schedule\", $\"* * * * *\", $\"offset\", :0, $\"grace\", :86400000, "
                + "$\"next\", :\(minute + 240_000), $\"last\", :\(minute + 180_000), $\"runs\", :4, $\"skipped\", :0, "
                + "$\"fields\", *[$\"f\", $\"v\"]]]")
        #expect(run(&server, "XCRON", "DEL", "s", "job") == ":1")
        #expect(run(&server, "XCRON", "DEL", "s", "job") == ":0")
        #expect(run(&server, "XCRON", "LIST", "s") == "*[]")
        server.pass(milliseconds: 180_000)
        #expect(run(&server, "XLEN", "s") == ":4")
        #expect(server.space.keyspace.nextDue == nil)
    }

    /// Who says again what recurs moves nothing.
    @Test func goesOnWhenItIsSaidAgain() {
        var server = LocalServer()
        let due = run(&server, "XCRON", "SET", "s", "job", "@every 10s", "*", "f", "v")
        server.pass(milliseconds: 5000)
        #expect(run(&server, "XCRON", "SET", "s", "job", "@every 10s", "*", "f", "w") == due)
        server.pass(milliseconds: 6000)
        #expect(run(&server, "XRANGE", "s", "-", "+").contains("$\"f\", $\"w\""))
        #expect(run(&server, "XCRON", "SET", "s", "job", "@every 20s", "*", "f", "w") == ":\(server.now + 20_000)")
        #expect(run(&server, "XCRON", "LIST", "s").contains("$\"runs\", :1"))
    }

    @Test func leavesOutWhatIsTooLate() {
        var server = LocalServer()
        _ = run(&server, "XCRON", "SET", "s", "job", "@every 1s", "GRACE", "5000", "*", "f", "v")
        server.pass(milliseconds: 60_000)
        #expect(["5", "6"].contains(run(&server, "XLEN", "s").dropFirst()))
        #expect(run(&server, "XCRON", "LIST", "s").contains("$\"skipped\", :1"))
    }

    @Test func comesInOrderWithDelayedEntries() {
        var server = LocalServer()
        let begin = server.now + 1
        _ = run(&server, "XCRON", "SET", "s", "job", "@every 10s", "*", "f", "v")
        _ = run(&server, "XADD", "s", "AT", "\(begin + 15_000)", "*", "f", "late")
        server.pass(milliseconds: 25_000)
        #expect(
            run(&server, "XRANGE", "s", "-", "+", "NOVALUES")
                == "*[$\"\(begin + 10_000)-0\", $\"\(begin + 15_000)-0\", $\"\(begin + 20_000)-0\"]")
    }

    @Test func hasATimeZone() {
        var server = LocalServer()
        let day = (server.now / 86_400_000 + 1) * 86_400_000
        guard
            case .integer(let east)? = server.run(
                Arguments(
                    ["XCRON", "SET", "s", "east", "0 0 * * *", "TZ", "+05:30", "*", "f", "v"].map { Array($0.utf8) }))
        else { return }
        #expect((east + 19_800_000) % 86_400_000 == 0 && abs(day - east) < 86_400_000)
        for zone in ["UTC", "z", "-0930", "+18:00"] {
            #expect(run(&server, "XCRON", "SET", "s", "job", "@daily", "TZ", zone, "*", "f", "v").hasPrefix(":"))
        }
        #expect(
            run(&server, "XCRON", "SET", "s", "job", "@daily", "TZ", "Europe/Berlin", "*", "f", "v")
                == "-ERR unknown time zone 'Europe/Berlin'")
        for zone in ["+18:01", "+5", "+05:60", "05:00", "+0:500", "+-1:00", ""] {
            #expect(
                run(&server, "XCRON", "SET", "s", "job", "@daily", "TZ", zone, "*", "f", "v")
                    == "-ERR a time zone is UTC, an offset of it, like +02:00, or a name", "\(zone)")
        }
    }

    /// Its entries are as urgent as it says, also in a state that comes back.
    @Test func hasAPriority() throws {
        var server = LocalServer()
        let begin = server.now + 1
        let words = ["XCRON", "SET", "s", "job", "@every 10s", "TZ", "+01:00", "PRIORITY", "7", "GRACE", "60000", "*"]
        let command = Arguments((words + ["PRIORITY", "1"]).map { Array($0.utf8) })
        #expect(notation(server.run(command)) == ":\(begin + 10_000)")
        let told = run(&server, "XCRON", "LIST", "s")
        #expect(told.contains("$\"skipped\", :0, $\"priority\", :7, $\"fields\", *[$\"PRIORITY\", $\"1\"]"))
        #expect(told.contains("$\"offset\", :3600, $\"grace\", :60000"))
        _ = run(&server, "XADD", "s", "PRIORITY", "6", "*", "f", "v")
        server.space.keyspace = try Self.restored(&server.space.keyspace)
        #expect(run(&server, "XCRON", "LIST", "s") == told)
        _ = run(&server, "XGROUP", "CREATE", "s", "g", "0")
        _ = run(&server, "XGROUP", "SETPOLICY", "s", "g", "DELIVER", "PRIORITY")
        server.pass(milliseconds: 10_000)
        let first = run(&server, "XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "NOVALUES", "STREAMS", "s", ">")
        #expect(first.contains("$\"\(begin + 10_000)-0\""))
        #expect(run(&server, "XINFO", "STREAM", "s").contains("$\"prioritized\", :2"))
        // Said again with another one, it goes on with that.
        let again = run(&server, "XCRON", "SET", "s", "job", "@every 10s", "TZ", "+01:00", "*", "f", "v")
        #expect(again == ":\(begin + 20_000)")
        #expect(!run(&server, "XCRON", "LIST", "s").contains("priority"))
        server.pass(milliseconds: 10_000)
        #expect(run(&server, "XINFO", "STREAM", "s").contains("$\"prioritized\", :2"))
        #expect(run(&server, "XLEN", "s") == ":3")
    }

    @Test(arguments: [
        (["@daily", "*", "PRIORITY", "3"], KeyspaceRecord.Format.first),
        (["@daily", "GRACE", "5", "*", "f", "v"], .first),
        (["@daily", "TZRULES", "a", "PRIORITY", "PRIORITY", "3", "*", "f", "v"], .jobPriorities),
        (["@daily", "priority", "0", "GRACE", "5", "*", "f", "v"], .jobPriorities),
    ]) func whatMembersMustRead(words: [String], format: KeyspaceRecord.Format) {
        let command = Arguments((["XCRON", "SET", "s", "job"] + words).map { Array($0.utf8) })
        guard case .found(let entry) = CommandTable.shared.find(command) else {
            Issue.record("no XCRON SET")
            return
        }
        #expect(entry.format(command) == format)
    }

    /// A name is replaced by its rules before the command goes anywhere: they are part of it.
    @Test func rulesOfAZoneComeWithTheCommand() throws {
        let words = ["XCRON", "SET", "s", "job", "30 2 * * *", "GRACE", "5000", "TZ", "Europe/Berlin", "*", "TZ", "v"]
        let named = Arguments(words.map { Array($0.utf8) })
        guard case .found(let entry) = CommandTable.shared.find(named) else {
            Issue.record("no XCRON SET")
            return
        }
        let word = try #require(entry.zoneWord(named))
        let yearly = try #require(PosixZone(Array("CET-1CEST,M3.5.0,M10.5.0/3".utf8)))
        let rules = try #require(ZoneRules(initialOffset: 3600, changes: [], yearly: yearly))
        let command = CommandEntry.withZone(named, at: word, rules)
        #expect(entry.zoneWord(command) == nil)
        var server = LocalServer()
        // 2026-03-28 12:00 UTC, before clocks are put forward.
        server.now = 1_774_699_200_000
        #expect(notation(server.run(command)) == ":1774746000000")
        let told = run(&server, "XCRON", "LIST", "s")
        #expect(told.contains("$\"offset\", :0, $\"grace\", :5000, $\"next\", :1774746000000"))
        #expect(told.contains("$\"zone\", $\"Europe/Berlin\", $\"fields\", *[$\"TZ\", $\"v\"]"))
        server.pass(milliseconds: 13 * 3_600_000 + 1)
        #expect(run(&server, "XLEN", "s") == ":1")
        #expect(run(&server, "XCRON", "LIST", "s").contains("$\"next\", :1774830600000"))
        // Said again it goes on; of another place it begins anew.
        #expect(notation(server.run(command)) == ":1774830600000")
        let tokyo = try #require(ZoneRules(initialOffset: 32_400, changes: [], yearly: nil))
        #expect(notation(server.run(CommandEntry.withZone(named, at: word, tokyo))) == ":1774805400000")
        // The state holds the rules.
        let checkpointed = try Self.restored(&server.space.keyspace)
        #expect(checkpointed.stateDigest() == server.space.keyspace.stateDigest())
    }

    private static func restored(_ keyspace: inout Keyspace) throws -> Keyspace {
        var batch = TableBatch()
        keyspace.beginCheckpoint().encode(into: &batch)
        var records: [(TableKey, [UInt8])] = []
        batch.forEach { key, value in
            if let value { records.append((key, [UInt8](copying: value))) }
        }
        var restorer = KeyspaceRestorer(hashSeed: 9)
        for (key, value) in records.sorted(by: { $0.0 < $1.0 }) { try restorer.load(key, value.span.bytes) }
        return try restorer.finish()
    }

    @Test(arguments: [
        ["TZRULES", "Europe/Berlin", "x"], ["TZRULES", "../x", ""], ["TZRULES", "Europe/Berlin"],
    ]) func refusesRules(words: [String]) {
        var server = LocalServer()
        let command = ["XCRON", "SET", "s", "job", "@daily"] + words + ["*", "f", "v"]
        #expect(notation(server.run(Arguments(command.map { Array($0.utf8) }))) == "-ERR Invalid rules of a time zone")
    }

    @Test(arguments: [
        (["* * * *", "*", "f", "v"], "-ERR Invalid schedule"),
        (["0 0 30 2 *", "*", "f", "v"], "-ERR no moment fits the schedule"),
        (["@daily", "GRACE", "-1", "*", "f", "v"], "-ERR GRACE is out of range"),
        (["@daily", "PRIORITY", "10", "*", "f", "v"], "-ERR PRIORITY is out of range"),
        (["@daily", "PRIORITY", "-1", "*", "f", "v"], "-ERR PRIORITY is out of range"),
        (["@daily", "PRIORITY", "x", "*", "f", "v"], "-ERR value is not an integer or out of range"),
        (["@daily", "NONSENSE", "1", "*", "f", "v"], "-ERR syntax error"),
        (["@daily", "*", "f", "v", "w"], "-ERR wrong number of arguments for 'xcron|set' command"),
        (["@daily", "f", "v", "g"], "-ERR syntax error"),
    ]) func refuses(words: [String], reply: String) {
        var server = LocalServer()
        let command = Arguments((["XCRON", "SET", "s", "job"] + words).map { Array($0.utf8) })
        #expect(notation(server.run(command)) == reply)
        #expect(notation(server.run("DBSIZE")) == ":0")
    }
}
