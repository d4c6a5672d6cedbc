// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRaft
import MartletReplica
import Testing

/// Blocks of streams that are not in memory: who waits for them, and who doesn't.
@Suite struct EvictionTests {
    private static func configuration(_ memoryBytes: Int?) -> ReplicaConfiguration {
        var configuration = TestMember.configuration
        configuration.streamMemoryBytes = memoryBytes
        configuration.limits.loadingBytesMax = 100
        return configuration
    }

    /// A stream of 200 entries of which the newest are in memory alone.
    private func filled(memoryBytes: Int? = 0) throws -> TestMember {
        var member = try TestMember(Self.configuration(memoryBytes))
        member.settle()
        _ = member.result(1, "CONFIG SET stream-node-max-entries 10", "XGROUP CREATE s g 0 MKSTREAM")
        for number in 1...200 { _ = member.result(1, "XADD s \(number)-0 f \(number)") }
        evict(&member)
        return member
    }

    private func evict(_ member: inout TestMember) {
        member.pass(.seconds(2))
        member.writeCheckpoint()
        member.settle()
    }

    @Test func readsWaitAlone() throws {
        var member = try filled()
        #expect(member.replica.keyspace.blockMemory.evictedCount > 15)
        member.holdsBlocks = true
        #expect(member.ask(2, "XLEN s", "XRANGE s 5-0 5-0", "XLEN s", "XADD s 300-0 f late", "XLEN s") == .later)
        #expect(member.told(2) == ":200")
        // Others go on, also with the same stream.
        #expect(member.result(3, "XADD s 201-0 f v", "XRANGE s 201-0 +").hasPrefix("$5|201-0|*1|*2|$5|201-0"))
        #expect(member.outcome(of: .put(.init(key: bytes("k"), value: bytes("v")))) != nil)
        #expect(member.told(2).isEmpty && member.orders.count == 1)
        member.bringBlocks()
        member.step(.turnEnded)
        member.settle()
        #expect(member.told(2) == "*1|*2|$3|5-0|*2|$1|f|$1|5|:201|$5|300-0|:202")
    }

    /// However much a read without a group passes over: it goes on in pieces, and waits at the end if it is to.
    @Test func readsOfAnyLengthGoOnInPieces() throws {
        var configuration = Self.configuration(0)
        configuration.limits.readBlockBytesMax = Keyspace.pieceBytes + 20_000
        var member = try TestMember(configuration)
        member.settle()
        let value = String(repeating: "v", count: 10_000)
        for number in 1...300 { _ = member.result(1, "XADD s \(number)-0 f \(number) v \(value)") }
        evict(&member)
        #expect(member.result(2, "XREAD FILTER f 3 NOVALUES STREAMS s 0") == "*1|*2|$1|s|*1|$3|3-0")
        evict(&member)
        member.holdsBlocks = true
        #expect(member.ask(2, "XREAD BLOCK 0 FILTER f late STREAMS s t 0 0") == .later)
        _ = member.result(3, "XADD s 301-0 f late")
        member.holdsBlocks = false
        member.bringBlocks()
        member.step(.turnEnded)
        member.settle()
        #expect(member.told(2) == "*1|*2|$1|s|*1|*2|$5|301-0|*2|$1|f|$4|late")
        evict(&member)
        // Behind a change of the same client, too.
        #expect(member.ask(2, "XADD u 1-0 f v", "XREAD BLOCK 0 FILTER f none STREAMS s t 0 0") == .later)
        member.step(.turnEnded)
        member.settle()
        #expect(member.told(2) == "$3|1-0")
        _ = member.result(3, "XADD t 1-0 f some", "XADD t 2-0 f none")
        #expect(member.told(2) == "*1|*2|$1|t|*1|*2|$3|2-0|*2|$1|f|$4|none")
        evict(&member)
        #expect(member.ask(2, "XREAD BLOCK 0 FILTER f none STREAMS s 0") == .later)
        member.settle()
        _ = member.result(3, "XADD s 302-0 f none")
        #expect(member.told(2) == "*1|*2|$1|s|*1|*2|$5|302-0|*2|$1|f|$4|none")
    }

