// SPDX-License-Identifier: Apache-2.0

/// Changes of records that reach the checkpoint together or not at all, in the order in which they were added.
///
/// The values lie end to end in one array, so that a batch of any size costs two allocations that grow.
public struct TableBatch: Sendable {
    private struct Change: Sendable {
        var key: TableKey
        /// Where the value begins; −1 for a removal.
        var begin: Int
        var end: Int
    }

    private var changes: [Change] = []
    private var values: [UInt8] = []

    public init() {}

    public var count: Int { changes.count }
    public var isEmpty: Bool { changes.isEmpty }
    /// Bytes of all values.
    public var byteCount: Int { values.count }

    /// Writes a record, new or not, with the bytes that `append` adds to the array. It must not touch what is there.
    @inline(__always)
    public mutating func put(_ key: TableKey, _ append: (inout [UInt8]) -> Void) {
        let begin = values.count
        append(&values)
        changes.append(Change(key: key, begin: begin, end: values.count))
    }

    /// Forgets all changes but not the memory they took, for the next batch of like size.
    public mutating func removeAll() {
        changes.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
    }

    /// Takes a record away; without effect where there is none.
    public mutating func remove(_ key: TableKey) {
        changes.append(Change(key: key, begin: -1, end: -1))
    }

    /// Calls `body` with each change: a value to put, `nil` to remove.
    public func forEach<Failure: Error>(
        _ body: (TableKey, RawSpan?) throws(Failure) -> Void
    ) throws(Failure) {
        let bytes = values.span.bytes
        for change in changes {
            try body(change.key, change.begin < 0 ? nil : bytes.extracting(change.begin..<change.end))
        }
    }
}
