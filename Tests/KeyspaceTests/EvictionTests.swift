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

/// A keyspace with the tables that its checkpoints go to.
private struct EvictingServer {
    let budgetBytes: Int
    var keyspace: Keyspace
    var records: [TableKey: [UInt8]] = [:]
    var pieces = 0
    var largestPiece = 0
    private var before: (evicted: UInt64, loaded: UInt64) = (0, 0)
    var evictedCount: UInt64 { before.evicted + keyspace.blockMemory.evictedCount }
    var loadedCount: UInt64 { before.loaded + keyspace.blockMemory.loadedCount }
    /// Called between the pieces of a range.
    var between: ((inout EvictingServer) -> Void)?

    init(budgetBytes: Int) {
        self.budgetBytes = budgetBytes
        keyspace = Keyspace(hashSeed: 7, blockBytes: budgetBytes)
    }

    @discardableResult
    mutating func run(_ line: String) -> [UInt8] {
        let words = Arguments(line.split(separator: " ").map { Array($0.utf8) })
        guard case .found(let entry) = CommandTable.shared.find(words) else { preconditionFailure("no \(line)") }
        return run(entry, Call(words, now: 1_795_219_839_000))
    }

    mutating func run(_ entry: CommandEntry, _ call: Call) -> [UInt8] {
        var reply = ReplyWriter()
        var progress: RangeProgress?
        if !keyspace.wantedBlocks(entry, call).isEmpty {
            while let piece = keyspace.readPiece(entry, call, &progress, &reply) {
                guard case .wants(let wanted) = piece else { return reply.bytes }
                bring(wanted)
                pieces += 1
                largestPiece = max(largestPiece, wanted.reduce(0) { $0 + $1.byteCount })
                if let between {
                    between(&self)
                    self.between = nil
                }
            }
        }
        while true {
            let wanted = keyspace.wantedBlocks(entry, call)
            if wanted.isEmpty { break }
            bring(wanted)
        }
        keyspace.apply(entry, call, &reply)
        return reply.bytes
    }

    mutating func carryOutDue(now: Int64) {
        while true {
            let wanted = keyspace.wantedBlocksDue(now: now)
            if wanted.isEmpty { break }
            bring(wanted)
        }
        keyspace.carryOutDue(now: now)
    }

    /// Without help: nothing may be missing.
    mutating func apply(_ line: String) -> [UInt8] {
        let words = Arguments(line.split(separator: " ").map { Array($0.utf8) })
        guard case .found(let entry) = CommandTable.shared.find(words) else { preconditionFailure("no \(line)") }
        var reply = ReplyWriter()
        keyspace.apply(entry, Call(words, now: 1_795_219_839_000), &reply)
        return reply.bytes
    }

    private mutating func bring(_ wanted: [WantedBlock]) {
        for block in wanted {
            guard let value = records[block.key] else { preconditionFailure("\(block.key) is not in the tables") }
            precondition(keyspace.place(block, value.span.bytes) == .done, "\(block.key) differs")
        }
    }

    mutating func checkpoint(isWritten: Bool) {
        let checkpoint = keyspace.beginCheckpoint()
        guard isWritten else { return keyspace.failCheckpoint(checkpoint) }
        var batch = TableBatch()
        checkpoint.encode(into: &batch)
        batch.forEach { key, value in
            if let value { records[key] = [UInt8](copying: value) } else { records[key] = nil }
        }
        keyspace.endCheckpoint(checkpoint)
    }

