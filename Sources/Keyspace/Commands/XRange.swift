// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

/// The words of XRANGE and XREVRANGE.
struct RangeRequest {
    var range: StreamRange
    var count = Int.max
    var selection = EntrySelection()

    init(_ call: Call, start: Int, end: Int, allowsSelection: Bool = true) throws(CommandError) {
        let lower = try call.rangeStart(start)
        range = StreamRange(lower, try call.rangeEnd(end))
        var index = 4
        while index < call.count {
            let words = allowsSelection ? try selection.read(call, index) : 0
            if words > 0 {
                index += words
                continue
            }
            guard call.arguments.matches(index, "COUNT"), index + 1 < call.count else { throw .syntax }
            count = max(try call.size(index + 1), 0)
            index += 2
        }
    }
}

extension Keyspace {
    func xlen(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        if call.count == 3 || call.count > 4 { throw .arity("xlen") }
        let range = call.count == 4 ? StreamRange(try call.rangeStart(2), try call.rangeEnd(3)) : nil
        guard let stream = try stream(call, 1, &reply) else { return reply.integer(0) }
        reply.integer(look(at: stream) { stream in range.map { stream.count(in: $0) } ?? stream.length })
    }

    func xrange(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        try range(call, try RangeRequest(call, start: 2, end: 3), isReversed: false, &reply)
    }

    func xrevrange(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        try range(call, try RangeRequest(call, start: 3, end: 2), isReversed: true, &reply)
    }

    private func range(
        _ call: Call, _ request: RangeRequest, isReversed: Bool, _ reply: inout ReplyWriter
    ) throws(CommandError) {
        guard let stream = try stream(call, 1, &reply) else { return reply.array(0) }
        if request.count == 0 { return reply.nullArray() }
        if request.range.isEmpty { return reply.array(0) }
        let mark = reply.mark()
        var written = 0
        func write(_ entry: StreamEntry) -> Bool {
            if !request.selection.admits(entry) { return true }
            reply.entry(entry, request.selection)
            written += 1
            return written < request.count
        }
        look(at: stream) { stream in
            if isReversed {
                stream.forEachReversed(in: request.range, write)
            } else {
                stream.forEach(in: request.range, write)
            }
        }
        reply.array(written, since: mark)
    }
}