    @Test func whatIsAppliedWaits() throws {
        var member = try filled()
        member.holdsBlocks = true
        let applied = member.replica.applied.index
        member.ask(2, "XADD t 1-0 f v", "XDEL s 5-0", "XLEN s")
        member.step(.turnEnded)
        member.settle()
        #expect(member.replica.isApplyHalted && member.replica.applied.index == applied)
        #expect(member.told(2).isEmpty)
        // What comes behind it is durable and waits; reads go on, ticks and checkpoints do no harm.
        #expect(member.outcome(of: .put(.init(key: bytes("k"), value: bytes("v")))) == nil)
        member.ask(3, "XADD s 201-0 f v")
        member.step(.turnEnded)
        member.settle()
        #expect(member.result(4, "XLEN s") == ":200")
        for _ in 0..<5 { member.pass(.seconds(2)) }
        #expect(member.checkpoint == nil && !member.hasWork)
        member.bringBlocks()
        member.settle()
        #expect(!member.replica.isApplyHalted)
        #expect(member.told(2) == "$3|1-0|:1|:199" && member.told(3) == "$5|201-0")
        #expect(member.replies.last { $0.waiter == WaiterID(.max) } != nil)
        try member.checkRestarts(Self.configuration(0))
        try member.checkRestarts()
    }

    /// Nobody sees half of a transaction, however long it takes.
    @Test func transactionsShowAsOne() throws {
        var member = try filled()
        member.holdsBlocks = true
        member.exec(2, ["XADD t 1-0 f v", "PING", "XDEL s 5-0", "XLEN t"])
        member.step(.turnEnded)
        member.settle()
        #expect(member.replica.isApplyHalted)
        #expect(member.ask(3, "XLEN t") == .later)
        #expect(member.exec(4, ["XLEN t", "XLEN s"]) == .later)
        #expect(member.ask(5, "XREAD BLOCK 0 STREAMS t 0") == .later)
        member.pass(.seconds(1))
        member.step(.commandsDue)
        #expect(member.told(3).isEmpty && member.told(4).isEmpty && member.told(5).isEmpty)
        member.holdsBlocks = false
        member.step(.turnEnded)
        member.settle()
        #expect(member.told(2) == "*4|$3|1-0|:1|:1")
        #expect(member.told(3) == ":1")
        #expect(member.told(4) == "*2|:1|:199")
        #expect(member.told(5).contains("1-0"))
    }

    /// The places of its keys' replies are right also where the replies are nobody's: after a restart.
    @Test func aTransactionWithKeysWaitsInItsMiddle() throws {
        var member = try filled()
        member.holdsBlocks = true
        member.exec(2, ["SET x 1", "KV.PUT a 1", "XDEL s 5-0", "KV.PUT b 2"])
        member.step(.turnEnded)
        member.settle()
        #expect(member.replica.isApplyHalted)
        member.holdsBlocks = false
        member.step(.turnEnded)
        member.settle()
        #expect(member.told(2) == "*4|+OK|*2|$8|revision|:2|:1|*2|$8|revision|:2")
        try member.checkRestarts(Self.configuration(0))
        try member.checkRestarts()
    }

    @Test func aReadOnlyTransactionSeesOneMoment() throws {
        var member = try filled()
        member.holdsBlocks = true
        #expect(member.exec(2, ["XRANGE s 5-0 5-0", "XRANGE s 95-0 95-0", "XLEN s"]) == .later)
        member.step(.turnEnded)
        #expect(member.result(3, "XADD s 201-0 f v") == "$5|201-0")
        member.holdsBlocks = false
        member.settle()
        #expect(member.told(2) == "*3|*1|*2|$3|5-0|*2|$1|f|$1|5|*1|*2|$4|95-0|*2|$1|f|$2|95|:201")
    }

    /// Readers of a group are given what has left memory, by way of the log.
    /// Deletions are small records, and each has a block written once more: a checkpoint doesn't wait for its time.
    @Test func deletionsEverywhereCallForACheckpoint() throws {
        var configuration = Self.configuration(0)
        configuration.limits.checkpointBytes = 100_000
        var member = try TestMember(configuration)
        member.settle()
        _ = member.result(1, "CONFIG SET stream-node-max-entries 10")
        for number in 1...200 { _ = member.result(1, "XADD s \(number)-0 f \(number)") }
        evict(&member)
        _ = member.result(1, "XDEL s 5-0 6-0")
        #expect(member.checkpoint == nil)
        _ = member.result(1, "XDEL s 15-0 25-0 35-0 45-0 55-0 65-0")
        #expect(member.checkpoint != nil)
        evict(&member)
        #expect(member.result(1, "XLEN s") == ":192")
        member.holdsBlocks = true
        #expect(member.ask(2, "XRANGE s 1-0 3-0") == .later)
    }

