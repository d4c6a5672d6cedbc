// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// The urgent entries of a block, behind what else its record in the index says; nothing where there are none. For each
/// in order
///
///     ms         since the one before, since the block's base ID in the first
///     sequence   since the one before if the millisecond is the same, else the sequence itself
///     priority   1 byte, above 0
///
/// So a start needn't read the block to make the `PriorityIndex`.
enum PriorityRecord {
    typealias Row = (id: StreamID, priority: EntryPriority)

    static func encode(_ rows: [Row], base: StreamID, into bytes: inout [UInt8]) {
        var last = base
        for row in rows {
            let milliseconds = row.id.milliseconds - last.milliseconds
            Varint.append(milliseconds, to: &bytes)
            Varint.append(milliseconds > 0 ? row.id.sequence : row.id.sequence - last.sequence, to: &bytes)
            bytes.append(row.priority.rawValue)
            last = row.id
        }
    }

    /// `nil` if the bytes are not in the record's form, or name others than may live in the block.
    static func decode(_ bytes: RawSpan, of block: EntryBlock, base: StreamID) -> [Row]? {
        var reader = RecordReader()
        var rows: [Row] = []
        var last = base
        while !reader.isAtEnd(of: bytes) {
            guard let delta = reader.number(bytes), let sequence = reader.number(bytes),
                let number = reader.number(bytes), let byte = UInt8(exactly: number),
                let priority = EntryPriority(rawValue: byte), priority > .normal
            else { return nil }
            let (milliseconds, isTooBig) = last.milliseconds.addingReportingOverflow(delta)
            let (sum, carries) = sequence.addingReportingOverflow(delta > 0 ? 0 : last.sequence)
            if isTooBig || carries { return nil }
            let id = StreamID(milliseconds, sum)
            guard rows.isEmpty || id > last, block.firstLive <= id, id <= block.lastLive else { return nil }
            rows.append((id, priority))
            last = id
        }
        return rows.count <= block.liveCount ? rows : nil
    }
}

extension PriorityIndex {
    /// Those of a range in order. Complexity: O(log n + of the range).
    func rows(in range: StreamRange) -> [PriorityRecord.Row] {
        var rows: [PriorityRecord.Row] = []
        forEach(in: range) { id, priority in
            rows.append((id, priority))
            return true
        }
        return rows
    }

    /// Those of a block. Complexity: O(log n + entries of a block).
    func rows(of block: EntryBlock, base: StreamID) -> [PriorityRecord.Row] {
        guard !isEmpty, let last = block.lastLiveID(base: base) else { return [] }
        return rows(in: StreamRange(base, last))
    }
}

/// What the index says of a sealed block: its base ID, what is kept of it, and what is urgent.
enum IndexRecord {
    static func encode(
        _ base: StreamID, _ block: EntryBlock, _ urgent: [PriorityRecord.Row], into bytes: inout [UInt8]
    ) {
        bytes.append(base)
        bytes += block.isAbsent ? block.bytes : block.kept(base: base).bytes
        PriorityRecord.encode(urgent, base: base, into: &bytes)
    }
}
