// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

extension Keyspace {
    /// A string takes at most this much: `proto-max-bulk-len`, which CONFIG tells, and which a request may bring.
    static let maximumStringBytes = 16 << 20

    /// - Throws: `wrongType`.
    func string(_ place: Int, _ call: Call) throws(CommandError) -> [UInt8] {
        guard case .string(let text) = databases[call.database][place].value else { throw .wrongType }
        return text
    }

    /// - Throws: `wrongType`.
    func string(_ call: Call, _ index: Int) throws(CommandError) -> [UInt8]? {
        guard let place = place(call, index) else { return nil }
        return try string(place, call)
    }

    /// As above, for a reply that tells it: it is counted.
    ///
    /// - Throws: `wrongType`.
    func string(_ call: Call, _ index: Int, _ reply: inout ReplyWriter) throws(CommandError) -> [UInt8]? {
        guard let place = place(call, index, &reply) else { return nil }
        return try string(place, call)
    }

    mutating func setString(_ call: Call, _ index: Int, _ text: [UInt8], _ event: StaticString = "set") {
        put(call.arguments.array(index), .string(text), in: call.database, now: call.time)
        notify(.string, event, call, index)
    }

    func get(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        if let text = try string(call, 1, &reply) { reply.bulk(text) } else { reply.null() }
    }

    private struct SetOptions {
        var ifAbsent = false
        var ifPresent = false
        var returnsOld = false
        var keepsExpiry = false
        var expiry: ExpiryOption?
    }

    /// Where a moment stands, and how it is written. It is read when all other words are known to be right.
    private struct ExpiryOption {
        var form: MomentForm
        var index: Int

        /// Nil: the word is none that a moment follows.
        init?(_ call: Call, _ index: Int) throws(CommandError) {
            let forms: [(StaticString, MomentForm)] = [
                ("EX", .seconds), ("PX", .milliseconds), ("EXAT", .secondsOfClock), ("PXAT", .millisecondsOfClock),
            ]
            guard let form = forms.first(where: { call.arguments.matches(index, $0.0) })?.1 else { return nil }
            guard index + 1 < call.count else { throw .syntax }
            self.form = form
            self.index = index + 1
        }

        func moment(_ call: Call, command: String) throws(CommandError) -> Int64 {
            try form.moment(call, index, command: command, isPositive: true)
        }
    }

    mutating func set(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        var options = SetOptions()
        var index = 3
        while index < call.count {
            if call.arguments.matches(index, "NX"), !options.ifPresent {
                options.ifAbsent = true
            } else if call.arguments.matches(index, "XX"), !options.ifAbsent {
                options.ifPresent = true
            } else if call.arguments.matches(index, "GET") {
                options.returnsOld = true
            } else if call.arguments.matches(index, "KEEPTTL"), options.expiry == nil {
                options.keepsExpiry = true
            } else if options.expiry == nil, !options.keepsExpiry, let expiry = try ExpiryOption(call, index) {
                options.expiry = expiry
                index += 1
            } else {
                throw .syntax
            }
            index += 1
        }
        let moment = try options.expiry?.moment(call, command: "set")
        let place = livePlace(call, 1)
        var old: [UInt8]?
        if options.returnsOld {
            reply.noteLookup(isFound: place != nil)
            if let place { old = try string(place, call) }
        }
        if options.ifAbsent && place != nil || options.ifPresent && place == nil {
            if options.returnsOld, let old { reply.bulk(old) } else { reply.null() }
            return
        }
        let new = put(call.arguments.array(1), .string(call.arguments.array(2)), in: call.database, now: call.time)
        if let moment {
            setExpiry(new, in: call.database, moment)
        } else if !options.keepsExpiry {
            setExpiry(new, in: call.database, KeyRow.endless)
        }
        notify(.string, "set", call)
        if !options.returnsOld { return reply.ok() }
        if let old { reply.bulk(old) } else { reply.null() }
    }

    mutating func setnx(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        if livePlace(call, 1) != nil { return reply.integer(0) }
        setString(call, 1, call.arguments.array(2))
        reply.integer(1)
    }

    mutating func setex(
        _ call: Call, _ reply: inout ReplyWriter, _ form: MomentForm, command: String
    ) throws(CommandError) {
        let moment = try form.moment(call, 2, command: command, isPositive: true)
        let place = put(call.arguments.array(1), .string(call.arguments.array(3)), in: call.database, now: call.time)
        setExpiry(place, in: call.database, moment)
        notify(.string, "set", call)
        reply.ok()
    }

