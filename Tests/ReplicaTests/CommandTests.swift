// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRESPCodec
import MartletRaft
import MartletReplica
import MartletWALCodec
import Testing

/// Commands of Redis's clients by way of the log.
@Suite struct CommandTests {
    private func ready() throws -> TestMember {
        var member = try TestMember()
        member.settle()
        return member
    }

    @Test func answersWhenDurable() throws {
        var member = try ready()
        let last = member.replica.applied.index
        #expect(member.ask(1, "XADD s 1-0 f v", "XLEN s", "XADD s 1-0 f v", "XLEN s") == .later)
        #expect(member.ask(2, "XADD t 5-0 f v", "XADD s 2-0 f v") == .later)
        member.step(.propose(put("a", "1"), waiter: WaiterID(1)))
        member.step(.turnEnded)
        #expect(member.commandReplies.isEmpty && member.replies.isEmpty)
        // One record for all, and one for the key.
        #expect(member.disk.waiting.count == 1)
        member.settle()
        #expect(member.replica.applied.index == last + 2)
        let refusal = "-ERR The ID specified in XADD is equal or smaller than the target stream top item"
        #expect(member.told(1) == "$3|1-0|:1|\(refusal)|:1")
        #expect(member.told(2) == "$3|5-0|$3|2-0")
        #expect(member.replies.count == 1)
        try member.checkRestarts()
    }

    @Test func readsNeedNoRecord() throws {
        var member = try ready()
        let told = member.result(1, "XADD s 1-0 f v", "XGROUP CREATE s g 0", "XGROUP CREATECONSUMER s g c")
        #expect(told.hasSuffix(":1"))
        #expect(member.result(1, "XREADGROUP GROUP g c STREAMS s >").contains("1-0"))
        let last = member.replica.applied.index
        #expect(member.ask(1, "XLEN s", "GET k") == .complete)
        #expect(member.told(1) == ":1|$-1")
        // Polls in vain neither.
        #expect(member.ask(1, "XLEN s", "XREADGROUP GROUP g c STREAMS s >") == .complete)
        #expect(member.told(1) == ":1|*-1")
        #expect(member.ask(1, "XREADGROUP GROUP g c BLOCK 10 STREAMS s >") == .later)
        #expect(member.ask(2, "BLPOP l 0") == .later)
        #expect(member.ask(3, "XREADGROUP GROUP x c BLOCK 10 STREAMS s >") == .complete)
        #expect(member.told(3).hasPrefix("-NOGROUP"))
        #expect(member.exec(3, ["XLEN s", "PING"]) == .complete)
        #expect(member.told(3) == "*2|:1|+outside")
        member.step(.turnEnded)
        member.settle()
        #expect(member.replica.applied.index == last && member.disk.waiting.isEmpty)
        #expect(member.replica.blockedClients == 2)
    }

    /// Of several keys, one that has got another type keeps nobody from the others: in the record neither.
    @Test func otherTypesAreInNobodysWay() throws {
        var member = try ready()
        member.ask(11, "BLPOP t l 0")
        member.ask(12, "BLPOP l t 0")
        _ = member.result(1, "SET t x")
        for _ in 0..<2 { _ = member.result(1, "RPUSH l a") }
        #expect(member.told(11) == "*2|$1|l|$1|a" && member.told(12) == "*2|$1|l|$1|a")
        member.ask(13, "BLMOVE l t LEFT LEFT 0")
        _ = member.result(1, "RPUSH l a")
        #expect(member.told(13).hasPrefix("-WRONGTYPE") && member.result(1, "LLEN l") == ":1")
        try member.checkRestarts()
    }

