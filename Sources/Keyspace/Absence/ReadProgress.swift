// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

/// How far XREAD is carried out: its streams are read one by one, each to its end of then.
///
/// As long as nothing is found, a stream that has been read is read on if there has come more: so whoever finds nothing
/// and waits has seen all that there is at that moment.
struct ReadProgress: Sendable {
    private struct Key: Sendable {
        let start: ReadStart
        /// How far it is read, and of which stream.
        var readUpTo: (stream: UInt64, id: StreamID)?
    }

    private let request: ReadRequest
    private let mark: ReplyWriter.Mark
    private var keys: [Key]
    /// The key that is read.
    private var current = -1
    /// Where its reply begins.
    private var begin = 0
    /// Keys that had something.
    private var served = 0
    private var budget: ReplyBudget

    init(_ request: ReadRequest, _ starts: [ReadStart], _ mark: ReplyWriter.Mark) {
        self.request = request
        self.mark = mark
        budget = request.budget
        keys = starts.map { Key(start: $0) }
    }

    /// Begins the part of the reply of the next stream that may have something; `nil`: there is none.
    mutating func next(_ keyspace: Keyspace, _ call: Call, _ reply: inout ReplyWriter) -> RangeProgress.Part? {
        if budget.isSpent { return nil }
        var index = keys.indices.first { $0 > current && unread($0, keyspace, call) != nil }
        if index == nil, served == 0 { index = keys.indices.first { unread($0, keyspace, call) != nil } }
        guard let index, let (place, range) = unread(index, keyspace, call) else { return nil }
        var count = request.count
        if case .last = keys[index].start, keys[index].readUpTo == nil { count = 1 }
        current = index
        begin = reply.bytes.count
        reply.begin(call, request.key(index))
        return RangeProgress.Part(
            stream: keyspace.streamNumbers[place], place: place, range: range, count: count, budget: budget,
            selection: request.selection, mark: reply.mark())
    }

    /// What of a key's stream isn't read.
    private func unread(_ index: Int, _ keyspace: Keyspace, _ call: Call) -> (place: Int, range: StreamRange)? {
        // One that has gone meanwhile, or become something else, has nothing.
        guard let place = try? keyspace.stream(call, request.key(index)) else { return nil }
        let stream = keyspace.streams[place]
        var after: StreamID
        switch keys[index].start {
        case .after(let id): after = id
        case .last: after = stream.lastEntryID?.predecessor ?? stream.lastID
        }
        // In one that was made anew, or set back, IDs may come again.
        if let known = keys[index].readUpTo, known.stream == keyspace.streamNumbers[place], known.id <= stream.lastID {
            after = max(after, known.id)
        }
        guard after < stream.lastID, let range = StreamRange.after(after) else { return nil }
        return (place, range)
    }

    /// Ends the reply of the stream that was read.
    ///
    /// - Parameter lastID: of the stream; `nil` if it has gone.
    mutating func end(_ part: RangeProgress.Part, lastID: StreamID?, _ reply: inout ReplyWriter) {
        if let lastID { keys[current].readUpTo = (part.stream, lastID) }
        budget = part.budget
        if part.written == 0 { return reply.truncate(to: begin) }
        reply.array(part.written, since: part.mark)
        served += 1
    }

    /// Ends the whole reply.
    func end(_ reply: inout ReplyWriter) -> RangePiece {
        if served > 0 {
            reply.keyed(served, since: mark)
        } else if request.timeout != nil {
            return .waits
        } else {
            reply.nullArray()
        }
        return .answered
    }
}

extension Keyspace {
    func readProgress(_ entry: CommandEntry, _ call: Call, _ reply: ReplyWriter) -> RangeProgress? {
        guard entry.name == "xread", let request = try? ReadRequest(call, isGroup: false),
            let starts = try? readStarts(call, request)
        else { return nil }
        return RangeProgress(read: ReadProgress(request, starts, reply.mark()))
    }
}
