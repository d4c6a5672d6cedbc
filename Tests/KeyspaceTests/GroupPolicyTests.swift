// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRESPCodec
import Testing

/// What groups do of themselves.
@Suite struct GroupPolicyTests {
    private func server(_ policy: String, entries: Int = 0, fields: (Int) -> String = { "f \($0)" }) -> LocalServer {
        var server = LocalServer()
        #expect(notation(server.run("XGROUP CREATE s g 0 MKSTREAM")) == "+OK")
        #expect(notation(server.run("XGROUP SETPOLICY s g \(policy)")) == "+OK")
        for number in 0..<entries { _ = server.run("XADD s \(number + 1)-0 \(fields(number + 1))") }
        return server
    }

    private func ids(_ value: ReplyValue?) -> [String] {
        guard case .array(let streams)? = value, case .array(let pair)? = streams.first,
            case .array(let ids)? = pair.last
        else { return [] }
        return ids.map { if case .bulk(let id) = $0 { String(decoding: id, as: UTF8.self) } else { notation($0) } }
    }

    private func read(_ server: inout LocalServer, _ consumer: String = "c", count: Int = 1) -> [String] {
        ids(server.run("XREADGROUP GROUP g \(consumer) COUNT \(count) NOVALUES STREAMS s >"))
    }

    @Test(arguments: [
        ("VISIBILITY", "-ERR syntax error"), ("VISIBILITY -1", "-ERR VISIBILITY is out of range"),
        ("MAXDELIVERIES 0 DEADLETTER d", "-ERR MAXDELIVERIES is out of range"),
        ("MAXDELIVERIES 3", "-ERR syntax error, MAXDELIVERIES and DEADLETTER must be given together"),
        ("DEADLETTER d", "-ERR syntax error, MAXDELIVERIES and DEADLETTER must be given together"),
        ("MAXDELIVERIES 3 DEADLETTER s", "-ERR a stream can't take its own dead letters"),
        (
            "MAXDELIVERIES 3 DEADLETTER text", "-WRONGTYPE Operation against a key holding the wrong kind of value"
        ),
        ("IDLECONSUMERS 0", "-ERR IDLECONSUMERS is out of range"), ("NONSENSE 5", "-ERR syntax error"),
        ("FILTER f", "-ERR syntax error"),
    ]) func refuses(policy: String, reply: String) {
        var server = server("OFF")
        _ = server.run("SET text x")
        let before = server.space.keyspace.stateDigest()
        #expect(notation(server.run("XGROUP SETPOLICY s g \(policy)")) == reply)
        #expect(server.space.keyspace.stateDigest() == before)
    }

