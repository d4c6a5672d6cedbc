// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

extension Keyspace {
    func xpending(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        if call.count == 3 { return try pendingSummary(call, &reply) }
        guard (6...9).contains(call.count) else { throw .syntax }
        var index = 3
        var minimumIdle: Int64 = 0
        if call.arguments.matches(3, "IDLE") {
            minimumIdle = try call.integer(4)
            guard call.count >= 8 else { throw .syntax }
            index = 5
        }
        let count = max(try call.size(index + 2), 0)
        let lower = try call.rangeStart(index)
        let range = StreamRange(lower, try call.rangeEnd(index + 1))
        let group = try pendingGroup(call, &reply)
        let consumer = index + 3 < call.count ? call.arguments.array(index + 3) : nil
        let entries = group.pendingEntries(
            in: range, count: count, minimumIdle: minimumIdle, consumer: consumer, now: call.time)
        reply.array(entries.count)
        for entry in entries {
            reply.array(4)
            reply.bulk(entry.id)
            if let consumer = entry.consumer {
                reply.bulk(group.name(of: consumer))
                reply.integer(entry.idle(at: call.time))
            } else {
                reply.bulk("")
                reply.integer(-1)
            }
            reply.integer(entry.deliveryCount)
        }
    }

    private func pendingGroup(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) -> ConsumerGroup {
        let name = call.arguments.array(2)
        guard let stream = try stream(call, 1, &reply), let group = look(at: stream, { $0.group(named: name) }) else {
            throw Self.noGroup(call)
        }
        return group
    }

    private func pendingSummary(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let group = try pendingGroup(call, &reply)
        reply.array(4)
        reply.integer(group.pendingCount)
        guard let bounds = group.pendingBounds else {
            reply.null()
            reply.null()
            return reply.nullArray()
        }
        reply.bulk(bounds.lower)
        reply.bulk(bounds.upper)
        let consumers = group.consumerInfos.filter { $0.pendingCount > 0 }
        reply.array(consumers.count)
        for consumer in consumers {
            reply.array(2)
            reply.bulk(consumer.name)
            reply.bulk(Int64(consumer.pendingCount))
        }
    }
}
