// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import Testing

/// Entries that come later or end, and what a stream keeps.
@Suite struct DelayTests {
    private static func ids(_ value: ReplyValue?) -> [String] {
        guard case .array(let entries)? = value else { return [] }
        return entries.map { entry in
            guard case .array(let parts) = entry, let first = parts.first else { return notation(entry) }
            return notation(first)
        }
    }

    @Test func comesWhenItIsDue() {
        var server = LocalServer()
        let begin = server.now + 1
        #expect(notation(server.run("XADD s DELAY 100 * f late")) == "$\"\(begin + 100)-1\"")
        #expect(notation(server.run("XADD s AT \(begin + 50) * f sooner")) == "$\"\(begin + 50)-2\"")
        #expect(notation(server.run("XLEN s")) == ":0")
        #expect(notation(server.run("EXISTS s")) == ":1")
        #expect(
            notation(server.run("XDELAYED s - +"))
                == "*[*[$\"\(begin + 50)-2\", *[$\"f\", $\"sooner\"]], *[$\"\(begin + 100)-1\", *[$\"f\", $\"late\"]]]")
        #expect(notation(server.run("XINFO STREAM s")).contains("$\"delayed\", :2, $\"delayed-next\", :\(begin + 50)"))
        server.pass(milliseconds: begin + 49 - server.now)
        #expect(server.space.keyspace.nextDue == begin + 50)
        server.pass(milliseconds: 1)
        let first = notation(server.space.keyspace.nextDue.map { .integer($0) })
        #expect(first == ":\(begin + 100)")
        #expect(
            notation(server.run("XRANGE s - +")) == "*[*[$\"\(begin + 50)-0\", *[$\"f\", $\"sooner\"]]]")
        server.pass(milliseconds: 100)
        #expect(Self.ids(server.run("XRANGE s - +")) == ["$\"\(begin + 50)-0\"", "$\"\(begin + 100)-0\""])
        #expect(!notation(server.run("XINFO STREAM s")).contains("delayed"))
        #expect(server.space.keyspace.nextDue == nil)
    }

    /// Whose moment has passed comes at once, with an ID above all others.
    @Test func comesAtOnceWhenItIsLate() {
        var server = LocalServer()
        #expect(notation(server.run("XADD s AT 5 * f 1")) == "$\"\(server.now)-0\"")
        #expect(notation(server.run("XADD s DELAY 0 * f 1")) == "$\"\(server.now)-0\"")
        _ = server.run("XADD s DELAY 10 * f 1")
        let far = server.now + 1_000_000
        _ = server.run("XADD s \(far)-7 f 1")
        server.pass(milliseconds: 20)
        #expect(notation(server.run("XREVRANGE s + - COUNT 1 NOVALUES")) == "*[$\"\(far)-8\"]")
    }

    @Test func isCancelled() {
        var server = LocalServer()
        guard case .bulk(let handle)? = server.run("XADD s DELAY 10 * f 1") else {
            Issue.record("no handle")
            return
        }
        let text = String(decoding: handle, as: UTF8.self)
        #expect(notation(server.run("XCANCEL s \(text) 1-1 \(text)")) == ":1")
        #expect(notation(server.run("XCANCEL s \(text)")) == ":0")
        #expect(notation(server.run("XCANCEL none \(text)")) == ":0")
        server.pass(milliseconds: 20)
        #expect(notation(server.run("XLEN s")) == ":0")
        // Its name is not given again.
        _ = server.run("XADD s AT \(server.now + 5) * f 1")
        #expect(notation(server.run("XDELAYED s - + COUNT 1")).contains("-2\""))
    }

    @Test(arguments: [
        ("XADD s DELAY -1 * f v", "-ERR DELAY is out of range"),
        ("XADD s DELAY 315576000001 * f v", "-ERR DELAY is out of range"),
        ("XADD s DELAY x * f v", "-ERR value is not an integer or out of range"),
        ("XADD s AT -1 * f v", "-ERR AT is out of range"),
        ("XADD s AT 9223372036854775807 * f v", "-ERR AT is out of range"),
        ("XADD s TTL 0 * f v", "-ERR TTL is out of range"),
        ("XADD s DELAY 5 AT 6 * f v", "-ERR syntax error, DELAY and AT can be given only once"),
        ("XADD s DELAY 5 1-1 f v", "-ERR syntax error, DELAY and AT can be used only with auto-generated IDs"),
        (
            "XADD s DELAY 5 MAXLEN 5 * f v",
            "-ERR syntax error, DELAY and AT can't be used with MAXLEN, MINID, IDMP or IDMPAUTO"
        ),
        (
            "XADD s DELAY 5 IDMPAUTO p * f v",
            "-ERR syntax error, DELAY and AT can't be used with MAXLEN, MINID, IDMP or IDMPAUTO"
        ),
        ("XADD s DELAY 5 * f", "-ERR wrong number of arguments for 'xadd' command"),
        ("XADD s DELAY * f v", "-ERR value is not an integer or out of range"),
        ("XDELAYED s - + NOVALUES", "-ERR syntax error"),
        ("XCANCEL s x", "-ERR Invalid stream ID specified as stream command argument"),
        ("XRETAIN s", "-ERR wrong number of arguments for 'xretain' command"),
        ("XRETAIN s MAXAGE 0", "-ERR MAXAGE is out of range"),
        ("XRETAIN s MAXLEN -1", "-ERR The MAXLEN argument must be >= 0."),
        ("XRETAIN s MAXBYTES 0", "-ERR The MAXBYTES argument must be > 0."),
        ("XRETAIN s MAXLEN", "-ERR syntax error"), ("XRETAIN s OFF ACKED", "-ERR syntax error"),
        ("XRETAIN s ACKED", "-ERR no such key"),
        ("XLEN s 1", "-ERR wrong number of arguments for 'xlen' command"),
        ("XLEN s 1 x", "-ERR Invalid stream ID specified as stream command argument"),
    ]) func refuses(command: String, reply: String) {
        var server = LocalServer()
        #expect(notation(server.run(command)) == reply)
        #expect(notation(server.run("DBSIZE")) == ":0")
    }

    @Test func doesNotMakeAStreamIfToldSo() {
        var server = LocalServer()
        #expect(notation(server.run("XADD s NOMKSTREAM DELAY 5 * f v")) == "null")
        #expect(notation(server.run("SET s x")) == "+OK")
        #expect(notation(server.run("XADD s DELAY 5 * f v")).hasPrefix("-WRONGTYPE"))
    }

    @Test func wakesWhoWaits() {
        var server = LocalServer()
        _ = server.run("XGROUP CREATE s g $ MKSTREAM")
        #expect(server.run("XREADGROUP GROUP g c BLOCK 0 STREAMS s >", client: 2) == nil)
        #expect(server.run("XREAD BLOCK 0 STREAMS s $", client: 3) == nil)
        _ = server.run("XADD s DELAY 30 * f 1")
        #expect(server.late(2) == nil && server.late(3) == nil)
        server.pass(milliseconds: 31)
        let entry = notation(server.late(3))
        #expect(entry.contains("$\"f\", $\"1\""))
        #expect(notation(server.late(2)) == entry)
    }

    /// It stays with its stream, whatever that is called and wherever it is.
    @Test(arguments: ["RENAME s t", "MOVE s 1", "SWAPDB 0 1", "COPY s t", "PERSIST s"]) func moves(command: String) {
        var server = LocalServer()
        _ = server.run("XADD s DELAY 20 * f 1")
        _ = server.run(command)
        server.pass(milliseconds: 30)
        var length = 0
        for database in 0...1 {
            _ = server.run("SELECT \(database)")
            for key in ["s", "t"] {
                guard case .integer(let number)? = server.run("XLEN \(key)") else { continue }
                length += Int(number)
            }
        }
        #expect(length == (command == "COPY s t" ? 2 : 1))
        #expect(server.space.keyspace.nextDue == nil)
    }

    @Test func goesWithItsStream() {
        var server = LocalServer()
        _ = server.run("XADD s DELAY 20 * f 1")
        _ = server.run("DEL s")
        _ = server.run("XADD s DELAY 40 * f 2")
        server.pass(milliseconds: 100)
        #expect(notation(server.run("XLEN s")) == ":1")
        _ = server.run("XADD s DELAY 20 * f 3")
        _ = server.run("PEXPIRE s 5")
        server.pass(milliseconds: 100)
        #expect(notation(server.run("EXISTS s")) == ":0")
    }

    /// However many are due, each record takes its share, and all come in order.
    @Test func comesInShares() {
        var server = LocalServer()
        for number in 0..<2500 { _ = server.run("XADD s AT 1900000000000 * f \(number)") }
        var keyspace = server.space.keyspace
        var rounds = 0
        while let due = keyspace.nextDue, due <= 1_900_000_000_000 {
            keyspace.carryOutDue(now: 1_900_000_000_000)
            rounds += 1
        }
        #expect(rounds == 3)
        server = LocalServer(keyspace)
        let values = notation(server.run("XRANGE s - +"))
        #expect(notation(server.run("XLEN s")) == ":2500")
        #expect(values.hasPrefix("*[*[$\"1900000000000-0\", *[$\"f\", $\"0\"]], *[$\"1900000000000-1\""))
        #expect(values.hasSuffix("*[$\"1900000000000-2499\", *[$\"f\", $\"2499\"]]]"))
    }

    // MARK: What ends

    @Test func ends() {
        var server = LocalServer()
        _ = server.run("XGROUP CREATE s g 0 MKSTREAM")
        _ = server.run("XADD s TTL 50 1-0 f 1")
        _ = server.run("XADD s 2-0 f 2")
        _ = server.run("XREADGROUP GROUP g c STREAMS s >")
        #expect(notation(server.run("XINFO STREAM s")).contains("$\"ending\", :1"))
        server.pass(milliseconds: 60)
        #expect(notation(server.run("XRANGE s - + NOVALUES")) == "*[$\"2-0\"]")
        #expect(notation(server.run("XPENDING s g - + 9 c")).hasPrefix("*[*[$\"2-0\""))
    }

    /// The time of an entry that comes later begins when it comes.
    @Test func endsAfterItCame() {
        var server = LocalServer()
        _ = server.run("XADD s DELAY 100 TTL 50 * f 1")
        server.pass(milliseconds: 110)
        #expect(notation(server.run("XLEN s")) == ":1")
        server.pass(milliseconds: 50)
        #expect(notation(server.run("XLEN s")) == ":0")
    }

    /// What is taken out before its time leaves nothing behind.
    @Test func whatIsGoneEndsNoMore() {
        var server = LocalServer()
        for number in 1...3000 { _ = server.run("XADD s TTL 1000000 \(number)-0 f 1") }
        _ = server.run("XDEL s 1-0 2-0")
        #expect(notation(server.run("XINFO STREAM s")).contains("$\"ending\", :2998"))
        #expect(notation(server.run("XTRIM s MAXLEN 1")) == ":2997")
        // The rest of the rows goes with the next tick.
        server.pass(milliseconds: 1)
        server.pass(milliseconds: 1)
        #expect(notation(server.run("XINFO STREAM s")).contains("$\"ending\", :1,"))
        #expect(notation(server.run("XTRIM s MAXLEN 0")) == ":1")
        #expect(!notation(server.run("XINFO STREAM s")).contains("ending"))
        server.pass(milliseconds: 2_000_000)
        #expect(server.space.keyspace.nextDue == nil)
    }

    // MARK: Priorities

    @Test func isHandedOverByPriority() {
        var server = LocalServer()
        _ = server.run("XGROUP CREATE s g 0 MKSTREAM")
        #expect(notation(server.run("XGROUP SETPOLICY s g DELIVER PRIORITY")) == "+OK")
        _ = server.run("XADD s 1-0 f 1")
        _ = server.run("XADD s PRIORITY 9 TTL 100000 2-0 f 2")
        _ = server.run("XADD s priority 5 3-0 f 3")
        _ = server.run("XADD s PRIORITY 0 4-0 f 4")
        #expect(notation(server.run("XINFO STREAM s")).contains("$\"prioritized\", :2"))
        #expect(notation(server.run("XINFO GROUPS s")).contains("$\"lag\", :4, $\"deliver\", $\"priority\"]"))
        func read(_ count: Int) -> String {
            notation(server.run("XREADGROUP GROUP g c COUNT \(count) NOVALUES STREAMS s >"))
        }
        #expect(read(1) == "*[*[$\"s\", *[$\"2-0\"]]]")
        #expect(notation(server.run("XINFO GROUPS s")).contains("$\"lag\", :3"))
        // Who waits gets what is most urgent of what came.
        #expect(read(2) == "*[*[$\"s\", *[$\"3-0\", $\"1-0\"]]]")
        #expect(read(9) == "*[*[$\"s\", *[$\"4-0\"]]]")
        #expect(read(9) == "*-1")
        #expect(server.run("XREADGROUP GROUP g d BLOCK 0 NOVALUES STREAMS s >", client: 2) == nil)
        _ = server.run("XADD s PRIORITY 3 5-0 f 5")
        #expect(notation(server.late(2)) == "*[*[$\"s\", *[$\"5-0\"]]]")
        // One that comes later is as urgent then.
        _ = server.run("XADD s DELAY 50 PRIORITY 7 * f 6")
        server.pass(milliseconds: 60)
        _ = server.run("XADD s * f 7")
        #expect(notation(server.run("XREADGROUP GROUP g c COUNT 1 STREAMS s >")).contains("$\"6\""))
        #expect(notation(server.run("XGROUP SETPOLICY s g DELIVER ID")) == "+OK")
        #expect(!notation(server.run("XINFO GROUPS s")).contains("$\"deliver\""))
    }

    @Test(arguments: [
        ("XADD s PRIORITY 10 * f v", "-ERR PRIORITY is out of range"),
        ("XADD s PRIORITY -1 * f v", "-ERR PRIORITY is out of range"),
        ("XADD s PRIORITY 300 * f v", "-ERR PRIORITY is out of range"),
        ("XADD s PRIORITY x * f v", "-ERR value is not an integer or out of range"),
        ("XGROUP SETPOLICY s g DELIVER sometimes", "-ERR syntax error"),
        ("XGROUP SETPOLICY s g DELIVER", "-ERR syntax error"),
        (
            "XGROUP SETPOLICY s g DELIVER PRIORITY ORDERBY k",
            "-ERR syntax error, ORDERBY and DELIVER PRIORITY can't be given together"
        ),
    ]) func refusesPriorities(line: String, reply: String) {
        var server = LocalServer()
        _ = server.run("XGROUP CREATE s g 0 MKSTREAM")
        #expect(notation(server.run(line)) == reply)
    }

    /// Dead letters stay as urgent as they were, and go back so.
    @Test func deadLettersKeepTheirPriority() {
        var server = LocalServer()
        _ = server.run("XGROUP CREATE s g 0 MKSTREAM")
        _ = server.run("XGROUP SETPOLICY s g DELIVER PRIORITY VISIBILITY 5 MAXDELIVERIES 1 DEADLETTER d")
        _ = server.run("XADD s PRIORITY 4 * f 1")
        _ = server.run("XREADGROUP GROUP g c STREAMS s >")
        server.pass(milliseconds: 50)
        _ = server.run("XREADGROUP GROUP g c STREAMS s >")
        #expect(notation(server.run("XINFO STREAM d")).contains("$\"prioritized\", :1"))
        _ = server.run("XADD s * f 2")
        #expect(notation(server.run("XREPLAY d s")) == ":1")
        #expect(notation(server.run("XREADGROUP GROUP g c COUNT 1 STREAMS s >")).contains("$\"1\""))
    }

    // MARK: What a stream keeps

    @Test func keepsForSoLong() {
        var server = LocalServer()
        _ = server.run("XADD s * f 1")
        #expect(notation(server.run("XRETAIN s MAXAGE 1000")) == "+OK")
        server.pass(milliseconds: 500)
        _ = server.run("XADD s * f 2")
        #expect(notation(server.run("XINFO STREAM s")).contains("$\"retain-max-age\", :1000"))
        server.pass(milliseconds: 600)
        #expect(notation(server.run("XLEN s")) == ":1")
        server.pass(milliseconds: 600)
        #expect(notation(server.run("XLEN s")) == ":0")
        #expect(notation(server.run("EXISTS s")) == ":1")
        #expect(notation(server.run("XRETAIN s OFF")) == "+OK")
        #expect(!notation(server.run("XINFO STREAM s")).contains("retain"))
    }

    @Test func keepsSoMany() {
        var server = LocalServer()
        _ = server.run("CONFIG SET stream-node-max-entries 10")
        for number in 1...100 { _ = server.run("XADD s \(number)-0 f \(number)") }
        _ = server.run("XRETAIN s MAXLEN 35")
        #expect(notation(server.run("XLEN s")) == ":40")
        for number in 101...200 { _ = server.run("XADD s \(number)-0 f \(number)") }
        #expect(notation(server.run("XRANGE s - + COUNT 1 NOVALUES")) == "*[$\"161-0\"]")
    }

    @Test func keepsSoMuch() {
        var server = LocalServer()
        _ = server.run("CONFIG SET stream-node-max-entries 10")
        _ = server.run("XADD s 1-0 f v")
        _ = server.run("XRETAIN s MAXBYTES 5000")
        let value = String(repeating: "v", count: 100)
        for number in 2...500 { _ = server.run("XADD s \(number)-0 f \(value)") }
        guard case .integer(let length)? = server.run("XLEN s") else { return }
        // About 105 bytes each, and one block more.
        #expect((45...60).contains(length))
    }

    @Test func keepsWhatIsNeeded() {
        var server = LocalServer()
        _ = server.run("XADD s 1-0 f v")
        _ = server.run("XRETAIN s ACKED")
        for number in 2...50 { _ = server.run("XADD s \(number)-0 f v") }
        // Nobody has read: nothing is acknowledged by all.
        #expect(notation(server.run("XLEN s")) == ":50")
        for group in ["g", "h"] {
            _ = server.run("XGROUP CREATE s \(group) 0")
            _ = server.run("XREADGROUP GROUP \(group) c COUNT 20 STREAMS s >")
        }
        for number in 1...20 where number != 7 { _ = server.run("XACK s g \(number)-0") }
        #expect(notation(server.run("XLEN s")) == ":50")
        _ = server.run("XACK s h 1-0 2-0 3-0 4-0 5-0 6-0 7-0 8-0")
        #expect(notation(server.run("XRANGE s - + COUNT 1 NOVALUES")) == "*[$\"7-0\"]")
        _ = server.run("XACK s g 7-0")
        #expect(notation(server.run("XRANGE s - + COUNT 1 NOVALUES")) == "*[$\"9-0\"]")
    }

    // MARK: Reads

    @Test func countsARange() {
        var server = LocalServer()
        for number in 1...300 { _ = server.run("XADD s \(number)-0 f v") }
        _ = server.run("XDEL s 5-0 100-0")
        #expect(notation(server.run("XLEN s - +")) == ":298")
        #expect(notation(server.run("XLEN s 5 100")) == ":94")
        #expect(notation(server.run("XLEN s (5 (100")) == ":94")
        #expect(notation(server.run("XLEN s 400 +")) == ":0")
        #expect(notation(server.run("XLEN s 9 8")) == ":0")
        #expect(notation(server.run("XLEN none - +")) == ":0")
    }

    @Test func showsASelection() {
        var server = LocalServer()
        for number in 1...6 { _ = server.run("XADD s \(number)-0 kind \(number % 2) n \(number)") }
        #expect(notation(server.run("XRANGE s - + FILTER kind 1 NOVALUES")) == "*[$\"1-0\", $\"3-0\", $\"5-0\"]")
        #expect(notation(server.run("XREVRANGE s + - FILTER kind 1 NOVALUES COUNT 2")) == "*[$\"5-0\", $\"3-0\"]")
        #expect(notation(server.run("XRANGE s - + FILTER kind 1 FILTER n 3 NOVALUES")) == "*[$\"3-0\"]")
        #expect(notation(server.run("XRANGE s - + FILTER kind 2")) == "*[]")
        #expect(
            notation(server.run("XREAD COUNT 1 FILTER kind 0 NOVALUES STREAMS s 2-0")) == "*[*[$\"s\", *[$\"4-0\"]]]")
        #expect(notation(server.run("XREAD FILTER kind 0 STREAMS s 6-0")) == "*-1")
        #expect(server.run("XREAD BLOCK 0 FILTER kind 0 NOVALUES STREAMS s $", client: 2) == nil)
        _ = server.run("XADD s 7-0 kind 1")
        #expect(server.late(2) == nil)
        _ = server.run("XADD s 8-0 kind 0")
        #expect(notation(server.late(2)) == "*[*[$\"s\", *[$\"8-0\"]]]")
        #expect(notation(server.run("XREADGROUP GROUP g c FILTER kind 0 STREAMS s >")) == "-ERR syntax error")
    }
}
