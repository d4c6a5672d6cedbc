// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

extension Keyspace {
    /// - Throws: `wrongType`.
    func list(_ call: Call, _ index: Int) throws(CommandError) -> ListValue? {
        guard let place = place(call, index) else { return nil }
        guard case .list(let list) = databases[call.database][place].value else { throw .wrongType }
        return list
    }

    /// As above, for a reply that tells of it: it is counted.
    ///
    /// - Throws: `wrongType`.
    func list(_ call: Call, _ index: Int, _ reply: inout ReplyWriter) throws(CommandError) -> ListValue? {
        guard let place = place(call, index, &reply) else { return nil }
        guard case .list(let list) = databases[call.database][place].value else { throw .wrongType }
        return list
    }

    /// Changes the list of a key that is there, which goes with its last item.
    ///
    /// - Throws: `wrongType`.
    mutating func changeList<Result>(
        _ call: Call, _ place: Int, _ body: (inout ListValue) -> Result
    ) throws(CommandError) -> Result {
        guard case .list(var list) = databases[call.database][place].value else { throw .wrongType }
        // The list changes where it stands: nobody else refers to it.
        databases[call.database][place].value = .list(ListValue())
        let result = body(&list)
        databases[call.database][place].value = .list(list)
        touch(place, in: call.database)
        if list.isEmpty {
            let name = databases[call.database][place].name
            remove(place, in: call.database)
            notify(.generic, "del", name, call.database)
        }
        return result
    }

    mutating func push(
        _ call: Call, _ reply: inout ReplyWriter, atFront: Bool, ifPresent: Bool = false
    ) throws(CommandError) {
        var place = livePlace(call, 1)
        if place == nil {
            if ifPresent { return reply.integer(0) }
            place = add(call.arguments.array(1), .list(ListValue()), in: call.database)
        }
        let count = try changeList(call, place!) { list in
            for index in 2..<call.count { list.push(call.arguments.array(index), atFront: atFront) }
            return list.count
        }
        notify(.list, atFront ? "lpush" : "rpush", call)
        signalFilled(place!, in: call.database)
        reply.integer(count)
    }

    mutating func pop(_ call: Call, _ reply: inout ReplyWriter, atFront: Bool) throws(CommandError) {
        var count: Int?
        if call.count > 3 { throw .arity(atFront ? "lpop" : "rpop") }
        if call.count == 3 {
            count = try call.count(2)
        }
        guard let place = livePlace(call, 1) else {
            if count == nil { reply.null() } else { reply.nullArray() }
            return
        }
        if count == 0, try list(call, 1) != nil { return reply.array(0) }
        let items = try changeList(call, place) { list in
            var items: [[UInt8]] = []
            while items.count < count ?? 1, let item = list.pop(atFront: atFront) { items.append(item) }
            return items
        }
        notify(.list, atFront ? "lpop" : "rpop", call)
        guard count != nil else { return reply.bulk(items[0]) }
        reply.array(items.count)
        for item in items { reply.bulk(item) }
    }

    func llen(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        reply.integer(try list(call, 1, &reply)?.count ?? 0)
    }

    func lrange(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let (start, end) = (try call.integer(2), try call.integer(3))
        guard let list = try list(call, 1, &reply) else { return reply.array(0) }
        let range = Self.range(start, end, list.count)
        reply.array(range.count)
        for index in range { reply.bulk(list[index]) }
    }

    func lindex(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        guard let list = try list(call, 1, &reply) else { return reply.null() }
        let index = try call.integer(2)
        let place = index < 0 ? index + Int64(list.count) : index
        guard 0 <= place, place < Int64(list.count) else { return reply.null() }
        reply.bulk(list[Int(place)])
    }

    mutating func ltrim(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let (start, end) = (try call.integer(2), try call.integer(3))
        guard let place = livePlace(call, 1) else { return reply.ok() }
        try changeList(call, place) { list in
            list = ListValue(Array(list.items[Self.range(start, end, list.count)]))
        }
        notify(.list, "ltrim", call)
        reply.ok()
    }

