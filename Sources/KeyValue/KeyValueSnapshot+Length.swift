// SPDX-License-Identifier: Apache-2.0

extension KeyValueSnapshot {
    /// Whether reading the range looks at more keys than are looked at in one go: then a cursor should read it, where
    /// nobody waits. Complexity: O(log n).
    public func isLong(_ request: RangeRequest) -> Bool {
        let interval = request.interval
        if case .single = interval.end { return false }
        let isPast = request.revision > 0 && request.revision < revision
        // At an older revision counting looks at all that has changed since.
        if isPast { return index.count(in: interval) > RangeCursor.maximumKeysPerPage }
        if request.countOnly { return false }
        let reads = request.limit > 0 && request.isLimitedByKey && !request.hasFilter ? request.limit : .max
        return min(reads, Int64(index.liveCount(in: interval))) > RangeCursor.maximumKeysPerPage
    }
}

extension KeyValueStore {
    /// As `KeyValueSnapshot.isLong`, without taking a snapshot.
    public func isLong(_ request: RangeRequest) -> Bool { view.isLong(request) }
}