    /// From producer to consumer in one record.
    @Test func whoWaitsGetsItWithTheAppend() throws {
        var member = try ready()
        _ = member.result(1, "XGROUP CREATE s g $ MKSTREAM", "XGROUP CREATE s h $")
        _ = member.result(1, "XGROUP CREATECONSUMER s g a", "XGROUP CREATECONSUMER s g b")
        _ = member.result(1, "XGROUP CREATECONSUMER s h a")
        member.ask(11, "XREADGROUP GROUP g a COUNT 1 BLOCK 0 STREAMS s >")
        member.ask(12, "XREADGROUP GROUP g b COUNT 1 BLOCK 0 STREAMS s >")
        member.ask(13, "XREADGROUP GROUP h a BLOCK 0 STREAMS s >")
        member.ask(14, "XREAD BLOCK 0 STREAMS s $")
        let last = member.replica.applied.index
        #expect(member.result(1, "XADD s 1-0 f v") == "$3|1-0")
        #expect(member.replica.applied.index == last + 1)
        #expect(member.told(11).contains("1-0") && member.told(13).contains("1-0") && member.told(14).contains("1-0"))
        #expect(member.told(12) == "" && member.replica.blockedClients == 1)
        // Two of a transaction, of which one is left.
        member.exec(1, ["XADD s 2-0 f v", "XADD s 3-0 f v"])
        member.step(.turnEnded)
        member.settle()
        #expect(member.told(12).contains("2-0") && member.replica.blockedClients == 0)
        #expect(member.told(1) == "*2|$3|2-0|$3|3-0")
        #expect(member.result(11, "XREADGROUP GROUP g a COUNT 1 BLOCK 0 STREAMS s >").contains("3-0"))
        #expect(member.result(1, "XPENDING s g").hasPrefix("*4|:3|"))
        try member.checkRestarts()
    }

    @Test func oneEntryServesOneOfMany() throws {
        var member = try ready()
        _ = member.result(1, "XGROUP CREATE s g $ MKSTREAM")
        for client in 0..<50 {
            _ = member.result(1, "XGROUP CREATECONSUMER s g c\(client)")
            member.ask(UInt64(100 + client), "XREADGROUP GROUP g c\(client) COUNT 1 BLOCK 0 STREAMS s >")
        }
        // Thirty appends of three clients within one turn, behind each ten one that fails.
        for client in 2...4 {
            member.ask(UInt64(client), lines: (0..<10).map { "XADD s \($0 + 10 * client)-0 f v" } + ["XADD s 1-0 f v"])
        }
        member.step(.turnEnded)
        member.settle()
        let served = (0..<50).filter { member.told(UInt64(100 + $0)).contains("-0") }
        #expect(served == (0..<33).filter { $0 % 11 != 10 })
        #expect(member.replica.blockedClients == 20)
        // Those for whom an append had failed kept their places.
        #expect(member.result(1, "XADD s 100-0 f v") == "$5|100-0")
        #expect(member.told(110).contains("100-0"))
        try member.checkRestarts()
    }

