// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRESPCodec
import MartletStreams
import Testing

/// A keyspace whose blocks leave memory answers as one whose blocks don't.
@Suite struct EvictionTests {
    @Test(arguments: testSeeds(Array(1...40))) func answersAlike(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var plain = Keyspace(hashSeed: 1)
        var server = EvictingServer(budgetBytes: [0, 100, 400].randomElement(using: &random)!)
        var workload = EvictionWorkload(random: random.split(), isQueue: seed % 2 == 0)
        var now: Int64 = 1_795_219_839_000
        for step in 0..<700 {
            now += Int64.random(in: 0...2, using: &random)
            let line = workload.next()
            let words = Arguments(line.split(separator: " ").map { Array($0.utf8) })
            guard case .found(let entry) = CommandTable.shared.find(words) else {
                Issue.record("no command: \(line)")
                return
            }
            let call = Call(words, now: now, seed: UInt64(step))
            var reply = ReplyWriter()
            plain.apply(entry, call, &reply)
            workload.note(line, reply.bytes)
            let other = server.run(entry, call)
            if random.below(2) == 0 {
                plain.carryOutDue(now: now)
                server.carryOutDue(now: now)
            }
            if other != reply.bytes {
                Issue.record(
                    "seed \(seed), step \(step), \(line): \(text(other)) instead of \(text(reply.bytes))")
                return
            }
            if random.below(6) == 0 { server.checkpoint(isWritten: random.below(4) > 0) }
            if random.below(3) == 0 { _ = server.keyspace.evictBlocks(reserving: 0) }
            if step % 50 == 0 { #expect(plain.stateDigest() == server.keyspace.stateDigest(), "seed \(seed) \(step)") }
            if random.below(200) == 0 { try server.restart(readsBlocks: random.below(2) == 0) }
        }
        #expect(server.evictedCount > 0 && server.loadedCount > 0)
        #expect(plain.stateDigest() == server.keyspace.stateDigest())
    }

    private func text(_ bytes: [UInt8]) -> String { notation(LocalServer.value(bytes)) }

    private func filled(budgetBytes: Int, entries: Int) -> EvictingServer {
        var server = EvictingServer(budgetBytes: budgetBytes)
        for number in 1...entries { server.run("XADD s \(number)-0 f \(number)") }
        server.checkpoint(isWritten: true)
        while server.keyspace.evictBlocks(reserving: 0) {}
        return server
    }

    /// A stream is read twice by one command, and the first read lets go of an entry that another one has waited for:
    /// the second one hands that over. (`answersAlike`, seed 6.)
    @Test func whoWaitedInLineIsHandedOverByTheNextRead() {
        var server = EvictingServer(budgetBytes: 0)
        server.run("CONFIG SET stream-node-max-entries 2")
        for (number, key) in "abaacd".enumerated() { server.run("XADD s \(number + 1)-0 k \(key)") }
        server.run("XGROUP CREATE s g 0")
        server.run("XGROUP SETPOLICY s g ORDERBY k")
        server.run("XREADGROUP GROUP g c STREAMS s >")
        server.run("XDEL s 1-0")
        server.checkpoint(isWritten: true)
        while server.keyspace.evictBlocks(reserving: 0) {}
        let reply = text(server.run("XREADGROUP GROUP g d CLAIM 0 NOVALUES STREAMS s s > >"))
        #expect(reply.contains("3-0") && !reply.contains("4-0") && !reply.contains("1-0"), "\(reply)")
    }

    @Test func keepsToItsBudget() {
        var server = filled(budgetBytes: 20_000, entries: 20_000)
        #expect(server.keyspace.blockMemory.evictableBytes <= 20_000)
        #expect(server.keyspace.blockMemory.evictedCount > 100)
        // What others take of it is theirs, but for a quarter.
        while server.keyspace.evictBlocks(reserving: 10_000) {}
        #expect(server.keyspace.blockMemory.evictableBytes <= 10_000)
        while server.keyspace.evictBlocks(reserving: 100_000) {}
        let left = server.keyspace.blockMemory.evictableBytes
        #expect(left <= 5_000 && left > 3_000)
    }

    /// What is written but not known to be on disk stays, and so does what a lost checkpoint was to bring.
    @Test func nothingLeavesThatTheTablesLack() {
        var server = EvictingServer(budgetBytes: 0)
        for number in 1...1_000 { server.run("XADD s \(number)-0 f \(number)") }
        let begun = server.keyspace.beginCheckpoint()
        while server.keyspace.evictBlocks(reserving: 0) {}
        #expect(server.keyspace.blockMemory.evictedCount == 0)
        server.keyspace.failCheckpoint(begun)
        while server.keyspace.evictBlocks(reserving: 0) {}
        #expect(server.keyspace.blockMemory.evictedCount == 0)
        server.checkpoint(isWritten: true)
        // Changed since: the tables have it otherwise.
        server.run("XDEL s 5-0")
        while server.keyspace.evictBlocks(reserving: 0) {}
        let loads = server.keyspace.blockMemory.loadedCount
        server.run("XRANGE s 1-0 50-0")
        #expect(server.keyspace.blockMemory.loadedCount == loads)
        server.run("XRANGE s 310-0 350-0")
        #expect(server.keyspace.blockMemory.loadedCount == loads + 1)
    }

    /// Whoever reads all of a long stream drives out nothing but what he has brought.
    /// A deletion says little and has a whole block written once more: that is told, once for each checkpoint.
    @Test func blocksThatAreWrittenAgainAreTold() {
        var server = filled(budgetBytes: 0, entries: 1_000)
        #expect(server.keyspace.takeRewrittenBytes() == 0)
        server.run("XDEL s 5-0")
        let one = server.keyspace.takeRewrittenBytes()
        #expect(one > 16_000)
        server.run("XDEL s 6-0")
        #expect(server.keyspace.takeRewrittenBytes() == 0)
        server.run("XDEL s 7-0 305-0 605-0")
        #expect(server.keyspace.takeRewrittenBytes() > one)
        server.checkpoint(isWritten: true)
        server.run("XTRIM s MINID = 10")
        #expect(server.keyspace.takeRewrittenBytes() > 16_000)
        // The open block is written anyway.
        server.run("XDEL s 1000-0")
        #expect(server.keyspace.takeRewrittenBytes() == 0)
    }

    @Test func aLongReadTakesNobodysRoom() {
        var server = filled(budgetBytes: 40_000, entries: 20_000)
        // The newest blocks are there.
        server.run("XRANGE s 18000-0 20000-0")
        #expect(server.keyspace.blockMemory.loadedCount == 0)
        server.run("XRANGE s - +")
        while server.keyspace.evictBlocks(reserving: 0) {}
        let loads = server.keyspace.blockMemory.loadedCount
        #expect(loads > 100)
        server.run("XRANGE s 18000-0 20000-0")
        #expect(server.keyspace.blockMemory.loadedCount == loads)
    }

    @Test func longRangesComeInPieces() {
        var server = EvictingServer(budgetBytes: 0)
        let value = String(repeating: "v", count: 1000)
        for number in 1...5_000 { server.run("XADD s \(number)-0 f \(value)") }
        let plain = server.run("XRANGE s - +")
        let reversed = server.run("XREVRANGE s + - COUNT 4500")
        server.checkpoint(isWritten: true)
        while server.keyspace.evictBlocks(reserving: 0) {}
        server.pieces = 0
        #expect(server.run("XRANGE s - +") == plain)
        #expect((4...8).contains(server.pieces))
        #expect(server.largestPiece <= Keyspace.pieceBytes + 4096)
        while server.keyspace.evictBlocks(reserving: 0) {}
        #expect(server.run("XREVRANGE s + - COUNT 4500") == reversed)
        // What is appended between pieces isn't in the reply; a stream that goes ends it.
        while server.keyspace.evictBlocks(reserving: 0) {}
        server.between = { server in _ = server.apply("XADD s * f late") }
        #expect(server.run("XRANGE s - +") == plain)
        while server.keyspace.evictBlocks(reserving: 0) {}
        server.between = { server in _ = server.apply("DEL s") }
        let cut = server.run("XRANGE s - +")
        #expect(cut.count < plain.count && cut.starts(with: Array("*".utf8)))
        #expect(LocalServer.value(cut) != nil)
    }

    @Test func readsComeInPieces() {
        var server = EvictingServer(budgetBytes: 0)
        let value = String(repeating: "v", count: 1000)
        for number in 1...5_000 { server.run("XADD s \(number)-0 f \(value) n \(number)") }
        server.run("XADD t 1-0 n 1")
        let lines = [
            "XREAD STREAMS t s 0 0", "XREAD STREAMS s t s 0 + 4990", "XREAD COUNT 3 FILTER n 4700 STREAMS s t 0 0",
            "XREAD FILTER n no STREAMS s t 0 0", "XREAD BLOCK 0 FILTER n no STREAMS s t 0 +",
            "XREAD FILTER n 1 STREAMS t s u + + 0",
        ]
        let plain = lines.map { server.run($0) }
        server.checkpoint(isWritten: true)
        func evict() { while server.keyspace.evictBlocks(reserving: 0) {} }
        for (line, reply) in zip(lines, plain) {
            evict()
            server.pieces = 0
            #expect(server.run(line) == reply, "\(line)")
            #expect(server.pieces <= 12)
        }
        #expect(server.largestPiece <= Keyspace.pieceBytes + 4096)
        // What comes meanwhile is found, in a stream that was read already, too, where nothing else was.
        evict()
        server.between = { server in _ = server.apply("XADD s 5001-0 n late") }
        let late = server.run("XREAD FILTER n late STREAMS s t 0 0")
        #expect(LocalServer.value(late) == LocalServer.value(server.run("XREAD STREAMS s 5000-0")))
        evict()
        server.between = { server in _ = server.apply("XADD t 2-0 n later") }
        let later = server.run("XREAD BLOCK 0 FILTER n later STREAMS t s 0 0")
        #expect(LocalServer.value(later) == LocalServer.value(server.run("XREAD STREAMS t 1-0")))
        // A stream that goes ends its part; another of its name is read from where was asked.
        evict()
        server.between = { server in
            _ = server.apply("DEL s")
            _ = server.apply("XADD s 1-0 n new")
        }
        let new = server.run("XREAD FILTER n new STREAMS s 0")
        #expect(LocalServer.value(new) == LocalServer.value(server.run("XREAD STREAMS s 0")))
        #expect(LocalServer.value(new) != nil)
    }

    /// What a group passes over comes in shares, also where none of it is in memory.
    @Test(arguments: ["FILTER f no", "ORDERBY f", "DELIVER PRIORITY FILTER f no"])
    func aGroupPassesOverInShares(policy: String) throws {
        var server = EvictingServer(budgetBytes: 0)
        let value = String(repeating: "v", count: 2000)
        let urgent = policy.contains("PRIORITY") ? "PRIORITY 3 " : ""
        for number in 1...5000 { server.run("XADD s \(urgent)\(number)-0 f yes g \(value)") }
        server.run("XADD s 9000-0 f no")
        server.run("XGROUP CREATE s g 0")
        server.run("XGROUP SETPOLICY s g \(policy)")
        if policy.hasPrefix("ORDERBY") { server.run("XREADGROUP GROUP g c COUNT 1 STREAMS s >") }
        server.checkpoint(isWritten: true)
        while server.keyspace.evictBlocks(reserving: 0) {}
        let words = Arguments("XREADGROUP GROUP g c COUNT 1 STREAMS s >".split(separator: " ").map { Array($0.utf8) })
        guard case .found(let entry) = CommandTable.shared.find(words) else {
            Issue.record("no XREADGROUP")
            return
        }
        var reads = 0
        while reads < 9 {
            let call = Call(words, now: 1_795_219_839_000)
            let wanted = server.keyspace.wantedBlocks(entry, call)
            // Of what is urgent and of the rest as much each.
            #expect(wanted.reduce(0) { $0 + $1.byteCount } <= (urgent.isEmpty ? 4 << 20 : 8 << 20) + (1 << 16))
            reads += 1
            if server.run(entry, call).count > 10 { break }
            while server.keyspace.evictBlocks(reserving: 0) {}
        }
        #expect((urgent.isEmpty ? 3...4 : 4...7).contains(reads))
    }

    /// However many entries of however many streams are due: what one record does is asked for.
    @Test func whatIsDueAsksForWhatOneRecordDoes() {
        var server = EvictingServer(budgetBytes: 0)
        for stream in 0..<40 {
            for number in 1...200 { server.run("XADD s\(stream) TTL \(1000 + number % 7) \(number)-0 f \(number)") }
            server.run("XADD s\(stream) 1000-0 f \(String(repeating: "x", count: 9000))")
            server.run("XADD s\(stream) 1001-0 f 1")
        }
        server.checkpoint(isWritten: true)
        while server.keyspace.evictBlocks(reserving: 0) {}
        let now: Int64 = 1_795_219_839_000 + 5000
        var rounds = 0
        while let due = server.keyspace.nextDue, due <= now {
            let wanted = server.keyspace.wantedBlocksDue(now: now)
            // Two blocks or three a stream, and five streams or six in a record.
            #expect(wanted.count <= 20)
            server.carryOutDue(now: now)
            rounds += 1
        }
        #expect((8...12).contains(rounds))
        #expect(String(decoding: server.run("XLEN s7"), as: UTF8.self) == ":2\r\n")
    }

    /// A trim that regards groups reads no blocks but those of which some entries are pending or were not read yet.
    @Test(arguments: ["DELREF", "ACKED"]) func trimsReadWhatIsPendingAlone(policy: String) {
        var (server, plain) = (filled(budgetBytes: 0, entries: 10_000), EvictingServer(budgetBytes: 1 << 30))
        for number in 1...10_000 { plain.run("XADD s \(number)-0 f \(number)") }
        func both(_ line: String) {
            let (reply, expected) = (server.run(line), plain.run(line))
            #expect(reply == expected, "\(line): \(text(reply))")
        }
        func loads(_ line: String) -> UInt64 {
            while server.keyspace.evictBlocks(reserving: 0) {}
            let before = server.keyspace.blockMemory.loadedCount
            both(line)
            return server.keyspace.blockMemory.loadedCount - before
        }
        for group in ["g", "h"] {
            both("XGROUP CREATE s \(group) 0")
            both("XGROUP SETID s \(group) 8000-0")
        }
        both("XCLAIM s g c 0 1234-0 FORCE JUSTID")
        both("XCLAIM s h c 0 4321-0 4322-0 FORCE JUSTID")
        #expect(loads("XTRIM s MAXLEN 9000 \(policy)") == 0)
        // The block where the trim ends, and the one in which something is pending.
        #expect((1...2).contains(loads("XTRIM s MINID 1950-0 \(policy)")))
        both("XRANGE s 1200-0 1300-0")
        #expect((1...2).contains(loads("XTRIM s MAXLEN ~ 5000 LIMIT 0 \(policy)")))
        // Of what the groups have not read yet DELREF takes as much; ACKED sees by its bounds that all is needed.
        #expect((0...3).contains(loads("XTRIM s MAXLEN 10 \(policy)")))
        both("XLEN s")
        both("XPENDING s g")
        both("XPENDING s h")
        both("XRANGE s - +")
        both("XINFO STREAM s FULL COUNT 0")
        #expect(server.keyspace.stateDigest() == plain.keyspace.stateDigest())
    }

    /// What stands beside entries is state, and goes with them whether their blocks are in memory or not.
    @Test(arguments: ["KEEPREF", "DELREF", "ACKED"]) func trimsForgetAlike(policy: String) {
        var (server, plain) = (EvictingServer(budgetBytes: 0), EvictingServer(budgetBytes: 1 << 30))
        func both(_ line: String) {
            let (reply, expected) = (server.run(line), plain.run(line))
            #expect(reply == expected, "\(line): \(text(reply))")
        }
        for number in 1...5000 {
            both("XADD s TTL 900000 \(number % 7 == 0 ? "PRIORITY 3 " : "")\(number)-0 f \(number)")
        }
        server.checkpoint(isWritten: true)
        while server.keyspace.evictBlocks(reserving: 0) {}
        both("XTRIM s MINID 4500-0 \(policy)")
        #expect(server.keyspace.stateDigest() == plain.keyspace.stateDigest())
    }

    /// The index stands for blocks, in every respect but their content, and says nothing of others.
    @Test func startsWithoutBlocks() throws {
        var server = filled(budgetBytes: 0, entries: 5_000)
        for number in 400...450 { server.run("XDEL s \(number)-0") }
        server.run("XTRIM s MINID 250-0")
        server.run("XADD t 1-0 f v")
        server.run("COPY s u")
        let digest = server.keyspace.stateDigest()
        let range = server.run("XRANGE s 390-0 460-0")
        try server.restart(readsBlocks: true)
        #expect(server.keyspace.stateDigest() == digest)
        try server.restart(readsBlocks: false)
        #expect(server.keyspace.stateDigest() == digest)
        #expect(server.keyspace.blockMemory.loadedCount == 0)
        #expect(server.run("XLEN s") == Array(":4700\r\n".utf8) && server.keyspace.blockMemory.loadedCount == 0)
        #expect(server.run("XRANGE s 390-0 460-0") == range && server.keyspace.blockMemory.loadedCount > 0)
        let sealed = server.records.keys.filter { $0.table == KeyspaceTable.blocks }.count - 3
        #expect(server.records.keys.filter { $0.table == KeyspaceTable.blockIndex }.count == sealed)
        // Each record of it is needed, and each byte of it is looked at or compared.
        let records = server.records
        for key in records.keys.filter({ $0.table == KeyspaceTable.blockIndex }).sorted().prefix(5) {
            server.records[key] = nil
            #expect(throws: (any Error).self) { try Self.restored(server, readsBlocks: true) }
            server.records = records
            for place in records[key]!.indices {
                server.records[key]![place] ^= 0x80
                #expect(throws: (any Error).self, "\(key) \(place)") {
                    try Self.restored(server, readsBlocks: true)
                }
                server.records = records
            }
        }
        server.run("FLUSHALL")
        server.checkpoint(isWritten: true)
        #expect(!server.records.keys.contains { $0.table == KeyspaceTable.blockIndex })
    }

