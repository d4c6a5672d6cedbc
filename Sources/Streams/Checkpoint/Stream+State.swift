// SPDX-License-Identifier: Apache-2.0

import MartletBasics

extension Stream {
    /// Adds bytes that two streams share if, and only if, every request has the same answer in both: blocks with what
    /// is deleted in them, since approximate trims show that, but not how trees and leaves are cut. Of each block there
    /// is a hash, so that none has to be in memory. For comparing members. Complexity: O(n).
    public func encodeState(into bytes: inout [UInt8]) {
        var header = StreamHeader(self)
        // These say how leaves were cut.
        (header.queue.nextDelayedLeaf, header.queue.nextEndingLeaf, header.queue.nextJobLeaf) = (0, 0, 0)
        header.queue.isIndexWhole = true
        header.encode(into: &bytes)
        for queue in [delayed, ending, jobs] {
            queue.forEach { id, content in
                bytes.append(id)
                bytes.append(text: content.span.bytes)
                return true
            }
        }
        log.sealed.forEachLeaf { base, block in
            bytes.append(base)
            block.encodeImage(into: &bytes)
            return true
        }
        bytes.append(log.hasTail ? log.tailFirst : .zero)
        log.tail.encodeImage(into: &bytes)
        for place in groups.takenPlaces {
            Varint.append(UInt64(place), to: &bytes)
            groups.withValue(at: place) { $0.encodeState(groups[row: place].name, into: &bytes) }
        }
        for place in idempotent.producers.takenPlaces {
            Varint.append(UInt64(place), to: &bytes)
            let row = idempotent.producers[row: place]
            ProducerRecord(row.name, row.value).encode(into: &bytes)
        }
    }
}

extension EntryBlock {
    /// What two blocks share if their bytes are the same, and hardly ever otherwise.
    func encodeImage(into bytes: inout [UInt8]) {
        Varint.append(UInt64(byteCount), to: &bytes)
        Varint.append(image, to: &bytes)
    }
}

extension ConsumerGroup {
    fileprivate func encodeState(_ name: [UInt8], into bytes: inout [UInt8]) {
        var record = GroupRecord(name, self)
        // Says how leaves were cut.
        record.nextLeafNumber = 0
        record.encode(into: &bytes)
        for place in consumers.takenPlaces {
            Varint.append(UInt64(place), to: &bytes)
            let row = consumers[row: place]
            ConsumerRecord(row.name, row.value).encode(into: &bytes)
        }
        var entries: [PendingEntry] = []
        forEachPending(in: .all) { entry in
            entries.append(entry)
            return true
        }
        PendingRecord.encode(entries, into: &bytes)
        if order.isEmpty { return }
        for bucket in 0..<OrderTable.bucketCount { OrderRecord.encode(order.lines(ofBucket: bucket), into: &bytes) }
    }
}
