// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRESPCodec
import MartletStreams

extension Keyspace {
    mutating func del(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        var count = 0
        for index in 1..<call.count {
            guard let place = livePlace(call, index) else { continue }
            remove(place, in: call.database)
            notify(.generic, "del", call, index)
            count += 1
        }
        reply.integer(count)
    }

    func exists(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        var count = 0
        for index in 1..<call.count where place(call, index, &reply) != nil { count += 1 }
        reply.integer(count)
    }

    func type(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        guard let place = place(call, 1, &reply) else { return reply.simple("none") }
        reply.simple(databases[call.database][place].value.type.name)
    }

    func dbsize(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        reply.integer(databases[call.database].count)
    }

    // MARK: Lists of keys

    func keys(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let mark = reply.mark()
        var count = 0
        for row in databases[call.database].rows {
            guard let row, !row.isExpired(at: call.time), Glob.matches(call.arguments[1], row.name[...]) else {
                continue
            }
            reply.bulk(row.name)
            count += 1
        }
        reply.array(count, since: mark)
    }

    func randomkey(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let rows = databases[call.database].rows
        guard databases[call.database].count > 0 else { return reply.null() }
        var random = call.random
        let begin = random.below(rows.count)
        for step in 0..<rows.count {
            if let row = rows[(begin + step) % rows.count], !row.isExpired(at: call.time) {
                return reply.bulk(row.name)
            }
        }
        reply.null()
    }

    /// Rows that one SCAN looks at, at most, whatever it is asked for.
    private static let maximumScanned = 100_000

    func scan(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let options = try ScanOptions(call, cursor: 1)
        let rows = databases[call.database].rows
        var place = min(options.cursor, rows.count)
        let end = min(place + min(options.count, Self.maximumScanned), rows.count)
        var names: [[UInt8]] = []
        while place < end {
            if let row = rows[place], !row.isExpired(at: call.time), options.matches(row.name),
                options.type.map({ "\(row.value.type.name)" == $0 }) ?? true
            {
                names.append(row.name)
            }
            place += 1
        }
        reply.scanned(next: end < rows.count ? end : 0, names)
    }

    // MARK: Names

    mutating func rename(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        _ = try move(call, ifAbsent: false)
        reply.ok()
    }

    mutating func renamenx(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        reply.integer(try move(call, ifAbsent: true) ? 1 : 0)
    }

    /// Gives the key of word 1 the name of word 2.
    private mutating func move(_ call: Call, ifAbsent: Bool) throws(CommandError) -> Bool {
        let (from, to) = (call.arguments.array(1), call.arguments.array(2))
        guard let place = livePlace(call, 1) else { throw .noSuchKey }
        let other = livePlace(call, 2)
        if ifAbsent, other != nil { return false }
        if from == to { return true }
        if let other { remove(other, in: call.database) }
        let row = take(place, in: call.database)
        adopt(row, as: to, in: call.database)
        notify(.generic, "rename_from", from, call.database)
        notify(.generic, "rename_to", to, call.database)
        return true
    }

    private mutating func adopt(_ row: KeyRow, as name: [UInt8], in database: Int) {
        let place = add(name, row.value, in: database)
        if row.expiresAt != KeyRow.endless { setExpiry(place, in: database, row.expiresAt) }
        signalFilled(place, in: database)
    }

    mutating func move(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let target = try Self.databaseIndex(call.arguments, 2)
        if target == call.database { throw .text("ERR source and destination objects are the same") }
        let name = call.arguments.array(1)
        guard let place = livePlace(call, 1), livePlace(name, in: target, now: call.time) == nil else {
            return reply.integer(0)
        }
        adopt(take(place, in: call.database), as: name, in: target)
        notify(.generic, "move_from", name, call.database)
        notify(.generic, "move_to", name, target)
        reply.integer(1)
    }

    static func databaseIndex(_ arguments: Arguments, _ index: Int) throws(CommandError) -> Int {
        guard let number = arguments.integer(index) else { throw .notInteger }
        guard let narrow = Int32(exactly: number) else {
            throw .text("ERR value is out of range, value must between -2147483648 and 2147483647")
        }
        guard 0 <= narrow, narrow < databaseCount else { throw .text("ERR DB index is out of range") }
        return Int(narrow)
    }

    mutating func copy(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        var target = call.database
        var replaces = false
        var index = 3
        while index < call.count {
            if call.arguments.matches(index, "REPLACE") {
                replaces = true
            } else if call.arguments.matches(index, "DB"), index + 1 < call.count {
                index += 1
                target = try Self.databaseIndex(call.arguments, index)
            } else {
                throw .syntax
            }
            index += 1
        }
        let (from, to) = (call.arguments.array(1), call.arguments.array(2))
        if target == call.database, from == to { throw .text("ERR source and destination objects are the same") }
        guard let place = livePlace(call, 1) else { return reply.integer(0) }
        if let other = livePlace(to, in: target, now: call.time) {
            if !replaces { return reply.integer(0) }
            remove(other, in: target)
        }
        var row = databases[call.database][place]
        if case .stream(let stream) = row.value {
            row.value = .stream(addCopy(of: stream))
        }
        adopt(row, as: to, in: target)
        notify(.generic, "copy_to", to, target)
        reply.integer(1)
    }

