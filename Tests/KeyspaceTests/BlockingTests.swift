// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import Testing

/// What Redis 8.8 does about those who wait, and what we do better: a waiter keeps its place.
@Suite struct BlockingTests {
    private static let noGroup = "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option"
    private static func entry(_ id: String) -> String { "*[*[$\"s\", *[*[$\"\(id)\", *[$\"f\", $\"1\"]]]]]" }

    /// A server with a group `g` of stream `s`, and clients 2 … that read of it in vain.
    private func server(readers: Int = 1, options: String = "") -> LocalServer {
        var server = LocalServer()
        #expect(notation(server.run("XGROUP CREATE s g $ MKSTREAM")) == "+OK")
        for reader in 0..<readers {
            let line = "XREADGROUP GROUP g c\(reader) \(options) BLOCK 10000 STREAMS s >"
            #expect(server.run(line, client: UInt64(2 + reader)) == nil)
        }
        return server
    }

    // MARK: Filters

    /// Who waits for what a filter lets through goes on behind what it has looked at.
    @Test func aFilterLooksAtNothingTwice() throws {
        var server = LocalServer()
        for number in 1...5 { _ = server.run("XADD s \(number)-0 kind a") }
        let words = Arguments(
            "XREAD BLOCK 0 FILTER kind b STREAMS s none 0 7-0".split(separator: " ").map { Array($0.utf8) })
        guard case .found(let entry) = CommandTable.shared.find(words) else {
            Issue.record("no XREAD")
            return
        }
        let call = Call(words, now: server.now, client: 9)
        var blocked = BlockedReaders()
        let reader = server.space.keyspace.waiter(entry, call, ticks: 0, isRESP3: false)
        blocked.add(try #require(reader))
        for last in [5, 6, 7] {
            blocked.wake([.filled(database: 0, name: Array("s".utf8))])
            let next = blocked.next()
            let waiter = try #require(next)
            let arguments = server.space.keyspace.arguments(of: waiter, now: server.now)
            #expect(arguments.text(9) == (last == 5 ? "5-0" : "\(last - 1)-0") && arguments.text(10) == "7-0")
            blocked.settle(isServed: false, looked: server.space.keyspace.lookedOn(waiter, now: server.now))
            _ = server.run("XADD s \(last + 1)-0 kind a")
        }
    }

    /// In a stream that was made anew, or set back, IDs may come again.
    @Test(arguments: ["DEL s", "XTRIM s MAXLEN 0"]) func aFilterSeesWhatComesAgain(command: String) {
        var server = LocalServer()
        for number in 1...5 { _ = server.run("XADD s \(number)-0 kind a") }
        #expect(server.run("XREAD BLOCK 0 FILTER kind b NOVALUES STREAMS s 1-0", client: 2) == nil)
        _ = server.run("XADD s 9-0 kind a")
        _ = server.run(command)
        if command.hasPrefix("XTRIM") { _ = server.run("XSETID s 2-0") }
        _ = server.run("XADD s 3-0 kind b")
        #expect(notation(server.late(2)) == "*[*[$\"s\", *[$\"3-0\"]]]")
    }

    @Test(arguments: [
        ("DEL s", noGroup), ("UNLINK s", noGroup), ("XGROUP DESTROY s g", noGroup), ("FLUSHDB", noGroup),
        ("FLUSHALL", noGroup), ("RENAME s other", noGroup), ("MOVE s 3", noGroup), ("SWAPDB 0 5", noGroup),
        ("SET s x", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
    ]) func wakesWhenItsGroupGoes(command: String, answer: String) {
        var server = server()
        _ = server.run(command)
        #expect(notation(server.late(2)) == answer)
        #expect(server.space.blocked.isEmpty)
    }

    @Test func wakesWhenItsKeyExpires() {
        var server = server()
        _ = server.run("PEXPIRE s 50")
        #expect(server.late(2) == nil)
        server.pass(milliseconds: 60)
        #expect(notation(server.late(2)) == Self.noGroup)
    }

    @Test func isUnblocked() {
        var server = server(readers: 2)
        #expect(notation(server.run("CLIENT UNBLOCK 2 ERROR")) == ":1")
        #expect(notation(server.late(2)) == "-UNBLOCKED client unblocked via CLIENT UNBLOCK")
        #expect(notation(server.run("CLIENT UNBLOCK 3")) == ":1")
        #expect(notation(server.late(3)) == "*-1")
        #expect(notation(server.run("CLIENT UNBLOCK 3")) == ":0")
    }

    @Test func servesAGroupInTurn() {
        var server = server(readers: 3)
        _ = server.run("XADD s 1-0 f 1")
        #expect([2, 3, 4].map { notation(server.late($0)) } == [Self.entry("1-0"), "<waits>", "<waits>"])
        _ = server.run("XADD s 2-0 f 1")
        #expect([3, 4].map { notation(server.late($0)) } == [Self.entry("2-0"), "<waits>"])
    }

    @Test func servesAsManyAsATransactionHasFor() {
        var server = server(readers: 2, options: "COUNT 1")
        for line in ["MULTI", "XADD s 1-0 f 1", "XADD s 2-0 f 1", "XADD s 3-0 f 1", "EXEC"] { _ = server.run(line) }
        #expect([2, 3].map { notation(server.late($0)) } == [Self.entry("1-0"), Self.entry("2-0")])
    }

    @Test func servesAllReaders() {
        var server = LocalServer()
        for client: UInt64 in [2, 3] { #expect(server.run("XREAD BLOCK 0 STREAMS s $", client: client) == nil) }
        _ = server.run("XADD s 1-0 f 1")
        #expect([2, 3].map { notation(server.late($0)) } == [Self.entry("1-0"), Self.entry("1-0")])
    }

    @Test func answersWithAllStreamsThatHaveSomething() {
        var server = LocalServer()
        #expect(server.run("XREAD BLOCK 0 STREAMS s t $ $", client: 2) == nil)
        for line in ["MULTI", "XADD t 1-0 f 1", "XADD s 1-0 f 1", "EXEC"] { _ = server.run(line) }
        let row = "*[*[$\"1-0\", *[$\"f\", $\"1\"]]]"
        #expect(notation(server.late(2)) == "*[*[$\"s\", \(row)], *[$\"t\", \(row)]]")
    }

    @Test func aReaderOutlivesOtherTypes() {
        var server = LocalServer()
        #expect(server.run("XREAD BLOCK 0 STREAMS s $", client: 2) == nil)
        for line in ["SET s x", "DEL s"] { _ = server.run(line) }
        #expect(server.late(2) == nil)
        _ = server.run("XADD s 1-0 f 1")
        #expect(notation(server.late(2)) == Self.entry("1-0"))
    }

    /// Of several keys, one that has got another type keeps nobody from the others.
    @Test func otherTypesAreInNobodysWay() {
        var server = LocalServer()
        #expect(server.run("XREAD BLOCK 0 STREAMS t s $ $", client: 2) == nil)
        #expect(server.run("XREAD BLOCK 0 FILTER f 1 STREAMS s t $ 5-0", client: 3) == nil)
        #expect(server.run("BLPOP s l 0", client: 4) == nil)
        _ = server.run("SET t x")
        _ = server.run("XADD s 1-0 f 1")
        #expect([2, 3, 4].map { notation(server.late($0)) } == [Self.entry("1-0"), Self.entry("1-0"), "<waits>"])
        _ = server.run("RPUSH l a")
        #expect(notation(server.late(4)) == "*[$\"l\", $\"a\"]")
        #expect(server.run("BLPOP l m 0", client: 5) == nil)
        for line in ["SET l x", "SET m x"] { _ = server.run(line) }
        #expect(server.late(5) == nil)
        for line in ["DEL l", "RPUSH l b"] { _ = server.run(line) }
        #expect(notation(server.late(5)) == "*[$\"l\", $\"b\"]")
        // An item that can't go where it was to go is told of.
        #expect(server.run("BLMOVE l t LEFT LEFT 0", client: 6) == nil)
        for line in ["SET l x", "DEL l"] { _ = server.run(line) }
        #expect(server.late(6) == nil)
        _ = server.run("RPUSH l c")
        #expect(notation(server.late(6)).hasPrefix("-WRONGTYPE") && notation(server.run("LLEN l")) == ":1")
    }

    @Test func nothingWaitsInATransaction() {
        var server = LocalServer()
        for line in ["MULTI", "XREAD BLOCK 0 STREAMS s $"] { _ = server.run(line) }
        #expect(notation(server.run("EXEC")) == "*[*-1]")
    }

    @Test func aConsumerIsMadeBeforeItWaits() {
        var server = server()
        let groups = notation(server.run("XINFO GROUPS s"))
        #expect(
            groups
                == "*[*[$\"name\", $\"g\", $\"consumers\", :1, $\"pending\", :0, $\"last-delivered-id\", $\"0-0\", "
                + "$\"entries-read\", null, $\"lag\", :0]]")
    }

    @Test func aStreamThatTakesTheNameServes() {
        var server = server()
        for line in ["XGROUP CREATE t g 0 MKSTREAM", "XADD t 1-0 f 1", "RENAME t s"] { _ = server.run(line) }
        #expect(notation(server.late(2)) == Self.entry("1-0"))
    }

    @Test func aStreamWithoutTheGroupThatTakesTheNameEnds() {
        var server = server()
        for line in ["XADD t 1-0 f 1", "RENAME t s"] { _ = server.run(line) }
        #expect(notation(server.late(2)) == Self.noGroup)
    }

    @Test func historyNeverWaits() {
        var server = LocalServer()
        _ = server.run("XGROUP CREATE s g $ MKSTREAM")
        #expect(notation(server.run("XREADGROUP GROUP g c BLOCK 0 STREAMS s 0")) == "*[*[$\"s\", *[]]]")
    }

    @Test func whatWasDeletedIsPassed() {
        var server = LocalServer()
        for line in ["XADD s 1-0 f 1", "XDEL s 1-0"] { _ = server.run(line) }
        #expect(server.run("XREAD BLOCK 0 STREAMS s 1-0", client: 2) == nil)
        _ = server.run("XADD s 2-0 f 1")
        #expect(notation(server.late(2)) == Self.entry("2-0"))
    }

    @Test func anIDToComeIsWaitedFor() {
        var server = LocalServer()
        #expect(server.run("XREAD BLOCK 0 STREAMS s 9-0", client: 2) == nil)
        _ = server.run("XADD s 1-0 f 1")
        #expect(server.late(2) == nil)
        _ = server.run("XADD s 10-0 f 1")
        #expect(notation(server.late(2)) == Self.entry("10-0"))
    }

    @Test(arguments: [false, true]) func timeIsOver(isRESP3: Bool) {
        var server = LocalServer()
        #expect(server.run("XREAD BLOCK 100 STREAMS s $", client: 2, isRESP3: isRESP3) == nil)
        server.pass(milliseconds: 99)
        #expect(server.late(2) == nil)
        server.pass(milliseconds: 1)
        #expect(notation(server.late(2)) == (isRESP3 ? "null" : "*-1"))
    }

    @Test func whoIsNotServedKeepsItsDeadline() {
        var server = LocalServer()
        _ = server.run("XGROUP CREATE s g $ MKSTREAM")
        #expect(server.run("XREADGROUP GROUP g a BLOCK 0 STREAMS s >", client: 2) == nil)
        #expect(server.run("XREADGROUP GROUP g b BLOCK 100 STREAMS s >", client: 3) == nil)
        server.pass(milliseconds: 60)
        _ = server.run("XADD s 1-0 f 1")
        #expect(server.late(2) != nil && server.late(3) == nil)
        server.pass(milliseconds: 38)
        #expect(server.late(3) == nil)
        server.pass(milliseconds: 2)
        #expect(notation(server.late(3)) == "*-1")
    }

    @Test func pendingEntriesComeOfAge() {
        var server = LocalServer()
        for line in ["XADD s 1-0 f 1", "XGROUP CREATE s g 0", "XREADGROUP GROUP g a STREAMS s >"] {
            _ = server.run(line)
        }
        #expect(server.run("XREADGROUP GROUP g b BLOCK 1000 CLAIM 200 STREAMS s >", client: 2) == nil)
        server.pass(milliseconds: 190)
        #expect(server.late(2) == nil)
        server.pass(milliseconds: 10)
        #expect(notation(server.late(2)) == "*[*[$\"s\", *[*[$\"1-0\", *[$\"f\", $\"1\"], :201, :1]]]]")
    }

    /// Nothing is pending when the wait begins; what is delivered afterwards comes of age as well.
    @Test func whatBecomesPendingLaterComesOfAge() {
        var server = LocalServer()
        _ = server.run("XGROUP CREATE s g 0 MKSTREAM")
        #expect(server.run("XREADGROUP GROUP g a BLOCK 0 STREAMS s >", client: 3) == nil)
        #expect(server.run("XREADGROUP GROUP g b BLOCK 0 CLAIM 100 STREAMS s >", client: 2) == nil)
        _ = server.run("XADD s 1-0 f 1")
        #expect(notation(server.late(3)) == Self.entry("1-0") && server.late(2) == nil)
        server.pass(milliseconds: 100)
        #expect(notation(server.late(2)) == "*[*[$\"s\", *[*[$\"1-0\", *[$\"f\", $\"1\"], :100, :1]]]]")
    }

    @Test func whatIsGivenBackWakesClaims() {
        var server = LocalServer()
        for line in ["XADD s 1-0 f 1", "XGROUP CREATE s g 0", "XREADGROUP GROUP g a STREAMS s >"] {
            _ = server.run(line)
        }
        #expect(server.run("XREADGROUP GROUP g b BLOCK 0 CLAIM 100000 STREAMS s >", client: 2) == nil)
        #expect(notation(server.run("XNACK s g FAIL IDS 1 1-0")) == ":1")
        #expect(server.late(2) != nil)
    }

    @Test func readersAndGroupsBothGetIt() {
        var server = server()
        #expect(server.run("XREAD BLOCK 0 STREAMS s $", client: 9) == nil)
        _ = server.run("XADD s 1-0 f 1")
        #expect([2, 9].map { notation(server.late($0)) } == [Self.entry("1-0"), Self.entry("1-0")])
    }

    @Test func theLastEntryOfNothingIsTheNextOne() {
        var server = LocalServer()
        #expect(server.run("XREAD BLOCK 0 STREAMS s +", client: 2) == nil)
        _ = server.run("XADD s 1-0 f 1")
        #expect(notation(server.late(2)) == Self.entry("1-0"))
    }

    @Test func listsAndStreamsShareAName() {
        var server = LocalServer()
        #expect(server.run("BLPOP s 0", client: 2) == nil)
        #expect(server.run("XREAD BLOCK 0 STREAMS s $", client: 3) == nil)
        _ = server.run("RPUSH s v")
        #expect(notation(server.late(2)) == "*[$\"s\", $\"v\"]")
        #expect(server.late(3) == nil)
        _ = server.run("XADD s 1-0 f 1")
        #expect(notation(server.late(3)) == Self.entry("1-0"))
    }

    @Test func itemsAreMovedWhenTheyCome() {
        var server = LocalServer()
        #expect(server.run("BLMOVE a b LEFT RIGHT 0", client: 2) == nil)
        #expect(server.run("BRPOPLPUSH b c 0", client: 3) == nil)
        _ = server.run("RPUSH a v")
        #expect(notation(server.late(2)) == "$\"v\"")
        #expect(notation(server.late(3)) == "$\"v\"")
        #expect(notation(server.run("LRANGE c 0 -1")) == "*[$\"v\"]")
        #expect(notation(server.run("EXISTS a b")) == ":0")
    }

    @Test func aDeletedConsumerIsMadeAgain() {
        var server = server()
        _ = server.run("XGROUP DELCONSUMER s g c0")
        #expect(server.late(2) == nil)
        _ = server.run("XADD s 1-0 f 1")
        #expect(notation(server.late(2)) == Self.entry("1-0"))
        #expect(notation(server.run("XINFO CONSUMERS s g")).hasPrefix("*[*[$\"name\", $\"c0\", $\"pending\", :1,"))
    }

    // MARK: Better than the original

    /// Redis puts whoever is looked at in vain to the end of all its queues.
    @Test func whoIsLookedAtInVainKeepsItsPlace() {
        var server = LocalServer()
        for line in ["XGROUP CREATE a g $ MKSTREAM", "XGROUP CREATE b g $ MKSTREAM"] { _ = server.run(line) }
        #expect(server.run("XREADGROUP GROUP g first BLOCK 0 STREAMS a b > >", client: 2) == nil)
        #expect(server.run("XREADGROUP GROUP g second BLOCK 0 STREAMS b >", client: 3) == nil)
        // Something is there, and gone before anybody is looked at.
        for line in ["MULTI", "XADD a 1-0 f 1", "XDEL a 1-0", "EXEC"] { _ = server.run(line) }
        #expect(server.late(2) == nil)
        _ = server.run("XADD b 1-0 f 1")
        #expect(server.late(2) != nil && server.late(3) == nil)
    }

    /// A new entry costs one look more than it serves.
    @Test func aNewEntryLooksAtFew() {
        var readers = BlockedReaders()
        var keyspace = Keyspace()
        var reply = ReplyWriter()
        func run(_ words: String..., now: Int64 = 1) -> CommandOutcome {
            let arguments = Arguments(words.map { Array($0.utf8) })
            guard case .found(let entry) = CommandTable.shared.find(arguments) else { return .failed }
            return keyspace.apply(entry, Call(arguments, now: now), &reply)
        }
        _ = run("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
        for client in 0..<1000 {
            let arguments = Arguments("XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">")
            let entry = CommandTable.shared.entry(arguments)!
            let call = Call(arguments, now: 1, client: UInt64(client))
            readers.add(keyspace.waiter(entry, call, ticks: 0, isRESP3: false)!)
        }
        keyspace.signals = []
        _ = run("XADD", "s", "*", "f", "v")
        readers.wake(keyspace.signals)
        var looks = 0
        while let waiter = readers.next() {
            #expect(waiter.client == UInt64(looks))
            readers.settle(isServed: looks == 0)
            looks += 1
        }
        #expect(looks == 2 && readers.count == 999)
    }
}