    /// A copy waits for no blocks, and they are copied with the next checkpoint.
    @Test func copiesWaitForNothing() throws {
        var member = try filled()
        member.holdsBlocks = true
        #expect(member.result(1, "COPY s u", "XDEL u 200-0", "XLEN u") == ":1|:1|:199")
        #expect(member.orders.isEmpty && !member.replica.isApplyHalted)
        member.holdsBlocks = false
        #expect(member.result(1, "XDEL s 5-0", "XRANGE u 5-0 5-0") == ":1|*1|*2|$3|5-0|*2|$1|f|$1|5")
        #expect(member.result(1, "DEL s") == ":1")
        evict(&member)
        #expect(member.result(1, "XRANGE u 5-0 5-0") == "*1|*2|$3|5-0|*2|$1|f|$1|5")
        #expect(member.result(1, "XRANGE u 15-0 15-0") == "*1|*2|$4|15-0|*2|$1|f|$2|15")
        try member.checkRestarts(Self.configuration(0))
    }

    @Test func groupsReadOn() throws {
        var member = try filled()
        for first in stride(from: 1, through: 191, by: 10) {
            let told = member.result(2, "XREADGROUP GROUP g c COUNT 10 STREAMS s >")
            #expect(told.contains("|\(first)-0|") && told.contains("|\(first + 9)-0|"))
            evict(&member)
        }
        #expect(member.result(2, "XREADGROUP GROUP g c COUNT 3 STREAMS s 20").contains("|21-0|"))
        #expect(member.result(2, "XAUTOCLAIM s g d 0 15 COUNT 20").contains("|34-0|"))
        #expect(member.result(2, "XINFO GROUPS s").hasSuffix("|lag|:0"))
        try member.checkRestarts(Self.configuration(0))
    }

    /// A record of nobody here: as a restart reads it.
    @Test func aRestartHoldsNoBlocks() throws {
        var member = try filled()
        _ = member.result(1, "XDEL s 15-0 85-0", "XTRIM s MAXLEN 190", "XADD s 201-0 f v")
        let again = try member.restarted(Self.configuration(0))
        #expect(again.replica.keyspace.blockMemory.loadedCount > 0)
        #expect(again.replica.keyspace.stateDigest() == member.replica.keyspace.stateDigest())
        let plain = try member.restarted(Self.configuration(nil))
        #expect(plain.replica.keyspace.stateDigest() == member.replica.keyspace.stateDigest())
        var other = again
        #expect(other.result(1, "XLEN s", "XRANGE s - + COUNT 1") == ":191|*1|*2|$3|9-0|*2|$1|f|$1|9")
    }

