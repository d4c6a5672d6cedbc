// SPDX-License-Identifier: Apache-2.0

extension Stream {
    /// What the stream takes in memory, in bytes; blocks that aren't there count as if they were. Complexity: O(blocks
    /// + consumers + leaves).
    public var memoryBytes: Int {
        var bytes = MemoryLayout<Stream>.size + log.memoryBytes + groups.memoryBytes
        bytes += jobs.tree.memoryBytes { $0.memoryBytes }
        bytes += delayed.tree.memoryBytes { $0.memoryBytes } + ending.tree.memoryBytes { $0.memoryBytes }
        bytes += endingRows.memoryBytes + prioritized.memoryBytes
        for place in groups.takenPlaces { bytes += groups.withValue(at: place) { $0.memoryBytes } }
        bytes += idempotent.producers.memoryBytes
        for place in idempotent.producers.takenPlaces {
            bytes += idempotent.producers.withValue(at: place) { producer in
                // Each ID is one array, and stands in a list and in a table.
                producer.all.reduce(0) {
                    $0 + HeapBytes.array($1.id) + 2 * MemoryLayout<Producer.Item>.stride
                }
            }
        }
        return bytes
    }
}

extension EntryLog {
    fileprivate var memoryBytes: Int {
        sealed.memoryBytes { $0.isAbsent ? HeapBytes.bytes($0.byteCount) : HeapBytes.array($0.bytes) }
            + HeapBytes.array(tail.bytes)
    }
}

extension ConsumerGroup {
    /// Beside the group itself.
    fileprivate var memoryBytes: Int {
        var bytes = pending.memoryBytes { $0.memoryBytes } + consumers.memoryBytes + order.memoryBytes
        for place in consumers.takenPlaces {
            bytes += consumers.withValue(at: place) { $0.pending.memoryBytes { $0.memoryBytes } }
        }
        return bytes
    }
}
