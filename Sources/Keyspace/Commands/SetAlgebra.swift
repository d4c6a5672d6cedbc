// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

/// What becomes of several sets together.
enum SetOperation {
    case intersection, union, difference

    /// The event of a result that is kept.
    var event: StaticString {
        switch self {
        case .intersection: "sinterstore"
        case .union: "sunionstore"
        case .difference: "sdiffstore"
        }
    }

    /// In the order of the first set, those of a union behind it in the order of the others.
    func members(_ sets: [SetValue?]) -> [[UInt8]] {
        switch self {
        case .intersection:
            guard let first = sets[0], !sets.contains(where: { $0 == nil }) else { return [] }
            let others = sets.dropFirst().compactMap { $0 }
            return first.members.filter { member in others.allSatisfy { $0.contains(member) } }
        case .difference:
            let others = sets.dropFirst().compactMap { $0 }
            return (sets[0]?.members ?? []).filter { member in !others.contains { $0.contains(member) } }
        case .union:
            var all = sets[0] ?? SetValue()
            for case .some(let set) in sets.dropFirst() {
                for member in set.members { _ = all.insert(member) }
            }
            return all.members
        }
    }
}

extension Keyspace {
    /// Of a key each; `nil`: there is none.
    private func sets(
        _ call: Call, _ words: Range<Int>, _ reply: inout ReplyWriter
    ) throws(CommandError) -> [SetValue?] {
        var sets: [SetValue?] = []
        for index in words { sets.append(try set(call, index, &reply)) }
        return sets
    }

    func combineSets(
        _ call: Call, _ reply: inout ReplyWriter, _ operation: SetOperation
    ) throws(CommandError) {
        let members = operation.members(try sets(call, 1..<call.count, &reply))
        reply.set(members.count)
        for member in members { reply.bulk(member) }
    }

    mutating func storeSets(
        _ call: Call, _ reply: inout ReplyWriter, _ operation: SetOperation
    ) throws(CommandError) {
        let members = operation.members(try sets(call, 2..<call.count, &reply))
        if members.isEmpty {
            if let place = livePlace(call, 1) {
                remove(place, in: call.database)
                notify(.generic, "del", call)
            }
            return reply.integer(0)
        }
        var result = SetValue()
        for member in members { _ = result.insert(member) }
        let place = put(call.arguments.array(1), .set(result), in: call.database, now: call.time)
        setExpiry(place, in: call.database, KeyRow.endless)
        notify(.set, operation.event, call)
        reply.integer(members.count)
    }

    func sintercard(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        guard let number = call.arguments.integer(1), number > 0 else {
            throw .text("ERR numkeys should be greater than 0")
        }
        guard number <= Int64(call.count - 2) else {
            throw .text("ERR Number of keys can't be greater than number of args")
        }
        let end = 2 + Int(number)
        var limit: Int64 = 0
        for index in stride(from: end, to: call.count, by: 2) {
            guard call.arguments.matches(index, "LIMIT"), index + 1 < call.count else { throw .syntax }
            guard let most = call.arguments.integer(index + 1), most >= 0 else {
                throw .text("ERR LIMIT can't be negative")
            }
            limit = most
        }
        let count = SetOperation.intersection.members(try sets(call, 2..<end, &reply)).count
        reply.integer(limit == 0 ? Int64(count) : min(Int64(count), limit))
    }

    mutating func smove(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        guard let from = livePlace(call, 1) else { return reply.integer(0) }
        guard let source = try set(call, 1) else { return reply.integer(0) }
        if livePlace(call, 2) != nil { _ = try set(call, 2) }
        let member = call.arguments.array(3)
        guard source.contains(member) else { return reply.integer(0) }
        if call.arguments[1] == call.arguments[2] { return reply.integer(1) }
        try changeSet(call, from) { set in ((), set.remove(member)) }
        notify(.set, "srem", call)
        let to = livePlace(call, 2) ?? add(call.arguments.array(2), .set(SetValue()), in: call.database)
        let isNew = try changeSet(call, to) { set in
            let isNew = set.insert(member)
            return (isNew, isNew)
        }
        if isNew { notify(.set, "sadd", call, 2) }
        reply.integer(1)
    }
}
