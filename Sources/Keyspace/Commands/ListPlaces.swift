// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

extension Keyspace {
    mutating func lset(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        guard let place = livePlace(call, 1) else { throw .noSuchKey }
        guard case .list(let list) = databases[call.database][place].value else { throw .wrongType }
        let number = try call.integer(2)
        let index = number < 0 ? number + Int64(list.count) : number
        guard 0 <= index, index < Int64(list.count) else { throw .text("ERR index out of range") }
        try changeList(call, place) { $0[Int(index)] = call.arguments.array(3) }
        notify(.list, "lset", call)
        reply.ok()
    }

    mutating func linsert(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let isBefore = call.arguments.matches(2, "BEFORE")
        guard isBefore || call.arguments.matches(2, "AFTER") else { throw .syntax }
        guard let place = livePlace(call, 1) else { return reply.integer(0) }
        guard case .list(let list) = databases[call.database][place].value else { throw .wrongType }
        var items = list.items
        guard let pivot = items.firstIndex(where: { $0[...] == call.arguments[3] }) else { return reply.integer(-1) }
        items.insert(call.arguments.array(4), at: isBefore ? pivot : pivot + 1)
        let count = items.count
        try changeList(call, place) { $0 = ListValue(items) }
        notify(.list, "linsert", call)
        reply.integer(count)
    }

    /// The words behind LPOS's item.
    private struct Search {
        var rank: Int64 = 1
        /// 0: all.
        var count: Int64?
        var maximumCompared: Int64 = 0

        init(_ call: Call) throws(CommandError) {
            for index in stride(from: 3, to: call.count, by: 2) {
                guard index + 1 < call.count else { throw .syntax }
                if call.arguments.matches(index, "RANK") {
                    rank = try call.integer(index + 1)
                    if rank == .min {
                        throw .text(
                            """
                            ERR value is out of range, value must between -9223372036854775807 and \
                            9223372036854775807
                            """)
                    }
                    if rank == 0 {
                        throw .text(
                            """
                            ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
                            negative to start from the end of the list
                            """)
                    }
                } else if call.arguments.matches(index, "COUNT") {
                    guard let number = call.arguments.integer(index + 1), number >= 0 else {
                        throw .text("ERR COUNT can't be negative")
                    }
                    count = number
                } else if call.arguments.matches(index, "MAXLEN") {
                    guard let number = call.arguments.integer(index + 1), number >= 0 else {
                        throw .text("ERR MAXLEN can't be negative")
                    }
                    maximumCompared = number
                } else {
                    throw .syntax
                }
            }
        }
    }

    func lpos(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let search = try Search(call)
        var found: [Int] = []
        if let list = try list(call, 1, &reply) {
            let wanted = search.count.map { $0 == 0 ? Int64.max : $0 } ?? 1
            let compared = min(search.maximumCompared == 0 ? .max : search.maximumCompared, Int64(list.count))
            var skipped = search.rank.magnitude - 1
            for step in 0..<Int(compared) where Int64(found.count) < wanted {
                let index = search.rank < 0 ? list.count - 1 - step : step
                guard list[index][...] == call.arguments[2] else { continue }
                if skipped > 0 { skipped -= 1 } else { found.append(index) }
            }
        }
        guard search.count != nil else {
            if let first = found.first { reply.integer(first) } else { reply.null() }
            return
        }
        reply.array(found.count)
        for index in found { reply.integer(index) }
    }
}