    /// The same without the append's own record: what becomes available otherwise.
    @Test func whoWaitsIsWokenByOtherChanges() throws {
        var member = try ready()
        for number in 1...3 { _ = member.result(1, "XADD s \(number)-0 f v") }
        _ = member.result(1, "XGROUP CREATE s g $")
        for client in 0..<4 {
            _ = member.result(1, "XGROUP CREATECONSUMER s g c\(client)")
            member.ask(UInt64(10 + client), "XREADGROUP GROUP g c\(client) COUNT 1 BLOCK 0 STREAMS s >")
        }
        #expect(member.result(1, "XGROUP SETID s g 0") == "+OK")
        let told = (0..<4).map { member.told(UInt64(10 + $0)) }
        // Whether a new place in the group wakes is as Redis has it; a new entry serves one, and then those behind.
        if told.allSatisfy({ $0.isEmpty }) {
            #expect(member.result(1, "XADD s 4-0 f v") == "$3|4-0")
            for client in 0..<4 { #expect(member.told(UInt64(10 + client)).contains("\(client + 1)-0")) }
        } else {
            #expect(told.count { !$0.isEmpty } == 3)
        }
        member.ask(20, "XREADGROUP GROUP g c0 BLOCK 0 STREAMS s >")
        member.ask(21, "BLPOP l 0")
        #expect(member.result(1, "XGROUP DESTROY s g", "LPUSH l x") == ":1|:1")
        #expect(member.told(20).hasPrefix("-NOGROUP"))
        #expect(member.told(21) == "*2|$1|l|$1|x")
        try member.checkRestarts()
    }

    @Test func timePasses() throws {
        var member = try ready()
        _ = member.result(1, "XGROUP CREATE s g $ MKSTREAM", "XGROUP CREATECONSUMER s g a")
        member.ask(2, "XREADGROUP GROUP g a BLOCK 500 STREAMS s >")
        member.ask(3, "XREAD BLOCK 1500 STREAMS s $")
        _ = member.result(1, "SET k v PX 1000")
        let first = member.replica.commandsDue(at: member.moment)
        let due = try #require(first)
        #expect(due == member.moment.monotonic + .milliseconds(500))
        member.pass(.seconds(1))
        member.step(.commandsDue)
        member.settle()
        #expect(member.told(2) == "*-1" && member.told(3) == "")
        #expect(member.replica.keyspace.counts(of: 0).keys == 1)
        member.pass(.seconds(1))
        member.step(.commandsDue)
        member.settle()
        #expect(member.told(3) == "*-1")
        let none = member.replica.commandsDue(at: member.moment)
        #expect(none == nil)
        try member.checkRestarts()
    }

    /// What is proposed has an outcome that nobody forestalls.
    @Test func anOutcomeDecides() throws {
        var member = try ready()
        _ = member.result(1, "XGROUP CREATE s g $ MKSTREAM", "XGROUP CREATECONSUMER s g a")
        member.ask(2, "XREADGROUP GROUP g a BLOCK 500 STREAMS s >")
        member.ask(1, "XADD s 0-0 f v")
        member.step(.turnEnded)
        #expect(!member.replica.unblock(2, .error, into: &member.effects))
        member.pass(.seconds(1))
        member.step(.commandsDue)
        #expect(member.told(2) == "")
        // The append has failed.
        member.settle()
        #expect(member.told(2) == "*-1")
        member.ask(2, "XREADGROUP GROUP g a BLOCK 500 STREAMS s >")
        member.ask(1, "XADD s 1-0 f v")
        member.step(.turnEnded)
        member.replica.forget(client: 2)
        member.settle()
        // The client has gone, but the entry was handed to it.
        #expect(member.told(2) == "" && member.told(1).hasSuffix("|$3|1-0"))
        #expect(member.result(1, "XPENDING s g").hasPrefix("*4|:1|"))
        member.ask(3, "XREAD BLOCK 0 STREAMS s $")
        #expect(member.replica.unblock(3, .error, into: &member.effects))
        member.step(.turnEnded)
        #expect(member.told(3) == "-UNBLOCKED client unblocked via CLIENT UNBLOCK")
    }

    @Test func transactionsAreOneRecord() throws {
        var member = try ready()
        let lines = ["SET k 1", "PING", "XADD s 1-0 f v", "INCR k"]
        member.exec(1, lines)
        member.step(.turnEnded)
        member.settle()
        #expect(member.commandReplies.first?.gaps.map(\.command) == [1])
        #expect(member.told(1) == "*4|+OK|$3|1-0|:2")
        // Another's change is proposed before.
        member.ask(2, "SET k 5")
        member.exec(1, ["SET k 7"], watching: ["k"])
        member.step(.turnEnded)
        member.settle()
        #expect(member.told(1) == "*-1" && member.told(2) == "+OK")
        #expect(member.result(1, "GET k") == "$1|5")
        try member.checkRestarts()
    }

    /// A client's commands that exceed a record, and more than there is room for.
    @Test func largeRequestsAreSplitAndHeld() throws {
        var configuration = TestMember.configuration
        configuration.limits.pendingBytesMax = 4 << 20
        var member = try TestMember(configuration)
        member.settle()
        let text = String(repeating: "x", count: 700_000)
        for client in 1...8 {
            let answer = member.ask(UInt64(client), "XADD s * f \(text)", "XLEN s", "XADD s * f \(text)")
            #expect(answer == .later)
        }
        member.step(.turnEnded)
        member.settle()
        for client in 1...8 {
            let (length, told) = (2 * client - 1, member.told(UInt64(client)))
            #expect(told.contains("|:\(length)|$") && told.hasSuffix("|1700000000000-\(length)"))
        }
        try member.checkRestarts(configuration)
    }

    @Test func aFullKeyspaceRefusesToGrow() throws {
        var configuration = TestMember.configuration
        configuration.keyspaceQuotaBytes = 200_000
        var member = try TestMember(configuration)
        member.settle()
        let text = String(repeating: "x", count: 10_000)
        for _ in 0..<30 { _ = member.result(1, "XADD s * f \(text)") }
        let refusal = "-OOM command not allowed when used memory > 'maxmemory'."
        #expect(member.result(1, "XLEN s", "XADD s * f v", "DEL k", "SET k v").hasSuffix("|\(refusal)|:0|\(refusal)"))
        #expect(member.exec(1, ["XADD s * f v"]) == .complete)
        #expect(member.told(1) == refusal)
        #expect(member.result(1, "XTRIM s MAXLEN 1").hasPrefix(":"))
        member.pass(.seconds(2))
        #expect(member.result(1, "XADD s * f v").hasPrefix("$"))
        #expect(member.result(1, "XLEN s") == ":2")
        try member.checkRestarts(configuration)
    }

    @Test func theEndIsTold() throws {
        var member = try ready()
        member.ask(1, "XADD s 1-0 f v", "XADD s 2-0 f v")
        member.ask(2, "BLPOP l 0")
        member.step(.turnEnded)
        member.step(.stop)
        #expect(member.told(1).split(separator: "|").allSatisfy { $0.hasPrefix("-UNCERTAIN") })
        #expect(member.told(2).hasPrefix("-UNCERTAIN"))
        #expect(member.ask(3, "XADD s 3-0 f v") == .complete)
        #expect(member.told(3).hasPrefix("-UNCERTAIN"))
    }

    /// Random commands of many clients, checkpoints that fail or not, and restarts.
    @Test(arguments: 0..<6) func comesBackAsItWas(offset: UInt64) throws {
        var random = SeededRandom(seed: testSeed("CommandTests") &+ offset)
        var member = try ready()
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
        for turn in 0..<120 {
            for client in 0..<number(1...6) {
                var lines: [String] = []
                for _ in 0..<number(1...8) {
                    let key = ["s", "t", "k", "l"][number(0...3)]
                    lines.append(
                        [
                            "XADD \(key) * f \(number(0...999))", "XADD \(key) * f 1 g \(number(0...9))",
                            "XGROUP CREATE \(key) g 0 MKSTREAM",
                            "XREADGROUP GROUP g c\(client) COUNT 2 STREAMS \(key) >",
                            "XACK \(key) g 1700000000000-\(number(0...9))",
                            "XDEL \(key) 1700000000000-\(number(0...9))",
                            "XTRIM \(key) MAXLEN \(number(0...50))", "XAUTOCLAIM \(key) g c1 0 0 COUNT 3",
                            "SET \(key) v PX \(number(1...3000))", "DEL \(key)", "LPUSH \(key) a b", "XLEN \(key)",
                            "RENAME \(key) k", "INCR n", "SADD m \(number(0...99))", "SPOP m",
                        ][number(0...15)])
                }
                let blocked = "XREADGROUP GROUP g c\(client) COUNT 1 BLOCK 2000 STREAMS s >"
                let id = UInt64(turn * 10 + client)
                if number(0...4) == 0 { member.exec(id, lines) } else { member.ask(id, lines: lines + [blocked]) }
            }
            member.step(.turnEnded)
            if number(0...2) > 0 { member.settle() }
            if number(0...5) == 0 { member.pass(.milliseconds(number(1...1500))) }
            if number(0...5) == 0 { member.step(.commandsDue) }
            if member.checkpoint != nil {
                if number(0...3) == 0 {
                    member.checkpoint = nil
                    member.step(.checkpointEnded(isWritten: false))
                } else {
                    member.writeCheckpoint()
                }
            }
            if number(0...14) == 0 {
                member.settle()
                try member.checkRestarts()
            }
        }
        member.settle()
        try member.checkRestarts()
        #expect(member.replica.keyspace.counts(of: 0).keys > 0)
    }
}
