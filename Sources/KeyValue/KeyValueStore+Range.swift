// SPDX-License-Identifier: Apache-2.0

extension KeyValueStore {
    /// Reads a range.
    ///
    /// Complexity, at the newest revision: counting O(log n), with a limit O(log n + limit), in key order either way.
    /// At older revisions every key of the range is looked at. Filters and other sort targets read the whole range.
    package func range(_ request: RangeRequest) throws(KeyValueError) -> RangeResponse {
        try request.validate()
        if request.revision > revision { throw .futureRevision }
        if request.revision > 0, request.revision < compactRevision { throw .compacted }
        return read(request, current: revision)
    }

    /// The newest record of a key. Complexity: O(log n).
    package func get(_ key: [UInt8]) -> KeyValueRecord? {
        let found = index.withValue(of: key) { $0.isLive ? $0.record(key: key) : nil }
        return found ?? nil
    }

    /// The record of a key after the transaction `main`; `nil` where the key did not exist. The revision must not be
    /// compacted.
    func record(of key: [UInt8], at main: Int64) -> KeyValueRecord? {
        // The closure takes what it needs along, not the whole store.
        let history = history
        let found = index.withValue(of: key) { Self.record(of: $0, key: key, at: main, in: history) }
        return found ?? nil
    }

    /// - Parameter current: the newest main revision that the reader sees: inside a transaction that has written, the
    ///   transaction's own.
    func read(_ request: RangeRequest, current: Int64) -> RangeResponse {
        let isNewest = request.revision <= 0 || request.revision >= current
        return isNewest ? readNewest(request, current) : readPast(request, current)
    }

    private func readNewest(_ request: RangeRequest, _ current: Int64) -> RangeResponse {
        var response = RangeResponse(revision: current)
        let interval = request.interval
        if case .single = interval.end {
            guard let record = get(interval.lower) else { return response }
            response.count = 1
            response.records = request.countOnly ? [] : [record]
        } else {
            response.count = Int64(index.liveCount(in: interval))
            if request.countOnly { return response }
            let scan = request.scan
            let expected = Int(min(scan.limit ?? response.count, response.count))
            guard expected > 0 else { return response }
            response.records.reserveCapacity(expected)
            let append = { (key: [UInt8], entry: KeyEntry) in
                response.records.append(entry.record(key: key))
                return response.records.count < expected
            }
            if scan.isReversed {
                index.forEachReversed(in: interval, liveOnly: true, append)
            } else {
                index.forEach(in: interval, liveOnly: true, append)
            }
            if scan.isReversed {
                return finish(response, request, isSorted: true)
            }
        }
        return finish(response, request, isSorted: false)
    }

    private func readPast(_ request: RangeRequest, _ current: Int64) -> RangeResponse {
        var response = RangeResponse(revision: current)
        let limit = request.scan.isReversed ? nil : request.scan.limit
        let history = history
        index.forEach(in: request.interval, liveOnly: false) { key, entry in
            if request.countOnly || limit.map({ response.count >= $0 }) == true {
                if entry.version(at: request.revision) != .absent { response.count += 1 }
            } else if let record = Self.record(of: entry, key: key, at: request.revision, in: history) {
                response.count += 1
                response.records.append(record)
            }
            return true
        }
        return finish(response, request, isSorted: false)
    }

    private static func record(
        of entry: KeyEntry, key: [UInt8], at main: Int64, in history: History
    ) -> KeyValueRecord? {
        switch entry.version(at: main) {
        case .newest:
            return entry.record(key: key)
        case .older(let revision):
            guard let found = history.record(at: revision) else {
                preconditionFailure("history lacks \(revision) of \(key)")
            }
            return found.record
        case .absent:
            return nil
        }
    }

    /// Filters, sorts, cuts and strips what was read.
    private func finish(_ read: RangeResponse, _ request: RangeRequest, isSorted: Bool) -> RangeResponse {
        var response = read
        if request.hasFilter { response.records.removeAll { !request.passes($0) } }
        if !isSorted { request.sort(&response.records) }
        if request.limit > 0, response.records.count > request.limit {
            response.records.removeSubrange(Int(request.limit)...)
            response.more = true
        }
        if request.keysOnly {
            for offset in response.records.indices { response.records[offset].value = [] }
        }
        return response
    }
}
