// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

extension Keyspace {
    private static func unknownOption(_ call: Call) -> CommandError {
        .message(
            "ERR unknown subcommand or wrong number of arguments for '\(call.arguments.text(1))'. Try XINFO HELP.")
    }

    /// Entries and pending entries that `XINFO STREAM FULL` shows if it isn't told how many. Source: Redis.
    private static let fullCount = 10

    /// The place of the stream that is asked about. Not the stream: of a function that throws and ends in copying what
    /// it lends, the compiler (Swift 6.3) forgets to say that nothing was thrown.
    private func infoPlace(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) -> Int {
        guard let stream = try stream(call, 2, &reply) else { throw .noSuchKey }
        return stream
    }

    /// How many entries `XINFO STREAM` is to show; `nil` without FULL.
    func infoCount(_ call: Call) throws(CommandError) -> Int? {
        if call.count <= 3 { return nil }
        guard call.arguments.matches(3, "FULL"), call.count == 4 || call.count == 6 else {
            throw Self.unknownOption(call)
        }
        if call.count == 4 { return Self.fullCount }
        guard call.arguments.matches(4, "COUNT") else { throw Self.unknownOption(call) }
        let number = try call.size(5)
        return number < 0 ? Self.fullCount : number == 0 ? .max : number
    }

    func xinfoStream(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        // What is wrong with the key is told before what is wrong with the options.
        let place = try infoPlace(call, &reply)
        let count = try infoCount(call)
        let stream = streams[place]
        let extras = Self.extras(of: stream)
        reply.map((count == nil ? 16 : 15) + extras.count)
        head(stream, call, &reply)
        for (name, number) in extras {
            reply.bulk(name)
            reply.integer(number)
        }
        guard let count else {
            reply.bulk("groups")
            reply.integer(stream.groupCount)
            reply.bulk("first-entry")
            if let first = stream.first { reply.entry(first) } else { reply.null() }
            reply.bulk("last-entry")
            if let last = stream.last { reply.entry(last) } else { reply.null() }
            return
        }
        reply.bulk("entries")
        let entries = stream.entries(in: .all, count: count)
        reply.array(entries.count)
        for entry in entries { reply.entry(entry) }
        reply.bulk("groups")
        reply.array(stream.groupCount)
        for name in stream.groupNames { full(name, stream, count, &reply) }
    }

    private func head(_ stream: Stream, _ call: Call, _ reply: inout ReplyWriter) {
        let tracked = stream.trackedIdempotentCounts(now: call.time)
        let counts = stream.idempotentCounts
        func number(_ name: StaticString, _ number: Int64) {
            reply.bulk(name)
            reply.integer(number)
        }
        number("length", Int64(stream.length))
        number("radix-tree-keys", Int64(stream.blockCount))
        number("radix-tree-nodes", Int64(stream.blockCount) + 1)
        reply.bulk("last-generated-id")
        reply.bulk(stream.lastID)
        reply.bulk("max-deleted-entry-id")
        reply.bulk(stream.maxDeletedID)
        number("entries-added", Int64(clamping: stream.entriesAdded))
        reply.bulk("recorded-first-entry-id")
        reply.bulk(stream.firstEntryID)
        number("idmp-duration", stream.idempotencyWindow.durationSeconds)
        number("idmp-maxsize", Int64(stream.idempotencyWindow.maximumCount))
        number("pids-tracked", Int64(tracked.producers))
        number("iids-tracked", Int64(tracked.ids))
        number("iids-added", Int64(clamping: counts.added))
        number("iids-duplicates", Int64(clamping: counts.duplicates))
    }