    /// - Parameter readsBlocks: or else their index, and open ones alone.
    mutating func restart(readsBlocks: Bool) throws {
        checkpoint(isWritten: true)
        before = (evictedCount, loadedCount)
        var restorer = KeyspaceRestorer(hashSeed: 9, blockBytes: budgetBytes)
        func load(_ table: TableID) throws {
            for (key, value) in records.sorted(by: { $0.key < $1.key }) where key.table == table {
                try restorer.load(key, value.span.bytes)
            }
        }
        for table in KeyspaceTable.all {
            if table == KeyspaceTable.blocks, !readsBlocks {
                let whole = restorer.wholeStreams
                for (key, value) in records.sorted(by: { $0.key < $1.key })
                where key.table == table && whole.contains(key.object) {
                    try restorer.load(key, value.span.bytes)
                }
                try load(KeyspaceTable.blockIndex)
                for key in restorer.openBlocks where !whole.contains(key.object) {
                    let value = try #require(records[key])
                    try restorer.load(key, value.span.bytes)
                }
            } else if readsBlocks || table != KeyspaceTable.blockIndex {
                try load(table)
            }
        }
        keyspace = try restorer.finish()
    }
}

/// Random commands about a few streams.
private struct EvictionWorkload {
    var random: SeededRandom
    private var ids: [String] = ["0-1"]

    /// Whether streams and groups do something of themselves.
    private let isQueue: Bool

    init(random: SeededRandom, isQueue: Bool) {
        self.random = random
        self.isQueue = isQueue
    }

    private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
    private mutating func pick(_ words: [String]) -> String { words.randomElement(using: &random)! }

    mutating func note(_ line: String, _ reply: [UInt8]) {
        guard line.hasPrefix("XADD"), case .bulk(let id)? = LocalServer.value(reply) else { return }
        ids.append(String(decoding: id, as: UTF8.self))
        if ids.count > 300 { ids.removeFirst(100) }
    }

    private mutating func id() -> String { pick(ids) }
    private mutating func someIDs() -> String { (0...below(5)).map { _ in id() }.joined(separator: " ") }
    private mutating func trim() -> String {
        let sign = pick(["", "= ", "~ "])
        let limit = sign == "~ " && below(2) == 0 ? " LIMIT \(below(30))" : ""
        let policy = pick(["", " KEEPREF", " DELREF", " ACKED"])
        return (below(2) == 0 ? "MAXLEN \(sign)\(below(60))" : "MINID \(sign)\(id())") + limit + policy
    }

    private mutating func nextOfQueue(_ key: String, _ group: String, _ consumer: String) -> String {
        let order = "k \(below(5))"
        switch below(13) {
        case 12:
            return pick([
                "XCRON LIST s", "XCRON DEL s j", "XCRON SET s j @every\t\(100 + below(300))ms * k \(below(5)) f 1",
            ])
        case 0:
            let options = pick(["", "TTL \(1 + below(40)) "]) + pick(["", "PRIORITY \(below(10)) "])
            return "XADD \(key) DELAY \(below(40)) \(options)* \(order) f \(below(99))"
        case 1...3:
            let options = pick(["", "TTL \(1 + below(80)) "]) + pick(["", "PRIORITY \(below(10)) "])
            return "XADD \(key) \(options)* \(order) f \(below(9))"
        case 4: return "XDELAYED \(key) - + COUNT 5"
        case 5:
            let order = pick(["", " DELIVER PRIORITY", " ORDERBY k"]) + pick(["", "", " FILTER f \(below(9))"])
            let dead = pick([" MAXDELIVERIES \(1 + below(3)) DEADLETTER t", ""])
            let times = pick(["", " VISIBILITY \(below(20))"]) + pick(["", " IDLECONSUMERS \(5 + below(50))"])
            let policy = order + dead + times
            return "XGROUP SETPOLICY s \(group) \(policy.isEmpty ? "OFF" : policy)"
        case 6:
            let bounds = [
                " MAXAGE \(1 + below(200))", " MAXBYTES \(100 + below(900))", " MAXLEN \(below(60))", " ACKED",
            ]
            return "XRETAIN \(key) \(pick(bounds)) \(pick(bounds + [""]))"
        case 7: return pick(["XREPLAY t s COUNT \(1 + below(9))", "XRETAIN \(key) OFF"])
        case 8: return "XLEN \(key) \(id()) \(id())"
        case 9: return "XGROUP DELCONSUMER \(key) \(group) \(consumer) \(pick(["IFEMPTY", "TO e"]))"
        case 10: return "XREADGROUP GROUP \(group) \(consumer) MKGROUP 0 COUNT 3 NOVALUES STREAMS \(key) >"
        default: return "XRANGE \(key) \(id()) + FILTER f \(below(9)) COUNT \(1 + below(4)) \(pick(["NOVALUES", ""]))"
        }
    }