    private static func restored(_ server: EvictingServer, readsBlocks: Bool) throws {
        var server = server
        try server.restart(readsBlocks: readsBlocks)
    }

    /// A start knows what is urgent without reading blocks; of streams that an older server wrote it reads them all.
    @Test(arguments: [false, true]) func startsWithWhatIsUrgent(isOld: Bool) throws {
        var server = EvictingServer(budgetBytes: 0)
        server.run("CONFIG SET stream-node-max-entries 10")
        server.run("XGROUP CREATE s g 0 MKSTREAM")
        server.run("XGROUP SETPOLICY s g DELIVER PRIORITY")
        for number in 1001...1200 {
            let priority = number % 50 == 7 ? "PRIORITY \(number % 9 + 1) " : ""
            server.run("XADD s \(priority)\(number)-0 f \(number)")
        }
        server.run("XDEL s 1057-0")
        server.checkpoint(isWritten: true)
        while server.keyspace.evictBlocks(reserving: 0) {}
        if isOld { server.forgetIndexedPriorities() }
        let before = server.keyspace.stateDigest()
        try server.restart(readsBlocks: false)
        #expect(server.wholeStreams == (isOld ? 1 : 0))
        #expect(server.keyspace.stateDigest() == before)
        let urgent = server.run("XREADGROUP GROUP g c COUNT 3 NOVALUES STREAMS s >")
        #expect(text(urgent) == "*[*[$\"s\", *[$\"1007-0\", $\"1157-0\", $\"1107-0\"]]]")
        // It stays as it is, and can be started once more, from blocks and from the index.
        server.run("XADD s PRIORITY 9 1201-0 f v")
        for readsBlocks in [true, false] {
            try server.restart(readsBlocks: readsBlocks)
            #expect(server.wholeStreams == (isOld && !readsBlocks ? 1 : 0))
        }
        let last = server.run("XREADGROUP GROUP g c COUNT 1 NOVALUES STREAMS s >")
        #expect(text(last) == "*[*[$\"s\", *[$\"1201-0\"]]]")
    }