    mutating func swapdb(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        guard let first = call.arguments.integer(1).flatMap(Int32.init(exactly:)) else {
            throw .text("ERR invalid first DB index")
        }
        guard let second = call.arguments.integer(2).flatMap(Int32.init(exactly:)) else {
            throw .text("ERR invalid second DB index")
        }
        let range = 0..<Int32(databases.count)
        guard range.contains(first), range.contains(second) else { throw .text("ERR DB index is out of range") }
        if first != second { exchange(Int(first), Int(second)) }
        reply.ok()
    }

    private mutating func exchange(_ first: Int, _ second: Int) {
        // Whoever watches or waits for a key of either is told of all of them.
        for (from, to) in [(first, second), (second, first)] {
            for row in databases[from].rows {
                guard let row else { continue }
                signalLost(row.name, from)
                if isSignalling { signals.append(.filled(database: to, name: row.name)) }
            }
        }
        databases.swapAt(first, second)
        for database in [first, second] {
            for place in databases[database].rows.indices where databases[database].rows[place] != nil {
                touch(place, in: database)
                // It may be noted where it was.
                noteChange(place, in: database)
                let moment = databases[database][place].expiresAt
                if moment != KeyRow.endless { setExpiry(place, in: database, moment) }
                settleStream(place, in: database)
            }
            touchAbsent(database)
        }
    }

    // MARK: All keys

    mutating func flushdb(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        try checkFlush(call)
        flush(call.database)
        reply.ok()
    }

    mutating func flushall(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        try checkFlush(call)
        for database in databases.indices { flush(database) }
        reply.ok()
    }

    private func checkFlush(_ call: Call) throws(CommandError) {
        if call.count == 1 { return }
        guard call.count == 2, call.arguments.matches(1, "SYNC") || call.arguments.matches(1, "ASYNC") else {
            throw .syntax
        }
    }

    private mutating func flush(_ database: Int) {
        for place in databases[database].rows.indices where databases[database].rows[place] != nil {
            remove(place, in: database)
        }
    }

    // MARK: About keys

    func objectEncoding(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        guard let place = place(call, 2, &reply) else { return reply.null() }
        switch databases[call.database][place].value {
        case .string(let text):
            if Decimal.integer(text.span.bytes) != nil { return reply.bulk("int") }
            reply.bulk(text.count <= 44 ? "embstr" : "raw")
        case .list: reply.bulk("listpack")
        case .set(let set):
            let isNumbers = set.members.allSatisfy { Decimal.integer($0.span.bytes) != nil }
            if isNumbers, set.count <= 512 { return reply.bulk("intset") }
            reply.bulk(set.count <= 128 ? "listpack" : "hashtable")
        case .stream: reply.bulk("stream")
        }
    }

    /// Source: Redis, under its default policy.
    static let frequenciesAreNotKept = CommandError.text(
        """
        ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching \
        between policies at runtime LRU and LFU data will take some time to adjust.
        """)

    /// Times of use are not state, and not kept.
    func objectNumber(_ call: Call, _ reply: inout ReplyWriter, _ number: Int) throws(CommandError) {
        if place(call, 2, &reply) == nil { return reply.null() }
        reply.integer(number)
    }

    func memoryUsage(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        if call.count > 3 {
            guard call.count == 5, call.arguments.matches(3, "SAMPLES") else { throw .syntax }
            if try call.integer(4) < 0 { throw .syntax }
        }
        guard let place = place(call, 2, &reply) else { return reply.null() }
        reply.integer(memoryBytes(of: databases[call.database][place]))
    }

    /// What all keys take in memory, in bytes, about. Complexity: O(keys + blocks + pending entries).
    public func memoryBytes() -> Int {
        databases.reduce(0) { sum, database in
            database.rows.reduce(sum) { $0 + ($1.map { memoryBytes(of: $0) } ?? 0) }
        }
    }

    private func memoryBytes(of row: KeyRow) -> Int {
        var bytes = MemoryLayout<KeyRow>.stride + row.name.count + 32
        switch row.value {
        case .string(let text): bytes += text.count + 32
        case .list(let list): bytes += list.items.reduce(0) { $0 + $1.count + 48 }
        case .set(let set): bytes += set.members.reduce(0) { $0 + $1.count + 80 }
        case .stream(let stream): bytes += streams[stream].memoryBytes
        }
        return bytes
    }
}

/// The words behind SCAN's cursor.
struct ScanOptions {
    var cursor = 0
    var count = 10
    var pattern: ArraySlice<UInt8>?
    var type: String?

    init(_ call: Call, cursor index: Int) throws(CommandError) {
        guard let number = UInt64(call.arguments.text(index)) else { throw .text("ERR invalid cursor") }
        cursor = Int(clamping: number)
        var index = index + 1
        while index < call.count {
            guard index + 1 < call.count else { throw .syntax }
            if call.arguments.matches(index, "COUNT") {
                count = try call.size(index + 1)
                if count < 1 { throw .syntax }
            } else if call.arguments.matches(index, "MATCH") {
                pattern = call.arguments[index + 1]
            } else if call.arguments.matches(index, "TYPE") {
                type = call.arguments.text(index + 1).lowercased()
            } else {
                throw .syntax
            }
            index += 2
        }
    }

    func matches(_ name: [UInt8]) -> Bool { pattern.map { Glob.matches($0, name[...]) } ?? true }
}

extension ReplyWriter {
    mutating func scanned(next: Int, _ names: [[UInt8]]) {
        array(2)
        bulk(Int64(next))
        array(names.count)
        for name in names { bulk(name) }
    }
}