    mutating func next() -> String {
        let key = pick(["s", "s", "s", "t"])
        let group = pick(["g", "g", "h"])
        let consumer = pick(["c", "d"])
        if isQueue, below(2) == 0 { return nextOfQueue(key, group, consumer) }
        let count = below(3) == 0 ? "" : "COUNT \(1 + below(30)) "
        switch below(40) {
        case 0...13: return "XADD \(key) * f \(below(1000)) g \(String(repeating: "x", count: below(30)))"
        case 14: return "XADD \(key) \(trim()) * f \(below(1000))"
        case 15: return below(3) == 0 ? "XTRIM \(key) \(trim())" : "XLEN \(key)"
        case 16: return "XDEL \(key) \(someIDs())"
        case 17: return "XDELEX \(key) \(pick(["KEEPREF", "DELREF", "ACKED"])) IDS 2 \(id()) \(id())"
        case 18: return "XACKDEL \(key) \(group) \(pick(["KEEPREF", "DELREF", "ACKED"])) IDS 2 \(id()) \(id())"
        case 19: return "XACK \(key) \(group) \(someIDs())"
        case 20: return "XCLAIM \(key) \(group) \(consumer) \(below(3)) \(someIDs()) \(pick(["FORCE", "JUSTID", ""]))"
        case 21: return "XAUTOCLAIM \(key) \(group) \(consumer) \(below(4)) \(id()) COUNT \(1 + below(9))"
        case 22: return "XNACK \(key) \(group) FAIL IDS 1 \(id()) \(pick(["FORCE", ""]))"
        case 23: return "XGROUP CREATE \(key) \(group) \(pick(["0", "$", id()]))"
        case 24: return "XGROUP SETID \(key) \(group) \(pick(["0", id()])) ENTRIESREAD \(below(9))"
        case 25...27: return "XREADGROUP GROUP \(group) \(consumer) \(count)STREAMS \(key) >"
        case 28:
            return "XREADGROUP GROUP g \(consumer) \(count)CLAIM \(below(5)) STREAMS s t s > > >"
        case 29: return "XREADGROUP GROUP \(group) \(consumer) \(count)STREAMS \(key) \(key) \(id()) >"
        case 30: return "XRANGE \(key) \(id()) \(id()) COUNT \(1 + below(20))"
        case 31: return "XREVRANGE \(key) \(pick(["+", id()])) \(pick(["-", id()])) COUNT \(1 + below(20))"
        case 32: return "\(pick(["XRANGE \(key) - +", "XREVRANGE \(key) + -", "XRANGE \(key) (\(id()) +"]))"
        case 33:
            let options = count + pick(["", "FILTER f \(below(9)) ", "BLOCK 0 "])
            return "XREAD \(options)STREAMS \(pick(["s t", "t s", "s s"])) \(pick(["+", id()])) \(pick(["$", id()]))"
        case 34: return "XINFO STREAM \(key) \(pick(["", "FULL", "FULL COUNT 0"]))"
        case 35: return "XINFO GROUPS \(key)"
        case 36: return below(4) == 0 ? pick(["COPY s t REPLACE", "RENAME t s", "DEL t", "MOVE t 1"]) : "DBSIZE"
        case 37: return "XPENDING \(key) \(group) - + 20"
        case 38: return "XSETID \(key) \(id())"
        default: return "CONFIG SET stream-node-max-entries \(2 + below(9))"
        }
    }
}
