// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

extension Keyspace {
    mutating func xdel(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        guard let (stream, place) = try liveStream(call, 1) else { return reply.integer(0) }
        let ids = try call.streamIDs(2..<call.count)
        let count = streams[stream].delete(ids)
        if count > 0 {
            touch(place, in: call.database)
            notify(.stream, "xdel", call)
        }
        reply.integer(count)
    }

    /// The words behind the key of XDELEX, behind the group of XACKDEL: policy and IDs, in any order.
    private func deletion(
        _ call: Call, from begin: Int
    ) throws(CommandError) -> (policy: ReferencePolicy, ids: [StreamID]) {
        var policy: ReferencePolicy?
        var ids: Range<Int>?
        var index = begin
        while index < call.count {
            if let word = TrimOptions.policy(call, index) {
                if policy != nil { throw .syntax }
                policy = word
                index += 1
            } else if call.arguments.matches(index, "IDS"), ids == nil, index + 1 < call.count {
                guard let count = call.arguments.integer(index + 1), count > 0 else {
                    throw .text("ERR Number of IDs must be a positive integer")
                }
                guard count <= call.count - index - 2 else {
                    throw .text("ERR The `numids` parameter must match the number of arguments")
                }
                ids = index + 2..<index + 2 + Int(count)
                index += 2 + Int(count)
            } else {
                throw .syntax
            }
        }
        guard let ids else { throw .text("ERR IDS option is required") }
        return (policy ?? .keep, try call.streamIDs(ids))
    }

    private mutating func answer(
        _ outcomes: [DeleteOutcome], _ place: Int, _ call: Call, isChanged: Bool, _ reply: inout ReplyWriter
    ) {
        if isChanged { touch(place, in: call.database) }
        if outcomes.contains(.deleted) { notify(.stream, "xdel", call) }
        reply.array(outcomes.count)
        for outcome in outcomes {
            switch outcome {
            case .notFound: reply.integer(-1)
            case .deleted: reply.integer(1)
            case .kept: reply.integer(2)
            }
        }
    }

    mutating func xdelex(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let found = try liveStream(call, 1)
        let (policy, ids) = try deletion(call, from: 2)
        guard let (stream, place) = found else { return missing(ids, &reply) }
        let outcomes = streams[stream].delete(ids, policy)
        answer(
            outcomes, place, call, isChanged: policy == .delete || outcomes.contains(.deleted), &reply)
        signalFollowers(stream, place, in: call.database)
    }

    mutating func xackdel(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let found = try liveStream(call, 1)
        let (policy, ids) = try deletion(call, from: 3)
        guard let (stream, place) = found else { return missing(ids, &reply) }
        let outcomes = streams[stream].acknowledgeAndDelete(ids, group: call.arguments.array(2), policy)
        answer(outcomes, place, call, isChanged: outcomes.contains { $0 != .notFound }, &reply)
        signalFollowers(stream, place, in: call.database)
    }

    private func missing(_ ids: [StreamID], _ reply: inout ReplyWriter) {
        reply.array(ids.count)
        for _ in ids { reply.integer(-1) }
    }

    mutating func xsetid(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let id = try call.streamID(2)
        var entriesAdded: Int64?
        var maxDeletedID: StreamID?
        var index = 3
        while index < call.count {
            if call.arguments.matches(index, "ENTRIESADDED"), index + 1 < call.count {
                entriesAdded = try call.integer(index + 1)
                if entriesAdded! < 0 { throw .stream(.entriesAddedNegative) }
            } else if call.arguments.matches(index, "MAXDELETEDID"), index + 1 < call.count {
                maxDeletedID = try call.streamID(index + 1)
                if id < maxDeletedID! { throw .stream(.lastIDBelowGivenDeletedID) }
            } else {
                throw .syntax
            }
            index += 2
        }
        guard let (stream, place) = try liveStream(call, 1) else { throw .noSuchKey }
        try streaming { () throws(StreamError) in
            try streams[stream].setLastID(id, entriesAdded: entriesAdded, maxDeletedID: maxDeletedID)
        }
        touch(place, in: call.database)
        notify(.stream, "xsetid", call)
        reply.ok()
    }
}
