// SPDX-License-Identifier: Apache-2.0

import MartletBasics

extension Stream {
    /// Adds bytes that two streams share if, and only if, every request has the same answer in both: blocks with what
    /// is deleted in them, since approximate trims show that, but not how trees and leaves are cut. For comparing
    /// members. Complexity: O(n).
    package func encodeState(into bytes: inout [UInt8]) {
        StreamHeader(self).encode(into: &bytes)
        log.sealed.forEachLeaf { base, block in
            bytes.append(base)
            bytes.append(text: block.bytes)
            return true
        }
        bytes.append(log.hasTail ? log.tailFirst : .zero)
        bytes.append(text: log.tail.bytes)
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
    }
}