    mutating func lrem(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let count = try call.integer(2)
        // Who watches the key is told of what was removed alone.
        guard let place = livePlace(call, 1), try list(call, 1)?.items.contains(call.arguments.array(3)) == true else {
            return reply.integer(0)
        }
        let removed = try changeList(call, place) { list in
            var items = list.items
            if count < 0 { items.reverse() }
            var removed = 0
            let most = count == 0 ? UInt64.max : count.magnitude
            items.removeAll { item in
                guard UInt64(removed) < most, item[...] == call.arguments[3] else { return false }
                removed += 1
                return true
            }
            if count < 0 { items.reverse() }
            list = ListValue(items)
            return removed
        }
        notify(.list, "lrem", call)
        reply.integer(removed)
    }

    private func side(_ call: Call, _ index: Int) throws(CommandError) -> Bool {
        if call.arguments.matches(index, "LEFT") { return true }
        if call.arguments.matches(index, "RIGHT") { return false }
        throw .syntax
    }

    mutating func lmove(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let fromFront = try side(call, 3)
        try moveItem(call, &reply, fromFront: fromFront, toFront: try side(call, 4))
    }

    mutating func rpoplpush(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        try moveItem(call, &reply, fromFront: false, toFront: true)
    }

    private mutating func moveItem(
        _ call: Call, _ reply: inout ReplyWriter, fromFront: Bool, toFront: Bool
    ) throws(CommandError) {
        guard let from = livePlace(call, 1) else { return reply.null() }
        guard case .list = databases[call.database][from].value else { throw .wrongType }
        if livePlace(call, 2) != nil { _ = try list(call, 2) }
        if call.arguments[1] == call.arguments[2] {
            let item = try changeList(call, from) { list in
                let item = list.pop(atFront: fromFront) ?? []
                list.push(item, atFront: toFront)
                return item
            }
            return reply.bulk(item)
        }
        let item = try changeList(call, from) { $0.pop(atFront: fromFront) ?? [] }
        notify(.list, fromFront ? "lpop" : "rpop", call)
        let to = livePlace(call, 2) ?? add(call.arguments.array(2), .list(ListValue()), in: call.database)
        try changeList(call, to) { $0.push(item, atFront: toFront) }
        notify(.list, toFront ? "lpush" : "rpush", call, 2)
        signalFilled(to, in: call.database)
        reply.bulk(item)
    }

    /// BLMOVE, BRPOPLPUSH: when the first list has something.
    mutating func blockingMove(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let sides = try moveSides(call)
        _ = try Self.listTimeout(call)
        if livePlace(call, 1) == nil { throw .waits }
        try moveItem(call, &reply, fromFront: sides.fromFront, toFront: sides.toFront)
    }

    /// BRPOPLPUSH has no words for them.
    private func moveSides(_ call: Call) throws(CommandError) -> (fromFront: Bool, toFront: Bool) {
        if call.count == 4 { return (false, true) }
        return (try side(call, 3), try side(call, 4))
    }

    /// As `vainGroupRead`, of BLMOVE and BRPOPLPUSH.
    func vainMove(_ call: Call) throws(CommandError) -> CommandOutcome? {
        _ = try moveSides(call)
        _ = try Self.listTimeout(call)
        return place(call, 1) == nil ? .waits : nil
    }

    /// BLPOP, BRPOP: of the first key that has something.
    mutating func blockingPop(_ call: Call, _ reply: inout ReplyWriter, atFront: Bool) throws(CommandError) {
        _ = try Self.listTimeout(call)
        for index in 1..<call.count - 1 {
            guard let place = livePlace(call, index) else { continue }
            let item = try changeList(call, place) { $0.pop(atFront: atFront) ?? [] }
            notify(.list, atFront ? "lpop" : "rpop", call, index)
            reply.array(2)
            reply.bulk(call.arguments[index])
            return reply.bulk(item)
        }
        throw .waits
    }

    /// As `vainGroupRead`, of BLPOP and BRPOP.
    func vainPop(_ call: Call) throws(CommandError) -> CommandOutcome? {
        _ = try Self.listTimeout(call)
        return (1..<call.count - 1).contains { place(call, $0) != nil } ? nil : .waits
    }

    /// Milliseconds that the last word, in seconds, says; 0: for ever.
    static func listTimeout(_ call: Call) throws(CommandError) -> Int64 {
        guard let seconds = Double(call.arguments.text(call.count - 1)), seconds.isFinite else {
            throw .text("ERR timeout is not a float or out of range")
        }
        if seconds < 0 { throw .text("ERR timeout is negative") }
        guard seconds < 1e15 else { throw .text("ERR timeout is out of range") }
        return Int64((seconds * 1000).rounded(.up))
    }
}
