// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

extension Keyspace {
    /// XRETAIN key [MAXAGE ms] [MAXBYTES n] [MAXLEN n] [ACKED], or XRETAIN key OFF. What isn't named sets no bound.
    mutating func xretain(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        var retention = Retention()
        var index = 2
        if call.arguments.matches(2, "OFF"), call.count > 3 { throw .syntax }
        if !call.arguments.matches(2, "OFF") {
            while index < call.count {
                if call.arguments.matches(index, "ACKED") {
                    retention.isAcknowledged = true
                    index += 1
                    continue
                }
                guard index + 1 < call.count else { throw .syntax }
                let number = try call.integer(index + 1)
                if call.arguments.matches(index, "MAXAGE") {
                    guard 1...Stream.maximumDelay ~= number else { throw .text("ERR MAXAGE is out of range") }
                    retention.maximumAge = number
                } else if call.arguments.matches(index, "MAXBYTES") {
                    guard number > 0 else { throw .text("ERR The MAXBYTES argument must be > 0.") }
                    retention.maximumBytes = Int(number)
                } else if call.arguments.matches(index, "MAXLEN") {
                    guard 0..<Int64.max ~= number else { throw .text("ERR The MAXLEN argument must be >= 0.") }
                    retention.maximumLength = Int(number)
                } else {
                    throw .syntax
                }
                index += 2
            }
        }
        guard let (stream, place) = try liveStream(call, 1) else { throw .noSuchKey }
        streams[stream].setRetention(retention)
        touch(place, in: call.database)
        retain(stream, place, call.database, now: call.time)
        reply.ok()
    }

    /// Applies a stream's retention behind an append.
    @inline(__always)
    mutating func retain(_ stream: Int, _ place: Int, _ database: Int, now: Int64) {
        if ask(stream, { $0.retention.isEmpty }) { return }
        if streams[stream].retain(now: now, limits: settings.blocks) > 0 {
            notify(.stream, "xtrim", databases[database][place].name, database)
        }
        schedule(stream)
    }
}