    mutating func getset(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        if let old = try string(call, 1, &reply) { reply.bulk(old) } else { reply.null() }
        let place = put(call.arguments.array(1), .string(call.arguments.array(2)), in: call.database, now: call.time)
        setExpiry(place, in: call.database, KeyRow.endless)
        notify(.string, "set", call)
    }

    mutating func getdel(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        guard let place = livePlace(call, 1, &reply) else { return reply.null() }
        reply.bulk(try string(place, call))
        remove(place, in: call.database)
        notify(.generic, "del", call)
    }

    mutating func getex(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let persists = call.count == 3 && call.arguments.matches(2, "PERSIST")
        var option: ExpiryOption?
        if call.count > 2, !persists {
            option = try ExpiryOption(call, 2)
            if option == nil || call.count != 4 { throw .syntax }
        }
        guard let place = livePlace(call, 1, &reply) else { return reply.null() }
        let text = try string(place, call)
        let moment = persists ? KeyRow.endless : try option?.moment(call, command: "getex")
        reply.bulk(text)
        guard let moment, moment != databases[call.database][place].expiresAt else { return }
        setExpiry(place, in: call.database, moment)
        touch(place, in: call.database)
    }

    func mget(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        reply.array(call.count - 1)
        for index in 1..<call.count {
            if let text = try? string(call, index, &reply) { reply.bulk(text) } else { reply.null() }
        }
    }

    mutating func mset(_ call: Call, _ reply: inout ReplyWriter, ifAbsent: Bool) throws(CommandError) {
        if call.count & 1 == 0 { throw .arity(ifAbsent ? "msetnx" : "mset") }
        if ifAbsent {
            for index in stride(from: 1, to: call.count, by: 2) where livePlace(call, index) != nil {
                return reply.integer(0)
            }
        }
        for index in stride(from: 1, to: call.count, by: 2) {
            let place = put(
                call.arguments.array(index), .string(call.arguments.array(index + 1)), in: call.database, now: call.time
            )
            setExpiry(place, in: call.database, KeyRow.endless)
            notify(.string, "set", call, index)
        }
        if ifAbsent { reply.integer(1) } else { reply.ok() }
    }

    func strlen(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        reply.integer(try string(call, 1, &reply)?.count ?? 0)
    }

    mutating func append(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        var text = try string(call, 1) ?? []
        guard text.count + call.arguments.byteCount(2) <= Self.maximumStringBytes else {
            throw .text("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
        }
        text += call.arguments[2]
        setString(call, 1, text, "append")
        reply.integer(text.count)
    }

    func getrange(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let (start, end) = (try call.integer(2), try call.integer(3))
        let text = try string(call, 1, &reply) ?? []
        // An end in front of the text is taken for its first byte, unless it lies before the beginning.
        let isBackward = start < 0 && end < 0 && start > end
        let range = isBackward ? 0..<0 : Self.range(start, max(end, -Int64(text.count)), text.count)
        reply.bulk(text[range])
    }

    /// The part of so many items from one place to another, both included, negative ones counted from the end.
    static func range(_ start: Int64, _ end: Int64, _ count: Int) -> Range<Int> {
        let length = Int64(count)
        let low = max(start < 0 ? max(start, -length) + length : start, 0)
        let high = min(end < 0 ? max(end, -length - 1) + length : end, length - 1)
        return low > high || low >= length ? 0..<0 : Int(low)..<Int(high) + 1
    }

    mutating func increment(_ call: Call, _ reply: inout ReplyWriter, by amount: Int64) throws(CommandError) {
        let place = livePlace(call, 1)
        var number: Int64 = 0
        if let place {
            let text = try string(place, call)
            guard let known = Decimal.integer(text.span.bytes) else { throw .notInteger }
            number = known
        }
        let (sum, overflows) = number.addingReportingOverflow(amount)
        if overflows { throw .text("ERR increment or decrement would overflow") }
        var text: [UInt8] = []
        Decimal.append(sum, to: &text)
        setString(call, 1, text, "incrby")
        reply.integer(sum)
    }

    mutating func incrby(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        try increment(call, &reply, by: try call.integer(2))
    }

    mutating func decrby(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let amount = try call.integer(2)
        if amount == .min { throw .text("ERR decrement would overflow") }
        try increment(call, &reply, by: -amount)
    }
}
