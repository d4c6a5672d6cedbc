// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

extension Keyspace {
    /// XGROUP DELCONSUMER key group consumer [IFEMPTY | TO other]: with neither, what it had pending is forgotten.
    mutating func xgroupDelConsumer(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let words = call.arguments
        let ifEmpty = call.count == 6 && words.matches(5, "IFEMPTY")
        let heir = call.count == 7 && words.matches(5, "TO") ? words.array(6) : nil
        if call.count > 5, !ifEmpty, heir == nil { throw Self.unknownOption(call, "XGROUP") }
        let (stream, place) = try existingGroup(call)
        let (group, consumer) = (words.array(3), words.array(4))
        if ifEmpty,
            let info = streams[stream].group(named: group)?.consumerInfos.first(where: { $0.name == consumer }),
            info.pendingCount > 0
        {
            throw .message("NOTEMPTY the consumer has \(info.pendingCount) pending entries")
        }
        let pending = try streaming { () throws(StreamError) in
            guard let heir else { return try streams[stream].deleteConsumer(consumer, group: group) }
            return try streams[stream].deleteConsumer(consumer, group: group, heir: heir, now: call.time)
        }
        if pending != nil {
            touch(place, in: call.database)
            notify(.stream, "xgroup-delconsumer", call, 2)
            signalFollowers(stream, place, in: call.database)
        }
        reply.integer(pending ?? 0)
    }
}