    /// What Redis's streams don't have, where it is used.
    private static func extras(of stream: Stream) -> [(name: StaticString, number: Int64)] {
        var extras: [(name: StaticString, number: Int64)] = []
        if stream.delayedCount > 0 {
            extras.append(("delayed", Int64(stream.delayedCount)))
            extras.append(("delayed-next", stream.nextDelayed ?? 0))
        }
        if stream.endingCount > 0 { extras.append(("ending", Int64(stream.endingCount))) }
        if stream.prioritizedCount > 0 { extras.append(("prioritized", Int64(stream.prioritizedCount))) }
        if stream.jobCount > 0 { extras.append(("jobs", Int64(stream.jobCount))) }
        let retention = stream.retention
        if let age = retention.maximumAge { extras.append(("retain-max-age", age)) }
        if let bytes = retention.maximumBytes { extras.append(("retain-max-bytes", Int64(bytes))) }
        if let length = retention.maximumLength { extras.append(("retain-max-length", Int64(length))) }
        if retention.isAcknowledged { extras.append(("retain-acked", 1)) }
        return extras
    }

    private func position(_ group: ConsumerGroup, _ stream: Stream, _ reply: inout ReplyWriter) {
        reply.bulk("last-delivered-id")
        reply.bulk(group.lastDeliveredID)
        reply.bulk("entries-read")
        if let read = group.entriesRead { reply.integer(read) } else { reply.null() }
        reply.bulk("lag")
        reply.integer(stream.lag(of: group))
    }

    private func full(_ name: [UInt8], _ stream: Stream, _ count: Int, _ reply: inout ReplyWriter) {
        guard let group = stream.group(named: name) else { return }
        reply.map(8 + Self.policyCount(group))
        reply.bulk("name")
        reply.bulk(name)
        position(group, stream, &reply)
        reply.bulk("pel-count")
        reply.integer(group.pendingCount)
        reply.bulk("nacked-count")
        reply.integer(group.nackedCount)
        policy(group, &reply)
        reply.bulk("pending")
        let pending = group.pendingEntries(count: count, now: 0)
        reply.array(pending.count)
        for entry in pending {
            reply.array(4)
            reply.bulk(entry.id)
            if let consumer = entry.consumer { reply.bulk(group.name(of: consumer)) } else { reply.bulk("") }
            reply.integer(entry.deliveredAt)
            reply.integer(entry.deliveryCount)
        }
        reply.bulk("consumers")
        let consumers = group.consumerInfos
        reply.array(consumers.count)
        for consumer in consumers {
            reply.map(5)
            reply.bulk("name")
            reply.bulk(consumer.name)
            reply.bulk("seen-time")
            reply.integer(consumer.seenAt)
            reply.bulk("active-time")
            reply.integer(consumer.activeAt ?? -1)
            reply.bulk("pel-count")
            reply.integer(consumer.pendingCount)
            reply.bulk("pending")
            let pending = group.pendingEntries(count: count, consumer: consumer.name, now: 0)
            reply.array(pending.count)
            for entry in pending {
                reply.array(3)
                reply.bulk(entry.id)
                reply.integer(entry.deliveredAt)
                reply.integer(entry.deliveryCount)
            }
        }
    }

    func xinfoGroups(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let stream = streams[try infoPlace(call, &reply)]
        reply.array(stream.groupCount)
        for name in stream.groupNames {
            guard let group = stream.group(named: name) else { continue }
            reply.map(6 + Self.policyCount(group))
            reply.bulk("name")
            reply.bulk(name)
            reply.bulk("consumers")
            reply.integer(group.consumerCount)
            reply.bulk("pending")
            reply.integer(group.pendingCount)
            position(group, stream, &reply)
            policy(group, &reply)
        }
    }

    func xinfoConsumers(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let stream = streams[try infoPlace(call, &reply)]
        guard let group = stream.group(named: call.arguments.array(3)) else {
            throw .message(
                "NOGROUP No such consumer group '\(call.arguments.text(3))' for key name '\(call.arguments.text(2))'")
        }
        let consumers = group.consumerInfos
        reply.array(consumers.count)
        for consumer in consumers {
            reply.map(4)
            reply.bulk("name")
            reply.bulk(consumer.name)
            reply.bulk("pending")
            reply.integer(consumer.pendingCount)
            reply.bulk("idle")
            reply.integer(max(call.time - consumer.seenAt, 0))
            reply.bulk("inactive")
            reply.integer(consumer.activeAt.map { max(call.time - $0, 0) } ?? -1)
        }
    }
}
