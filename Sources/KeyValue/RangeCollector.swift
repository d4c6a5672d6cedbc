// SPDX-License-Identifier: Apache-2.0

/// Makes a range's answer of records that come in key order, or against it where the request wants that.
struct RangeCollector {
    /// Records kept beyond the limit before all but the limit's are thrown away. Each takes about a hundred bytes.
    private static let leastSurplus = 1024

    private let request: RangeRequest
    /// What the answer holds at most; `nil`: everything.
    private let limit: Int?
    /// Whether records that come later can't take the place of earlier ones.
    private let stopsAtLimit: Bool
    private var records: [KeyValueRecord] = []
    private var more = false

    /// - Parameter count: records that may come.
    init(_ request: RangeRequest, expecting count: Int) {
        self.request = request
        limit = request.limit > 0 && request.limit < count ? Int(request.limit) : nil
        stopsAtLimit = request.isLimitedByKey
        if !request.hasFilter, stopsAtLimit || limit == nil {
            records.reserveCapacity(limit.map { $0 + 1 } ?? count)
        }
    }

    /// - Returns: whether more records can matter.
    mutating func take(_ record: KeyValueRecord) -> Bool {
        guard request.passes(record) else { return true }
        records.append(record)
        guard let limit else { return true }
        // One more than the limit shows that there are more.
        if stopsAtLimit { return records.count <= limit }
        if records.count >= 2 * limit + Self.leastSurplus { sortAndCut(limit) }
        return true
    }

    /// The records of the answer, and whether the limit left some out.
    mutating func finish() -> (records: [KeyValueRecord], more: Bool) {
        sortAndCut(limit ?? records.count)
        if request.keysOnly {
            for offset in records.indices { records[offset].value = [] }
        }
        return (records, more)
    }

    private mutating func sortAndCut(_ limit: Int) {
        if request.sortTarget != .key { request.sort(&records) }
        guard records.count > limit else { return }
        records.removeSubrange(limit...)
        more = true
    }
}
