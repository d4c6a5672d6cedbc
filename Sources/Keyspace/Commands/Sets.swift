// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRESPCodec

extension Keyspace {
    /// - Throws: `wrongType`.
    func set(_ call: Call, _ index: Int) throws(CommandError) -> SetValue? {
        guard let place = place(call, index) else { return nil }
        guard case .set(let set) = databases[call.database][place].value else { throw .wrongType }
        return set
    }

    /// As above, for a reply that tells of it: it is counted.
    ///
    /// - Throws: `wrongType`.
    func set(_ call: Call, _ index: Int, _ reply: inout ReplyWriter) throws(CommandError) -> SetValue? {
        guard let place = place(call, index, &reply) else { return nil }
        guard case .set(let set) = databases[call.database][place].value else { throw .wrongType }
        return set
    }

    /// Changes the set of a key that is there, which goes with its last member.
    ///
    /// - Parameter body: says as well whether it changed anything.
    /// - Throws: `wrongType`.
    mutating func changeSet<Result>(
        _ call: Call, _ place: Int, _ body: (inout SetValue) -> (Result, Bool)
    ) throws(CommandError) -> Result {
        guard case .set(var set) = databases[call.database][place].value else { throw .wrongType }
        // The set changes where it stands: nobody else refers to it.
        databases[call.database][place].value = .set(SetValue())
        let (result, isChanged) = body(&set)
        databases[call.database][place].value = .set(set)
        if isChanged { touch(place, in: call.database) }
        if set.isEmpty {
            let name = databases[call.database][place].name
            remove(place, in: call.database)
            notify(.generic, "del", name, call.database)
        }
        return result
    }

    mutating func sadd(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let place = livePlace(call, 1) ?? add(call.arguments.array(1), .set(SetValue()), in: call.database)
        let added = try changeSet(call, place) { set in
            var added = 0
            for index in 2..<call.count where set.insert(call.arguments.array(index)) { added += 1 }
            return (added, added > 0)
        }
        if added > 0 { notify(.set, "sadd", call) }
        reply.integer(added)
    }

    mutating func srem(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        guard let place = livePlace(call, 1) else { return reply.integer(0) }
        let removed = try changeSet(call, place) { set in
            var removed = 0
            for index in 2..<call.count where set.remove(call.arguments.array(index)) { removed += 1 }
            return (removed, removed > 0)
        }
        if removed > 0 { notify(.set, "srem", call) }
        reply.integer(removed)
    }

    func scard(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        reply.integer(try set(call, 1, &reply)?.count ?? 0)
    }

    func sismember(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        reply.integer(try set(call, 1, &reply)?.contains(call.arguments.array(2)) == true ? 1 : 0)
    }

    func smismember(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let set = try set(call, 1, &reply)
        reply.array(call.count - 2)
        for index in 2..<call.count { reply.integer(set?.contains(call.arguments.array(index)) == true ? 1 : 0) }
    }

    func smembers(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let members = try set(call, 1, &reply)?.members ?? []
        reply.set(members.count)
        for member in members { reply.bulk(member) }
    }

    mutating func spop(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        if call.count > 3 { throw .syntax }
        var count: Int?
        if call.count == 3 {
            count = try call.count(2)
        }
        guard let place = livePlace(call, 1) else {
            if count == nil { reply.null() } else { reply.set(0) }
            return
        }
        var random = call.random
        let popped = try changeSet(call, place) { set in
            var popped: [[UInt8]] = []
            while popped.count < count ?? 1, !set.isEmpty {
                let member = set.members[random.below(set.count)]
                _ = set.remove(member)
                popped.append(member)
            }
            return (popped, !popped.isEmpty)
        }
        if !popped.isEmpty { notify(.set, "spop", call) }
        guard count != nil else { return reply.bulk(popped[0]) }
        reply.set(popped.count)
        for member in popped { reply.bulk(member) }
    }

    func srandmember(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        var random = call.random
        guard call.count == 3 else {
            if call.count > 3 { throw .syntax }
            guard let set = try set(call, 1, &reply) else { return reply.null() }
            return reply.bulk(set.members[random.below(set.count)])
        }
        let count = try call.integer(2)
        guard count > -(1 << 24) else { throw .text("ERR value is out of range") }
        guard let set = try set(call, 1, &reply) else { return reply.array(0) }
        if count < 0 {
            reply.array(Int(-count))
            for _ in 0..<Int(-count) { reply.bulk(set.members[random.below(set.count)]) }
            return
        }
        let chosen = set.members.shuffled(using: &random).prefix(Int(count))
        reply.array(chosen.count)
        for member in chosen { reply.bulk(member) }
    }

    func sscan(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let options = try ScanOptions(call, cursor: 2)
        guard let set = try set(call, 1, &reply) else { return reply.scanned(next: 0, []) }
        // From the end to the beginning: see `SetValue`.
        var place = options.cursor == 0 ? set.count : min(options.cursor, set.count)
        let end = max(place - options.count, 0)
        var names: [[UInt8]] = []
        while place > end {
            place -= 1
            if options.matches(set.members[place]) { names.append(set.members[place]) }
        }
        reply.scanned(next: end, names)
    }
}
