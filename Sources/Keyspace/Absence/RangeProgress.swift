// SPDX-License-Identifier: Apache-2.0

public import MartletRESPCodec
import MartletStreams

/// How far XRANGE, XREVRANGE or XREAD is carried out whose blocks are not all in memory.
///
/// Such a read goes on piece by piece: what a piece has brought into memory may leave again when it is written into the
/// reply. What is appended meanwhile isn't in the reply to a range; what is removed meanwhile may be missing in any.
public struct RangeProgress: Sendable {
    /// The entries of one stream.
    struct Part: Sendable {
        /// The stream's number, and where it is.
        let stream: UInt64
        let place: Int
        var isReversed = false
        /// What is left of both.
        var range: StreamRange
        var count: Int
        var budget = ReplyBudget()
        var written = 0
        let selection: EntrySelection
        var mark: ReplyWriter.Mark
    }

    var part: Part?
    /// Of XREAD, whose parts follow each other.
    var read: ReadProgress?
}

/// What one piece of a read has brought about.
public enum RangePiece: Hashable, Sendable {
    /// These are to be brought before the next piece.
    case wants([WantedBlock])
    case answered
    /// There is nothing, and the client wants to wait for it.
    case waits
}

extension Keyspace {
    /// Bytes of the blocks that one piece of a range brings into memory: some hundred blocks, so that a piece costs far
    /// more than its way to the disk and back, and takes far less than a millisecond.
    public static let pieceBytes = 1 << 20

    /// Carries out XRANGE, XREVRANGE or XREAD as far as the blocks go that are in memory.
    ///
    /// - Parameters:
    ///   - progress: `nil` at the beginning.
    ///   - reply: the same with each call, to which nobody else adds.
    /// - Returns: `nil`: it is none of them, or is refused.
    public func readPiece(
        _ entry: CommandEntry, _ call: Call, _ progress: inout RangeProgress?, _ reply: inout ReplyWriter
    ) -> RangePiece? {
        if progress == nil {
            progress = rangeProgress(entry, call, reply) ?? readProgress(entry, call, reply)
            if progress != nil {
                for key in entry.keyPlaces(call.arguments) { _ = place(call, key, &reply) }
            }
        }
        guard var left = progress else { return nil }
        while true {
            if left.part == nil { left.part = left.read?.next(self, call, &reply) }
            guard var part = left.part else {
                progress = nil
                return left.read?.end(&reply) ?? .answered
            }
            let wanted = readOn(&part, &reply)
            if !wanted.isEmpty {
                left.part = part
                progress = left
                return .wants(wanted)
            }
            left.part = nil
            if left.read == nil { reply.array(part.written, since: part.mark) }
            left.read?.end(part, lastID: stream(of: part)?.lastID, &reply)
        }
    }

    private func stream(of part: RangeProgress.Part) -> Stream? {
        hasStream(part.place, number: part.stream) ? streams[part.place] : nil
    }

    /// - Returns: what is to be brought before the next call; empty at the end.
    private func readOn(_ left: inout RangeProgress.Part, _ reply: inout ReplyWriter) -> [WantedBlock] {
        guard let stream = stream(of: left) else { return [] }
        var demand = BlockDemand(byteLimit: Self.pieceBytes)
        let count = left.selection.examined(for: left.count)
        stream.demand(left.range, count: count, isReversed: left.isReversed, &demand)
        var (present, rest) = (left.range, left.range)
        if let first = demand.blocks.first {
            if left.isReversed {
                present.lower = max(present.lower, first.last.successor ?? .max)
                rest.upper = min(rest.upper, first.last)
            } else {
                present.upper = min(present.upper, first.base.predecessor ?? .zero)
                rest.lower = max(rest.lower, first.base)
            }
        }
        func write(_ entry: StreamEntry) -> Bool {
            if !left.selection.admits(entry) { return true }
            let begin = reply.bytes.count
            reply.entry(entry, left.selection)
            left.budget.spend(reply.bytes.count - begin)
            left.written += 1
            left.count -= 1
            return left.count > 0 && !left.budget.isSpent
        }
        if left.isReversed { stream.forEachReversed(in: present, write) } else { stream.forEach(in: present, write) }
        if demand.isEmpty || left.count == 0 || left.budget.isSpent { return [] }
        left.range = rest
        return wanted(demand, of: left.place)
    }

    private func rangeProgress(_ entry: CommandEntry, _ call: Call, _ reply: ReplyWriter) -> RangeProgress? {
        guard entry.name == "xrange" || entry.name == "xrevrange" else { return nil }
        let isReversed = entry.name == "xrevrange"
        guard let request = try? RangeRequest(call, start: isReversed ? 3 : 2, end: isReversed ? 2 : 3),
            let place = try? stream(call, 1), request.count > 0, !request.range.isEmpty
        else { return nil }
        // What comes later has higher IDs.
        let range = StreamRange(request.range.lower, min(request.range.upper, streams[place].lastID))
        return RangeProgress(
            part: RangeProgress.Part(
                stream: streamNumbers[place], place: place, isReversed: isReversed, range: range, count: request.count,
                selection: request.selection, mark: reply.mark()))
    }
}