    /// The index and the blocks must say the same.
    @Test func anIndexThatLiesAboutPrioritiesIsFound() throws {
        var server = EvictingServer(budgetBytes: 0)
        server.run("CONFIG SET stream-node-max-entries 10")
        for number in 1001...1050 { server.run("XADD s PRIORITY 3 \(number)-0 f \(number)") }
        server.checkpoint(isWritten: true)
        let key = try #require(server.records.keys.filter { $0.table == KeyspaceTable.blockIndex }.min())
        var value = try #require(server.records[key])
        // The last byte is the priority of the last entry.
        value[value.count - 1] = 4
        server.records[key] = value
        #expect(throws: KeyspaceRestoreError.inconsistent(key)) { try Self.restored(server, readsBlocks: true) }
        value[value.count - 1] = 0
        server.records[key] = value
        #expect(throws: KeyspaceRestoreError.inconsistent(key)) { try Self.restored(server, readsBlocks: false) }
    }

    /// A copy needs no blocks, whatever becomes of what it was copied from.
    @Test func copiesWithoutBlocks() throws {
        var server = filled(budgetBytes: 0, entries: 3_000)
        func evict() { while server.keyspace.evictBlocks(reserving: 0) {} }
        server.run("XDEL s 100-0 2000-0")
        let range = server.run("XRANGE s - +")
        server.checkpoint(isWritten: true)
        evict()
        let loads = server.keyspace.blockMemory.loadedCount
        server.run("COPY s u")
        // A copy of a copy, until so many places are too many.
        server.run("COPY u v")
        for number in 1...Stream.maximumOrigins - 1 {
            let last = number == 1 ? "v" : "v\(number - 1)"
            if number < Stream.maximumOrigins - 1 { #expect(server.keyspace.blockMemory.loadedCount == loads) }
            server.run("COPY \(last) v\(number)")
        }
        #expect(server.keyspace.blockMemory.loadedCount > loads)
        evict()
        // From the records of the first.
        #expect(server.run("XRANGE u - +") == range && server.run("XRANGE v - +") == range)
        evict()
        server.run("XDEL u 700-0")
        server.run("XDEL s 5-0 800-0")
        server.run("XTRIM s MINID = 400")
        server.checkpoint(isWritten: false)
        evict()
        #expect(server.run("XRANGE v - +") == range)
        server.run("DEL s")
        evict()
        #expect(server.run("XRANGE v3 - +") == range)
        // A checkpoint that is cut short leaves records of nobody.
        server.cutCheckpointShort()
        var early = server
        try early.restartAsWritten()
        #expect(early.run("XRANGE s - +") == range && early.run("EXISTS u") == Array(":0\r\n".utf8))
        let begun = server.keyspace.beginCheckpoint()
        evict()
        // What is being written is where it was, for copies that are made meanwhile too.
        server.run("COPY v w")
        #expect(server.run("XRANGE w - +") == range)
        server.end(begun)
        evict()
        let changed = server.run("XRANGE u - +")
        #expect(changed.count < range.count)
        for name in ["v", "v1", "w"] { #expect(server.run("XRANGE \(name) - +") == range, "\(name)") }
        let digest = server.keyspace.stateDigest()
        for readsBlocks in [true, false] {
            try server.restart(readsBlocks: readsBlocks)
            #expect(server.keyspace.stateDigest() == digest)
            for name in ["v", "v2", "w"] { #expect(server.run("XRANGE \(name) - +") == range, "\(name)") }
            #expect(server.run("XRANGE u - +") == changed)
        }
        server.run("FLUSHALL")
        server.checkpoint(isWritten: true)
        #expect(!server.records.keys.contains { StreamTable.all.contains($0.table) })
    }

    @Test func blocksOfAnotherImageAreNotTaken() throws {
        var server = filled(budgetBytes: 0, entries: 1_000)
        let words = Arguments("XRANGE", "s", "300-0", "300-0")
        guard case .found(let entry) = CommandTable.shared.find(words) else {
            Issue.record("no XRANGE")
            return
        }
        let wanted = server.keyspace.wantedBlocks(entry, Call(words, now: 0))
        let block = try #require(wanted.first)
        #expect(wanted.count == 1)
        var value = try #require(server.records[block.key])
        value[value.count - 1] ^= 1
        #expect(server.keyspace.place(block, value.span.bytes) == .different)
        #expect(server.keyspace.place(block, [1, 2].span.bytes) == .different)
        value[value.count - 1] ^= 1
        #expect(server.keyspace.place(block, value.span.bytes) == .done)
        // Late, twice or for nobody.
        #expect(server.keyspace.place(block, value.span.bytes) == .done)
        server.run("DEL s")
        #expect(server.keyspace.place(block, value.span.bytes) == .done)
    }
}
