// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

extension Keyspace {
    func dump(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        guard let place = place(call, 1, &reply) else { return reply.null() }
        let value: DumpedValue =
            switch databases[call.database][place].value {
            case .string(let text): .string(text)
            case .list(let list): .list(list.items)
            case .set(let set): .set(set.members)
            case .stream(let stream): .stream(streams[stream])
            }
        reply.bulk(value.bytes)
    }

    private struct RestoreOptions {
        var replaces = false
        var isAbsolute = false
        /// How long it wasn't used, and how often it was, are checked and not kept.
        var hasUse = false

        init(_ call: Call) throws(CommandError) {
            var index = 4
            while index < call.count {
                if call.arguments.matches(index, "REPLACE") {
                    replaces = true
                } else if call.arguments.matches(index, "ABSTTL") {
                    isAbsolute = true
                } else if call.arguments.matches(index, "IDLETIME"), index + 1 < call.count, !hasUse {
                    index += 1
                    if try call.integer(index) < 0 { throw .text("ERR Invalid IDLETIME value, must be >= 0") }
                    hasUse = true
                } else if call.arguments.matches(index, "FREQ"), index + 1 < call.count, !hasUse {
                    index += 1
                    guard 0...255 ~= (try call.integer(index)) else {
                        throw .text("ERR Invalid FREQ value, must be >= 0 and <= 255")
                    }
                    hasUse = true
                } else {
                    throw .syntax
                }
                index += 1
            }
        }
    }

    mutating func restore(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let options = try RestoreOptions(call)
        let old = livePlace(call, 1)
        if old != nil, !options.replaces { throw .text("BUSYKEY Target key name already exists.") }
        let duration = try call.integer(2)
        if duration < 0 { throw .text("ERR Invalid TTL value, must be >= 0") }
        let value: DumpedValue
        do throws(DumpError) {
            value = try DumpedValue(call.arguments[3], emptyStream: emptyStream, now: call.time)
        } catch {
            throw error.commandError
        }
        if let old { remove(old, in: call.database) }
        var moment = KeyRow.endless
        if duration > 0 {
            let (sum, overflows) = duration.addingReportingOverflow(options.isAbsolute ? 0 : call.time)
            moment = overflows ? KeyRow.endless - 1 : min(sum, KeyRow.endless - 1)
        }
        if moment <= call.time {
            if old != nil { notify(.generic, "del", call) }
            return reply.ok()
        }
        let place = add(call.arguments.array(1), keyValue(of: value), in: call.database)
        if moment != KeyRow.endless { setExpiry(place, in: call.database, moment) }
        signalFilled(place, in: call.database)
        notify(.generic, "restore", call)
        reply.ok()
    }

    private mutating func keyValue(of value: DumpedValue) -> KeyValue {
        switch value {
        case .string(let text): return .string(text)
        case .list(let items): return .list(ListValue(items))
        case .set(let members):
            var set = SetValue()
            for member in members { _ = set.insert(member) }
            return .set(set)
        case .stream(let stream): return .stream(add(stream))
        }
    }
}