    @Test func isTold() {
        var server = server(
            "VISIBILITY 5 MAXDELIVERIES 3 DEADLETTER d IDLECONSUMERS 1000 ORDERBY k FILTER a 1 FILTER b 2")
        let told =
            "$\"visibility\", :5, $\"max-deliveries\", :3, $\"dead-letter\", $\"d\", $\"idle-consumers\", :1000, "
            + "$\"order-by\", $\"k\", $\"parked\", :0, $\"filter\", *[$\"a\", $\"1\", $\"b\", $\"2\"]"
        #expect(notation(server.run("XINFO GROUPS s")).contains(told))
        #expect(notation(server.run("XINFO STREAM s FULL")).contains(told))
        #expect(notation(server.run("XINFO GROUPS s", isRESP3: true)).contains("$\"parked\" => :0"))
        #expect(notation(server.run("XGROUP SETPOLICY s none OFF")).hasPrefix("-NOGROUP"))
        #expect(notation(server.run("XGROUP SETPOLICY s g OFF")) == "+OK")
        #expect(!notation(server.run("XINFO GROUPS s")).contains("visibility"))
        #expect(
            notation(server.run("COMMAND GETKEYS XGROUP SETPOLICY s g MAXDELIVERIES 3 DEADLETTER d"))
                == "*[$\"s\", $\"d\"]")
    }

    // MARK: Redelivery

    @Test func deliversAgain() {
        var server = server("VISIBILITY 100", entries: 2)
        #expect(read(&server, count: 2) == ["1-0", "2-0"])
        #expect(read(&server, "d").isEmpty)
        server.pass(milliseconds: 50)
        _ = server.run("XACK s g 1-0")
        server.pass(milliseconds: 60)
        // As if it were new, and counted.
        #expect(
            notation(server.run("XREADGROUP GROUP g d STREAMS s >"))
                == "*[*[$\"s\", *[*[$\"2-0\", *[$\"f\", $\"2\"]]]]]")
        #expect(notation(server.run("XPENDING s g - + 9")) == "*[*[$\"2-0\", $\"d\", :1, :2]]")
    }

    /// Nobody has to ask: whoever waits gets it.
    @Test func pushesRedelivery() {
        var server = server("VISIBILITY 100", entries: 1)
        #expect(read(&server) == ["1-0"])
        #expect(server.run("XREADGROUP GROUP g d BLOCK 0 NOVALUES STREAMS s >", client: 2) == nil)
        server.pass(milliseconds: 90)
        #expect(server.late(2) == nil)
        server.pass(milliseconds: 20)
        #expect(ids(server.late(2)) == ["1-0"])
        // Given back, it goes at once.
        #expect(server.run("XREADGROUP GROUP g c BLOCK 0 NOVALUES STREAMS s >", client: 3) == nil)
        _ = server.run("XNACK s g FAIL IDS 1 1-0")
        #expect(ids(server.late(3)) == ["1-0"])
    }

    /// What was delivered while others waited already comes to them when its time is over.
    @Test func thoseWhoWaitLearnOfIt() {
        var server = server("VISIBILITY 100")
        for client in 2...3 {
            #expect(
                server.run("XREADGROUP GROUP g c\(client) BLOCK 0 NOVALUES STREAMS s >", client: UInt64(client)) == nil)
        }
        _ = server.run("XADD s 1-0 f v")
        #expect(ids(server.late(2)) == ["1-0"])
        server.pass(milliseconds: 110)
        #expect(ids(server.late(3)) == ["1-0"])
    }

    /// An entry that is gone from the stream is no longer pending either, once its time is over.
    @Test func forgetsWhatIsGone() {
        var server = server("VISIBILITY 100", entries: 2)
        #expect(read(&server, count: 2).count == 2)
        _ = server.run("XDEL s 1-0")
        server.pass(milliseconds: 110)
        #expect(read(&server, "d", count: 9) == ["2-0"])
        #expect(notation(server.run("XPENDING s g")).hasPrefix("*[:1,"))
    }

    // MARK: Dead letters

    @Test func putsAwayWhatFails() {
        var server = server("VISIBILITY 10 MAXDELIVERIES 2 DEADLETTER dead", entries: 2)
        for consumer in ["c", "d"] {
            #expect(read(&server, consumer, count: 2).count == 2)
            server.pass(milliseconds: 20)
        }
        _ = server.run("XADD s 3-0 f 3")
        #expect(read(&server, "e", count: 9) == ["3-0"])
        let letters = notation(server.run("XRANGE dead - +"))
        #expect(
            letters.contains(
                "*[$\"Dead-Letter-Stream\", $\"s\", $\"Dead-Letter-Group\", $\"g\", $\"Dead-Letter-Id\", $\"1-0\", "
                    + "$\"Dead-Letter-Reason\", $\"delivered 2 times\", $\"Dead-Letter-Consumer\", $\"d\", $\"f\", "
                    + "$\"1\"]"))
        #expect(notation(server.run("XLEN dead")) == ":2")
        #expect(notation(server.run("XPENDING s g")).hasPrefix("*[:1,"))
        // They come back as they were.
        #expect(notation(server.run("XREPLAY dead s COUNT 1")) == ":1")
        #expect(notation(server.run("XREVRANGE s + - COUNT 1")).hasSuffix("*[$\"f\", $\"1\"]]]"))
        #expect(notation(server.run("XREPLAY dead other")) == ":0")
        #expect(notation(server.run("XREPLAY dead other ANY")) == ":1")
        #expect(notation(server.run("XLEN dead")) == ":0")
        #expect(notation(server.run("XREPLAY dead dead")) == "-ERR source and destination objects are the same")
    }

    @Test(arguments: [
        ("XNACK s g FATAL IDS 1 1-0", "fatal"), ("XCLAIM s g d 0 1-0", "delivered 1 times"),
        ("XAUTOCLAIM s g d 0 0", "delivered 1 times"), ("XNACK s g FAIL IDS 1 1-0", "delivered 1 times"),
        ("XREADGROUP GROUP g d CLAIM 0 STREAMS s >", "delivered 1 times"),
    ]) func putsAwayAtOnce(command: String, reason: String) {
        var server = server("MAXDELIVERIES 1 DEADLETTER dead", entries: 1)
        #expect(read(&server) == ["1-0"])
        _ = server.run(command)
        #expect(notation(server.run("XRANGE dead - +")).contains("$\"Dead-Letter-Reason\", $\"\(reason)\""))
        #expect(notation(server.run("XPENDING s g")).hasPrefix("*[:0,"))
        #expect(read(&server, "d").isEmpty)
    }

    /// Where dead letters can't go entries are delivered on: nothing is lost, and nobody spins.
    @Test func deliversWhatCannotBePutAway() {
        var server = server("VISIBILITY 10 MAXDELIVERIES 1 DEADLETTER dead", entries: 1)
        _ = server.run("SET dead x")
        for _ in 0..<3 {
            #expect(read(&server) == ["1-0"])
            server.pass(milliseconds: 20)
        }
        _ = server.run("DEL dead")
        #expect(read(&server).isEmpty)
        #expect(notation(server.run("XLEN dead")) == ":1")
    }

    @Test func wakesWhoWaitsForDeadLetters() {
        var server = server("MAXDELIVERIES 1 DEADLETTER dead", entries: 1)
        #expect(server.run("XREAD BLOCK 0 NOVALUES STREAMS dead $", client: 2) == nil)
        #expect(read(&server) == ["1-0"])
        _ = server.run("XNACK s g FATAL IDS 1 1-0")
        #expect(server.late(2) != nil)
    }

    // MARK: Consumers

    @Test func consumersGoWhenTheyAreIdle() {
        var server = server("IDLECONSUMERS 1000", entries: 2)
        #expect(read(&server, "c") == ["1-0"])
        server.pass(milliseconds: 600)
        #expect(read(&server, "d") == ["2-0"])
        // A quarter more, in which it may have asked in vain.
        server.pass(milliseconds: 500)
        #expect(notation(server.run("XINFO CONSUMERS s g")).contains("$\"c\""))
        server.pass(milliseconds: 200)
        let consumers = notation(server.run("XINFO CONSUMERS s g"))
        #expect(!consumers.contains("$\"c\"") && consumers.contains("$\"d\""))
        // What it had is nobody's.
        #expect(
            notation(server.run("XPENDING s g - + 9")).hasPrefix("*[*[$\"1-0\", $\"\", :-1, :1], *[$\"2-0\", $\"d\""))
        server.pass(milliseconds: 3000)
        #expect(notation(server.run("XINFO CONSUMERS s g")) == "*[]")
    }

    @Test func consumersAreEndedWithCare() {
        var server = server("OFF", entries: 3)
        #expect(read(&server, "c", count: 2).count == 2)
        #expect(
            notation(server.run("XGROUP DELCONSUMER s g c IFEMPTY")) == "-NOTEMPTY the consumer has 2 pending entries")
        #expect(notation(server.run("XGROUP DELCONSUMER s g c TO d")) == ":2")
        #expect(notation(server.run("XPENDING s g - + 9 d")).contains("$\"1-0\", $\"d\", :"))
        #expect(notation(server.run("XGROUP DELCONSUMER s g c IFEMPTY")) == ":0")
        #expect(notation(server.run("XGROUP DELCONSUMER s g c TO d")) == ":0")
        #expect(notation(server.run("XGROUP DELCONSUMER s g d WITH e")).hasPrefix("-ERR unknown subcommand"))
        #expect(notation(server.run("XGROUP DELCONSUMER s g d")) == ":2")
        #expect(notation(server.run("XPENDING s g")).hasPrefix("*[:0,"))
    }

    @Test func groupsAreMadeByTheirFirstRead() {
        var server = LocalServer()
        #expect(notation(server.run("XREADGROUP GROUP g c MKGROUP 0 STREAMS s >")) == "*-1")
        #expect(notation(server.run("XINFO GROUPS s")).contains("$\"g\""))
        _ = server.run("XADD t 1-0 f v")
        #expect(
            server.run("XREADGROUP GROUP g c MKGROUP $ BLOCK 0 NOVALUES STREAMS s t > >", client: 2) == nil)
        _ = server.run("XADD t 2-0 f v")
        #expect(notation(server.late(2)) == "*[*[$\"t\", *[$\"2-0\"]]]")
        _ = server.run("SET text x")
        #expect(notation(server.run("XREADGROUP GROUP h c MKGROUP 0 STREAMS s text > >")).hasPrefix("-WRONGTYPE"))
        #expect(!notation(server.run("XINFO GROUPS s")).contains("$\"h\""))
        #expect(
            notation(server.run("XREADGROUP GROUP h c MKGROUP x STREAMS s >"))
                == "-ERR Invalid stream ID specified as stream command argument")
    }

    // MARK: Order and filter

    @Test func passesOverWhatIsNotItsOwn() {
        var server = server("FILTER kind a", entries: 6) { "kind \($0 % 2 == 0 ? "a" : "b")" }
        #expect(read(&server, count: 2) == ["2-0", "4-0"])
        #expect(read(&server, count: 9) == ["6-0"])
        #expect(notation(server.run("XPENDING s g")).hasPrefix("*[:3,"))
        _ = server.run("XADD s 7-0 kind b")
        #expect(read(&server).isEmpty)
        #expect(notation(server.run("XINFO GROUPS s")).contains("$\"lag\", :0"))
    }

    @Test func keepsTheOrderOfAKey() {
        var server = server("ORDERBY k", entries: 6) { "k \($0 % 2)" }
        #expect(read(&server, "c", count: 9) == ["1-0", "2-0"])
        #expect(notation(server.run("XINFO GROUPS s")).contains("$\"parked\", :4"))
        #expect(read(&server, "d", count: 9).isEmpty)
        _ = server.run("XACK s g 2-0")
        #expect(read(&server, "d", count: 9) == ["4-0"])
        // What has no key has no order.
        _ = server.run("XADD s 7-0 f v")
        #expect(read(&server, "d", count: 9) == ["7-0"])
        // One that is given back comes before those that follow it.
        _ = server.run("XNACK s g FAIL IDS 1 1-0")
        #expect(read(&server, "e", count: 9) == ["1-0"])
        // Nobody can take what is parked.
        #expect(notation(server.run("XCLAIM s g e 0 3-0 5-0 6-0")) == "*[]")
        #expect(notation(server.run("XAUTOCLAIM s g e 0 3-0 JUSTID")) == "*[$\"0-0\", *[$\"4-0\", $\"7-0\"], *[]]")
        #expect(notation(server.run("XNACK s g FAIL IDS 1 3-0")) == ":0")
        _ = server.run("XACK s g 1-0")
        #expect(read(&server, "e", count: 9) == ["3-0"])
    }

    @Test func whoWaitsGetsWhatFollows() {
        var server = server("ORDERBY k", entries: 3) { _ in "k 1" }
        #expect(read(&server, "c", count: 9) == ["1-0"])
        #expect(server.run("XREADGROUP GROUP g d BLOCK 0 NOVALUES STREAMS s >", client: 2) == nil)
        _ = server.run("XACK s g 1-0")
        #expect(ids(server.late(2)) == ["2-0"])
        #expect(server.run("XREADGROUP GROUP g d BLOCK 0 NOVALUES STREAMS s >", client: 2) == nil)
        _ = server.run("XGROUP DELCONSUMER s g d")
        #expect(ids(server.late(2)) == ["3-0"])
    }

    /// What is deleted while it waits for its turn doesn't hold up what follows it.
    @Test func orderGoesOnBehindWhatIsGone() {
        var server = server("ORDERBY k MAXDELIVERIES 1 DEADLETTER dead", entries: 4) { _ in "k 1" }
        #expect(read(&server, "c", count: 9) == ["1-0"])
        #expect(server.run("XREADGROUP GROUP g d BLOCK 0 NOVALUES STREAMS s >", client: 2) == nil)
        _ = server.run("XDEL s 2-0")
        _ = server.run("XACK s g 1-0")
        #expect(ids(server.late(2)) == ["3-0"])
        // A dead letter lets the next one go, to who waits.
        #expect(server.run("XREADGROUP GROUP g d BLOCK 0 NOVALUES STREAMS s >", client: 2) == nil)
        _ = server.run("XNACK s g FATAL IDS 1 3-0")
        #expect(ids(server.late(2)) == ["4-0"])
        #expect(notation(server.run("XLEN dead")) == ":1")
    }

    /// A dump has no place for an order: what was parked comes back as given back.
    @Test func dumpsLoseTheOrderAlone() {
        var server = server("ORDERBY k", entries: 3) { _ in "k 1" }
        #expect(read(&server, "c", count: 9) == ["1-0"])
        guard case .bulk(let bytes)? = server.run("DUMP s") else {
            Issue.record("no dump")
            return
        }
        let words: [[UInt8]] = [Array("RESTORE".utf8), Array("t".utf8), Array("0".utf8), bytes]
        #expect(notation(server.run(Arguments(words))) == "+OK")
        #expect(notation(server.run("XPENDING t g")).hasPrefix("*[:3,"))
        #expect(!notation(server.run("XINFO GROUPS t")).contains("order-by"))
        #expect(notation(server.run("XAUTOCLAIM t g d 0 0 JUSTID")).contains("$\"3-0\""))
    }

    /// What an acknowledgement lets go has a ticket, of which the next checkpoint must know.
    @Test func orderSurvivesCheckpoints() throws {
        var server = server("ORDERBY k", entries: 6) { "k \($0 % 2)" }
        var records: [TableKey: [UInt8]] = [:]
        func restored() throws -> Keyspace {
            var batch = TableBatch()
            server.space.keyspace.beginCheckpoint().encode(into: &batch)
            batch.forEach { key, value in
                if let value { records[key] = [UInt8](copying: value) } else { records[key] = nil }
            }
            var restorer = KeyspaceRestorer(hashSeed: 5)
            for (key, value) in records.sorted(by: { $0.key < $1.key }) { try restorer.load(key, value.span.bytes) }
            return try restorer.finish()
        }
        _ = try restored()
        for round in 0..<3 {
            let out = read(&server, count: 9)
            #expect(out == ["\(2 * round + 1)-0", "\(2 * round + 2)-0"])
            let before = try restored()
            #expect(before.stateDigest() == server.space.keyspace.stateDigest())
            for id in out { _ = server.run("XACK s g \(id)") }
            let after = try restored()
            #expect(after.stateDigest() == server.space.keyspace.stateDigest())
        }
        #expect(read(&server).isEmpty)
    }

    @Test func orderChangesOnlyWhereNothingIsPending() {
        var server = server("ORDERBY k", entries: 2) { _ in "k 1" }
        #expect(read(&server) == ["1-0"])
        #expect(
            notation(server.run("XGROUP SETPOLICY s g OFF"))
                == "-ERR ORDERBY can change only while nothing is pending in the group")
        #expect(notation(server.run("XGROUP SETPOLICY s g ORDERBY k VISIBILITY 5")) == "+OK")
        _ = server.run("XACK s g 1-0 2-0")
        #expect(notation(server.run("XGROUP SETPOLICY s g OFF")) == "+OK")
    }

    /// A group that is moved back delivers nothing twice that waits for its turn.
    @Test func orderHoldsAfterAMoveBack() {
        var server = server("ORDERBY k", entries: 4) { "k \($0 % 2)" }
        #expect(read(&server, count: 9) == ["1-0", "2-0"])
        _ = server.run("XGROUP SETID s g 0")
        #expect(read(&server, "d", count: 9).isEmpty)
        _ = server.run("XACK s g 1-0")
        #expect(read(&server, "d", count: 9) == ["3-0"])
    }

    /// What was done once is there again behind what is out.
    @Test func whatIsReadAgainWaitsForWhatIsOut() {
        var server = server("ORDERBY k", entries: 3) { _ in "k 1" }
        #expect(read(&server) == ["1-0"])
        _ = server.run("XACK s g 1-0")
        #expect(read(&server) == ["2-0"])
        _ = server.run("XGROUP SETID s g 0")
        #expect(read(&server, "d", count: 9).isEmpty)
        _ = server.run("XACK s g 2-0")
        #expect(read(&server, "d", count: 9) == ["1-0"])
        _ = server.run("XACK s g 1-0")
        #expect(read(&server, "d", count: 9) == ["3-0"])
    }

    /// By another name it takes its own dead letters: then they are delivered like any other.
    @Test func aRenamedStreamBuriesNothingInItself() {
        var server = server("MAXDELIVERIES 1 DEADLETTER d VISIBILITY 1", entries: 1)
        #expect(read(&server) == ["1-0"])
        _ = server.run("RENAME s d")
        server.pass(milliseconds: 100)
        _ = server.run("XREADGROUP GROUP g c STREAMS d >")
        #expect(notation(server.run("XLEN d")) == ":1")
    }

    @Test func wordsThatLookLikeADeadLetterStreamAreNone() throws {
        var server = server("VISIBILITY 5", entries: 1)
        #expect(
            notation(server.run("XGROUP SETPOLICY s g MAXDELIVERIES 1 DEADLETTER a DEADLETTER b"))
                == "-ERR syntax error")
        let words = Arguments("XGROUP", "SETPOLICY", "s", "g", "FILTER", "DEADLETTER", "a", "DEADLETTER", "b")
        guard case .found(let entry) = CommandTable.shared.find(words) else {
            Issue.record("no XGROUP SETPOLICY")
            return
        }
        #expect(entry.keyPlaces(words) == [2, 8])
    }

    /// A group without consumers has nothing to do, however soon they are idle.
    @Test func groupsWithoutConsumersSleep() {
        var server = server("IDLECONSUMERS 1000", entries: 2)
        #expect(read(&server) == ["1-0"])
        server.pass(milliseconds: 5000)
        #expect(notation(server.run("XINFO CONSUMERS s g")) == "*[]")
        #expect(server.space.keyspace.nextDue == nil)
        #expect(read(&server) == ["2-0"])
        #expect(server.space.keyspace.nextDue != nil)
        server.pass(milliseconds: 5000)
        #expect(notation(server.run("XINFO CONSUMERS s g")) == "*[]")
    }

    /// Who asks in vain is there; what it asks for goes into the log four times in what makes it idle.
    @Test func whoPollsInVainIsNotIdle() {
        var server = server("IDLECONSUMERS 1000", entries: 1)
        #expect(read(&server) == ["1-0"])
        var written = 0
        for _ in 0..<200 {
            let before = server.space.keyspace.stateDigest()
            #expect(read(&server).isEmpty)
            if server.space.keyspace.stateDigest() != before { written += 1 }
            server.pass(milliseconds: 49)
        }
        // Ten seconds.
        #expect((30...41).contains(written))
        #expect(notation(server.run("XINFO CONSUMERS s g")).contains("$\"c\""))
        #expect(notation(server.run("XPENDING s g - + 9")).contains("$\"c\""))
        server.pass(milliseconds: 1300)
        #expect(notation(server.run("XINFO CONSUMERS s g")) == "*[]")
    }

    /// Nor is who waits, also since before the policy was set.
    @Test func whoWaitsIsNotIdle() {
        var server = server("OFF", entries: 1)
        #expect(read(&server) == ["1-0"])
        #expect(server.run("XREADGROUP GROUP g c BLOCK 0 NOVALUES STREAMS s >", client: 2) == nil)
        #expect(server.run("XREADGROUP GROUP g d BLOCK 0 NOVALUES STREAMS s >", client: 3) == nil)
        _ = server.run("XGROUP CREATECONSUMER s g gone")
        #expect(notation(server.run("XGROUP SETPOLICY s g IDLECONSUMERS 1000")) == "+OK")
        for _ in 0..<100 { server.pass(milliseconds: 50) }
        let told = notation(server.run("XINFO CONSUMERS s g"))
        #expect(told.contains("$\"c\"") && told.contains("$\"d\"") && !told.contains("$\"gone\""))
        // Each gets its own still, and what comes of age.
        _ = server.run("XADD s 7-0 f v")
        #expect(ids(server.late(2)) == ["7-0"])
        #expect(notation(server.run("XGROUP SETPOLICY s g IDLECONSUMERS 100000 VISIBILITY 200")) == "+OK")
        server.pass(milliseconds: 250)
        #expect(server.late(3).map { ids($0).count } == 1)
    }

    @Test(arguments: 1...20) func orderIsNeverBroken(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var server = server("ORDERBY k VISIBILITY 40")
        var added: [Int] = [Int](repeating: 0, count: 5)
        // Of each key: what was acknowledged last.
        var done = [Int](repeating: 0, count: 5)
        var out: [String: (key: Int, number: Int)] = [:]
        for _ in 0..<800 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0...3:
                let key = Int.random(in: 0..<5, using: &random)
                added[key] += 1
                _ = server.run("XADD s * k \(key) n \(added[key])")
            case 4...6:
                let consumer = Int.random(in: 0..<4, using: &random)
                guard
                    case .array(let streams)? = server.run("XREADGROUP GROUP g c\(consumer) COUNT 3 STREAMS s >"),
                    case .array(let pair)? = streams.first, case .array(let entries)? = pair.last
                else { continue }
                for case .array(let entry) in entries {
                    guard case .bulk(let id) = entry[0], case .array(let fields) = entry[1],
                        case .bulk(let key) = fields[1], case .bulk(let number) = fields[3]
                    else { continue }
                    let place = Int(String(decoding: key, as: UTF8.self))!
                    let value = Int(String(decoding: number, as: UTF8.self))!
                    out[String(decoding: id, as: UTF8.self)] = (place, value)
                    // Whoever gets one gets the one behind the last that is done.
                    #expect(value == done[place] + 1, "seed \(seed)")
                    if value != done[place] + 1 { return }
                }
            case 7...8:
                guard let (id, what) = out.sorted(by: { $0.key < $1.key }).randomElement(using: &random) else {
                    continue
                }
                #expect(notation(server.run("XACK s g \(id)")) == ":1")
                done[what.key] = what.number
                out[id] = nil
            default: server.pass(milliseconds: Int64.random(in: 0...30, using: &random))
            }
        }
        // Nothing is lost: all come to an end.
        for _ in 0..<4000 where done != added {
            server.pass(milliseconds: 50)
            guard let first = read(&server, "z").first else { continue }
            guard case .array(let entries)? = server.run("XRANGE s \(first) \(first)"),
                case .array(let entry)? = entries.first, case .array(let fields) = entry[1],
                case .bulk(let key) = fields[1]
            else { continue }
            _ = server.run("XACK s g \(first)")
            done[Int(String(decoding: key, as: UTF8.self))!] += 1
        }
        #expect(done == added, "seed \(seed)")
    }
}
