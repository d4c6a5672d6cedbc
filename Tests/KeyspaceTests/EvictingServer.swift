// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRESPCodec
import MartletStreams
import Testing

/// A keyspace with the tables that its checkpoints go to.
struct EvictingServer {
    let budgetBytes: Int
    var keyspace: Keyspace
    var records: [TableKey: [UInt8]] = [:]
    var pieces = 0
    var largestPiece = 0
    /// Of the last start: how many streams it read as a whole.
    private(set) var wholeStreams = 0
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
            guard let value = block.keys.firstValue({ records[$0] }) else {
                preconditionFailure("\(block.key) is not there")
            }
            precondition(keyspace.place(block, value.span.bytes) == .done, "\(block.key) differs")
        }
    }

    mutating func checkpoint(isWritten: Bool) {
        let checkpoint = keyspace.beginCheckpoint()
        guard isWritten else { return keyspace.failCheckpoint(checkpoint) }
        end(checkpoint)
    }

    mutating func end(_ checkpoint: KeyspaceCheckpoint) {
        var batch = TableBatch()
        let missing = checkpoint.encode(into: &batch) { records[$0] }
        #expect(missing == nil)
        batch.forEach { key, value in
            if let value { records[key] = [UInt8](copying: value) } else { records[key] = nil }
        }
        keyspace.endCheckpoint(checkpoint)
    }

    /// Makes the tables those of a server whose index said nothing of priorities. IDs take the same room.
    mutating func forgetIndexedPriorities() {
        let plainCount = records.filter { $0.key.table == KeyspaceTable.blockIndex }.map(\.value.count).min() ?? 0
        for (key, value) in records {
            if key.table == KeyspaceTable.blockIndex { records[key] = Array(value.prefix(plainCount)) }
            // The header's last byte.
            if key.table == TableID(32) { records[key] = value.dropLast() + [1] }
        }
    }

    /// A checkpoint that ends when it has copied blocks.
    mutating func cutCheckpointShort() {
        let checkpoint = keyspace.beginCheckpoint()
        var batch = TableBatch()
        let missing = checkpoint.encodeBlockCopies(into: &batch) {
            records[$0]
        } piece: { _ in
        }
        #expect(missing == nil && !batch.isEmpty)
        batch.forEach { key, value in
            if let value { records[key] = [UInt8](copying: value) }
        }
        keyspace.failCheckpoint(checkpoint)
    }

    /// - Parameter readsBlocks: or else their index, and open ones alone.
    mutating func restart(readsBlocks: Bool) throws {
        checkpoint(isWritten: true)
        try restartAsWritten(readsBlocks: readsBlocks)
    }

    mutating func restartAsWritten(readsBlocks: Bool = true) throws {
        before = (evictedCount, loadedCount)
        wholeStreams = 0
        var restorer = KeyspaceRestorer(hashSeed: 9, blockBytes: budgetBytes)
        func load(_ table: TableID) throws {
            for (key, value) in records.sorted(by: { $0.key < $1.key }) where key.table == table {
                try restorer.load(key, value.span.bytes)
            }
        }
        for table in KeyspaceTable.all {
            if table == KeyspaceTable.blocks, !readsBlocks {
                let whole = restorer.wholeStreams
                wholeStreams = whole.count
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
struct EvictionWorkload {
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
            let options = pick(["", "PRIORITY \(below(10)) "])
            return pick([
                "XCRON LIST s", "XCRON DEL s j",
                "XCRON SET s j @every\t\(100 + below(300))ms \(options)* k \(below(5)) f 1",
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

    private let copying = ["COPY s t REPLACE", "COPY t s REPLACE", "COPY s u REPLACE", "COPY u t REPLACE"]

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
        case 36: return below(4) == 0 ? pick(copying + ["RENAME t s", "DEL t", "MOVE t 1"]) : "DBSIZE"
        case 37: return "XPENDING \(key) \(group) - + 20"
        case 38: return "XSETID \(key) \(id())"
        default: return "CONFIG SET stream-node-max-entries \(2 + below(9))"
        }
    }
}