    /// Blocks ordered for a record of a state that is given up don't count as those of the next one's.
    @Test func ordersOfAStateThatIsGivenUpAreNobodys() throws {
        var member = try filled()
        member.holdsBlocks = true
        #expect(member.ask(2, "XRANGE s 5-0 5-0") == .later)
        member.step(.turnEnded)
        let blocks = try #require(member.orders.first).blocks
        var loads = BlockLoads()
        loads.append(blocks, for: .read(slot: 3))
        loads.append(blocks, for: .apply)
        var order = loads.next(limit: 10)
        let first = try #require(order)
        loads.append(blocks, for: .apply)
        order = loads.next(limit: 10)
        #expect(order == nil)
        loads.forgetApply()
        let ended = loads.end(first.number)
        #expect(!ended.purpose.isApply && ended.blocks == blocks)
        // The one that waited behind it is gone, the read is not.
        order = loads.next(limit: 10)
        let second = try #require(order)
        let purpose = loads.end(second.number).purpose
        if case .read(let slot) = purpose { #expect(slot == 3) } else { Issue.record("no read: \(purpose)") }
        order = loads.next(limit: 10)
        #expect(order == nil)
    }

    // MARK: What goes wrong

    @Test func aDamagedBlockEndsTheReadThatNeedsIt() throws {
        var member = try filled()
        member.holdsBlocks = true
        member.ask(2, "XRANGE s 5-0 5-0", "XLEN s")
        member.step(.turnEnded)
        let order = member.orders.removeFirst()
        let key = order.blocks[0].key
        member.step(.blocksLoaded(LoadedBlocks(order: order.number, damaged: key)))
        member.settle()
        #expect(member.told(2) == "-ERR a block of the stream is damaged: \(key). 'martlet check' tells more|:200")
        // Other bytes than were written are asked for again, but not for ever.
        member.ask(2, "XRANGE s - +", "XLEN s")
        member.step(.turnEnded)
        for _ in 0..<3 {
            let order = member.orders.removeFirst()
            member.step(.blocksLoaded(LoadedBlocks(order: order.number, values: order.blocks.map { _ in nil })))
        }
        member.settle()
        #expect(member.orders.isEmpty)
        #expect(member.told(2).hasPrefix("-ERR a block of the stream is damaged: "))
    }

    @Test func aDamagedBlockEndsTheMemberThatMustApplyIt() throws {
        var member = try filled()
        member.holdsBlocks = true
        member.ask(2, "XDEL s 5-0")
        member.step(.turnEnded)
        member.settle()
        let order = member.orders.removeFirst()
        var effects = Effects()
        member.replica.step(
            .blocksLoaded(LoadedBlocks(order: order.number, damaged: order.blocks[0].key)), at: member.moment,
            into: &effects)
        #expect(effects.failure == .damagedBlock(order.blocks[0].key))
        #expect(effects.commandReplies.count == 1)
        #expect(String(decoding: effects.commandReplies[0].bytes, as: UTF8.self).hasPrefix("-UNCERTAIN"))
    }

    @Test func whoWaitsIsToldOfTheEnd() throws {
        var member = try filled()
        member.holdsBlocks = true
        member.ask(2, "XRANGE s - +")
        member.exec(3, ["XADD t 1-0 f v", "XDEL s 5-0"])
        member.ask(4, "XDEL s 15-0")
        member.step(.turnEnded)
        member.settle()
        member.ask(5, "XLEN t")
        member.step(.stop)
        for client in 2...5 as ClosedRange<UInt64> { #expect(member.told(client).hasPrefix("-UNCERTAIN")) }
    }

    /// Random commands, with blocks that leave and come back late, in a member and in one that keeps all.
    @Test(arguments: testSeeds(1...12)) func answersAsIfAllWereThere(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var members = [try TestMember(Self.configuration(nil)), try TestMember(Self.configuration(0))]
        for index in members.indices { members[index].settle() }
        func each(_ body: (inout TestMember) -> Void) { for index in members.indices { body(&members[index]) } }
        each { _ = $0.result(1, "CONFIG SET stream-node-max-entries 4", "XGROUP CREATE s g 0 MKSTREAM") }
        for step in 1...250 {
            let id = "\(random.below(step) + 1)-0"
            var lines: [String] = []
            for _ in 0...random.below(4) {
                lines.append(
                    [
                        "XADD s \(step)-* f \(step)", "XADD s \(step)-* f \(step)", "XADD s \(step)-* f \(step)",
                        "XDEL s \(id)", "XRANGE s \(id) + COUNT 3", "XREVRANGE s + -", "XLEN s",
                        "XREADGROUP GROUP g c COUNT 3 STREAMS s >", "XACK s g \(id)", "XCLAIM s g d 0 \(id)",
                        "XREAD COUNT 2 STREAMS s \(id)", "XINFO STREAM s", "XTRIM s MAXLEN 150", "XINFO GROUPS s",
                        "XAUTOCLAIM s g c 0 \(id) COUNT 3",
                    ][random.below(15)])
            }
            let isTransaction = random.below(4) == 0
            let answers = members.indices.map { index in
                if isTransaction {
                    members[index].exec(1, lines)
                } else {
                    members[index].ask(1, lines: lines)
                }
                members[index].step(.turnEnded)
                members[index].settle()
                // A read that waits may see what others change meanwhile: here nobody does.
                return members[index].told(1) + "/" + members[index].result(2, "XRANGE s \(id) \(id)")
            }
            if answers[0] != answers[1] {
                Issue.record("seed \(seed), step \(step), \(lines): \(answers)")
                return
            }
            if random.below(8) == 0 { each { evict(&$0) } }
            if random.below(60) == 0 {
                members[0] = try members[0].restarted(Self.configuration(nil))
                members[1] = try members[1].restarted(Self.configuration(0))
            }
        }
        #expect(members[1].replica.keyspace.blockMemory.loadedCount > 0)
        #expect(members[0].replica.keyspace.stateDigest() == members[1].replica.keyspace.stateDigest())
        try members[1].checkRestarts(Self.configuration(0))
    }
}
