// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

extension Keyspace {
    mutating func setrange(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let offset = try call.integer(2)
        if offset < 0 { throw .text("ERR offset is out of range") }
        var text: [UInt8] = []
        if let place = livePlace(call, 1) { text = try string(place, call) }
        let new = call.arguments[3]
        if new.isEmpty { return reply.integer(text.count) }
        guard offset <= Int64(Self.maximumStringBytes - new.count) else {
            throw .text("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
        }
        let end = Int(offset) + new.count
        if text.count < end { text += [UInt8](repeating: 0, count: end - text.count) }
        text.replaceSubrange(Int(offset)..<end, with: new)
        setString(call, 1, text, "setrange")
        reply.integer(text.count)
    }

    mutating func incrbyfloat(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        var current: [UInt8] = [UInt8(ascii: "0")]
        if let place = livePlace(call, 1) { current = try string(place, call) }
        let numbers = [FixedDecimal.read(current[...]), FixedDecimal.read(call.arguments[2])]
        var sum: FixedDecimal? = nil
        for number in numbers {
            switch number {
            case .none: throw .text("ERR value is not a valid float")
            case .infinite: continue
            case .number(let number): sum = sum.map { $0 + number } ?? number
            }
        }
        let isFinite = numbers.allSatisfy { if case .number = $0 { true } else { false } }
        guard isFinite, let sum else { throw .text("ERR increment would produce NaN or Infinity") }
        setString(call, 1, sum.text, "incrbyfloat")
        reply.bulk(sum.text)
    }
}
