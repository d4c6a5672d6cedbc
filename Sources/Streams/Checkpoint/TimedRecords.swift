// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Which of a stream's queues of moments.
enum TimedKind: UInt64, Hashable, Sendable {
    case delayed, ending, jobs
}

/// The numbers of what a stream does by itself:
///
///     number        of the last row in a queue of moments
///     leaves        next number in the queue of delayed entries, in that of ending ones, and in that of jobs
///     retention     age, bytes, length plus one, whether acknowledged; 0: none
///     priorities    0: no entry had one, ever; 2: the index of blocks says which have one; 1: it may not, so blocks
///                   have to be read. Absent in what older servers wrote, which is 0
struct QueueNumbers: Hashable, Sendable {
    var nextTimedNumber: UInt64 = 0
    var nextDelayedLeaf: UInt64 = 0
    var nextEndingLeaf: UInt64 = 0
    var nextJobLeaf: UInt64 = 0
    var retention = Retention()
    var hasHadPriorities = false
    var isIndexWhole = true

    init() {}

    init(_ stream: Stream) {
        nextTimedNumber = stream.nextTimedNumber
        nextDelayedLeaf = stream.delayed.tree.ledger.nextNumber
        nextEndingLeaf = stream.ending.tree.ledger.nextNumber
        nextJobLeaf = stream.jobs.tree.ledger.nextNumber
        retention = stream.retention
        hasHadPriorities = stream.hasHadPriorities
        isIndexWhole = stream.isIndexWhole
    }

    func nextLeaf(of kind: TimedKind) -> UInt64 {
        switch kind {
        case .delayed: nextDelayedLeaf
        case .ending: nextEndingLeaf
        case .jobs: nextJobLeaf
        }
    }

    func encode(into bytes: inout [UInt8]) {
        Varint.append(nextTimedNumber, to: &bytes)
        Varint.append(nextDelayedLeaf, to: &bytes)
        Varint.append(nextEndingLeaf, to: &bytes)
        Varint.append(nextJobLeaf, to: &bytes)
        retention.encode(into: &bytes)
        bytes.append(hasHadPriorities ? isIndexWhole ? 2 : 1 : 0)
    }

    init?(_ reader: inout RecordReader, _ bytes: RawSpan) {
        guard let number = reader.number(bytes), let delayed = reader.number(bytes), let ending = reader.number(bytes),
            let jobs = reader.number(bytes), max(delayed, ending, jobs) < 1 << StreamTable.kindShift,
            let retention = Retention(&reader, bytes),
            let priorities = reader.isAtEnd(of: bytes) ? 0 : reader.number(bytes), priorities <= 2
        else { return nil }
        (hasHadPriorities, isIndexWhole) = (priorities > 0, priorities != 1)
        (nextTimedNumber, nextDelayedLeaf, nextEndingLeaf, nextJobLeaf) = (number, delayed, ending, jobs)
        self.retention = retention
    }
}

/// The rows of a leaf of a queue of moments, one at least: for each its ID, and its content as a text. See
/// `TimedLeaf.encode`.
struct TimedRecord: Sendable {
    /// Its rows stand as the record has them, whatever their order.
    private(set) var leaf = TimedLeaf()

    var first: StreamID { leaf.ids[0] }

    /// `nil` if the bytes are not in the record's form, or hold no row.
    init?(decoding bytes: RawSpan, _ kind: TimedKind) {
        var reader = RecordReader()
        while !reader.isAtEnd(of: bytes) {
            guard let id = reader.id(bytes), let range = reader.textRange(bytes) else { return nil }
            let content = bytes.extracting(range)
            let isContent =
                switch kind {
                case .delayed: DelayedEntry.isContent(content)
                case .ending: Stream.endingID(content) != nil
                case .jobs: StreamJob(content: content) != nil
                }
            guard isContent else { return nil }
            leaf.append(id, content)
        }
        if leaf.isEmpty { return nil }
    }
}

/// Lines of a group's order: for each the hash of its key, how many entries it has, and their IDs.
enum OrderRecord {
    static func encode(_ lines: [(hash: UInt64, ids: [StreamID])], into bytes: inout [UInt8]) {
        for line in lines {
            Varint.append(line.hash, to: &bytes)
            Varint.append(UInt64(line.ids.count), to: &bytes)
            for id in line.ids { bytes.append(id) }
        }
    }

    /// `nil` if the bytes are not in the record's form.
    static func decode(_ bytes: RawSpan) -> [(hash: UInt64, ids: [StreamID])]? {
        var reader = RecordReader()
        var lines: [(hash: UInt64, ids: [StreamID])] = []
        while !reader.isAtEnd(of: bytes) {
            guard let hash = reader.number(bytes), let count = reader.count(bytes), count > 0,
                count <= bytes.byteCount
            else { return nil }
            var ids: [StreamID] = []
            for _ in 0..<count {
                guard let id = reader.id(bytes) else { return nil }
                ids.append(id)
            }
            lines.append((hash, ids))
        }
        return lines
    }
}
