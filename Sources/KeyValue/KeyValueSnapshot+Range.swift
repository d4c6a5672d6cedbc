// SPDX-License-Identifier: Apache-2.0

extension KeyValueSnapshot {
    /// Reads a range.
    ///
    /// Complexity: counting is O(log n), and with a limit reading is O(log n + limit) in key order either way. At an
    /// older revision counting also looks at the tree's leaves in which something has changed since. Filters read until
    /// the limit is reached; other sort targets read the whole range, but keep only what the limit allows.
    public func range(_ request: RangeRequest) throws(KeyValueError) -> RangeResponse {
        try request.validate()
        try checkReadable(request.revision)
        return read(request, current: revision)
    }

    /// - Parameter current: the newest main revision that the reader sees: inside a transaction that has written, the
    ///   transaction's own.
    func read(_ request: RangeRequest, current: Int64) -> RangeResponse {
        let past = request.revision <= 0 || request.revision >= current ? nil : request.revision
        let interval = request.interval
        if case .single = interval.end, past == nil { return readKey(request, current) }
        let count = count(in: interval, at: past)
        var response = RangeResponse(revision: current, count: Int64(count))
        if request.countOnly || count == 0 { return response }
        var collector = RangeCollector(request, expecting: count)
        visit(interval, at: past, isReversed: request.isReversed) { collector.take($0) }
        (response.records, response.more) = collector.finish()
        return response
    }

    private func readKey(_ request: RangeRequest, _ current: Int64) -> RangeResponse {
        var response = RangeResponse(revision: current)
        guard let record = get(request.key) else { return response }
        response.count = 1
        if request.countOnly || !request.passes(record) { return response }
        response.records = [record]
        if request.keysOnly { response.records[0].value = [] }
        return response
    }

    /// How many keys exist in the interval.
    ///
    /// - Parameter past: after that transaction; `nil`: now.
    func count(in interval: KeyInterval, at past: Int64?) -> Int {
        guard let past else { return index.liveCount(in: interval) }
        return index.count(in: interval, asOf: past) { $0.version(at: past) != .absent }
    }

    /// Calls `body` with the records of the interval in key order, or against it, until it answers false.
    func visit(
        _ interval: KeyInterval, at past: Int64?, isReversed: Bool, _ body: (KeyValueRecord) -> Bool
    ) {
        guard let past else {
            index.forEach(in: interval, isReversed: isReversed, liveOnly: true) { body($0.newest.record) }
            return
        }
        let history = history
        index.forEach(in: interval, isReversed: isReversed, liveOnly: false) { entry in
            guard let record = Self.record(of: entry, at: past, in: history) else { return true }
            return body(record)
        }
    }
}

extension KeyValueStore {
    /// As `KeyValueSnapshot.range`, now.
    public func range(_ request: RangeRequest) throws(KeyValueError) -> RangeResponse {
        try view.range(request)
    }

    /// The newest record of a key. Complexity: O(log n).
    public func get(_ key: [UInt8]) -> KeyValueRecord? { view.get(key) }
}
