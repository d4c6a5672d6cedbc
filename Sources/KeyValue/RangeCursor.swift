// SPDX-License-Identifier: Apache-2.0

/// Reads a range page by page: for streams of answers, and for long ranges on another thread.
///
///     var cursor = try snapshot.cursor(request)
///     while let page = cursor.next(maximumBytes: 1 << 20) { send(page) }
///     // cursor.count and cursor.more complete the answer
///
/// All pages together are what `KeyValueSnapshot.range` answers. Where the order is the key's no step reads more than
/// its page; another sort target makes the first step read and sort all, and keep what the limit allows.
public struct RangeCursor: Sendable {
    /// Keys looked at in a page at most, those counted that a filter leaves out or that did not exist at the revision
    /// asked for. A page of so many takes about half a millisecond.
    public static let maximumKeysPerPage = 2048

    private enum Rest {
        case interval(KeyInterval)
        /// Read and sorted; from the offset on to be handed out.
        case sorted([KeyValueRecord], from: Int)
        case nothing
    }

    private let snapshot: KeyValueSnapshot
    private let request: RangeRequest
    /// `nil`: the newest revision.
    private let past: Int64?
    private var rest: Rest
    /// Records that the limit still allows.
    private var allowance: Int64

    /// The store's main revision.
    public var revision: Int64 { snapshot.revision }
    /// Keys in the range, whatever limit and filters leave of them.
    public let count: Int64
    /// Whether the limit cut the list. Known after the last page.
    public private(set) var more = false

    fileprivate init(_ snapshot: KeyValueSnapshot, _ request: RangeRequest) {
        self.snapshot = snapshot
        self.request = request
        past = request.revision <= 0 || request.revision >= snapshot.revision ? nil : request.revision
        count = Int64(snapshot.count(in: request.interval, at: past))
        allowance = request.limit > 0 ? request.limit : .max
        rest = request.countOnly || count == 0 ? .nothing : .interval(request.interval)
    }

    /// Reads and sorts all that a sort target other than the key needs, so that copies made afterwards need not.
    public mutating func sort() {
        guard case .interval = rest, request.sortTarget != .key else { return }
        let whole = snapshot.read(request, current: snapshot.revision)
        more = whole.more
        rest = .sorted(whole.records, from: 0)
    }

    /// The next records, in the order asked for; none in a page whose keys all were left out. `nil` after the last.
    ///
    /// - Parameter maximumBytes: the page ends with the record whose key and value reach it.
    public mutating func next(maximumBytes: Int) -> [KeyValueRecord]? {
        switch rest {
        case .nothing:
            return nil
        case .interval(let interval):
            if request.sortTarget == .key { return readPage(interval, maximumBytes) }
            sort()
            return next(maximumBytes: maximumBytes)
        case .sorted(let records, from: let offset):
            return cutPage(records, from: offset, maximumBytes)
        }
    }

    private mutating func cutPage(
        _ records: [KeyValueRecord], from begin: Int, _ maximumBytes: Int
    ) -> [KeyValueRecord]? {
        var end = begin
        var byteCount = 0
        while end < records.count, byteCount < maximumBytes || end == begin {
            byteCount += records[end].contentCount
            end += 1
        }
        rest = end == records.count ? .nothing : .sorted(records, from: end)
        return begin == end ? nil : Array(records[begin..<end])
    }

    private mutating func readPage(_ interval: KeyInterval, _ maximumBytes: Int) -> [KeyValueRecord]? {
        var page = Page(request: request, allowance: allowance)
        let (past, history) = (past, snapshot.history)
        snapshot.index.forEach(in: interval, isReversed: request.isReversed, liveOnly: past == nil) { entry in
            if page.isFull(maximumBytes) { return false }
            page.keyCount += 1
            page.last = entry.newest
            guard let past else { return page.take(entry.newest.record) }
            guard let record = KeyValueSnapshot.record(of: entry, at: past, in: history) else { return true }
            return page.take(record)
        }
        allowance -= Int64(page.records.count)
        more = page.more
        let isRest = page.isFull(maximumBytes) && !more
        let key = page.last?.key ?? []
        rest = isRest ? .interval(interval.rest(behind: key, isReversed: request.isReversed)) : .nothing
        return page.keyCount == 0 ? nil : page.records
    }

    private struct Page {
        let request: RangeRequest
        let allowance: Int64
        var records: [KeyValueRecord] = []
        var byteCount = 0
        var keyCount = 0
        /// The newest change of the last key looked at.
        var last: HistoryRecord?
        var more = false

        /// Any page takes one key.
        func isFull(_ maximumBytes: Int) -> Bool {
            keyCount == RangeCursor.maximumKeysPerPage || (keyCount > 0 && byteCount >= maximumBytes)
        }

        /// - Returns: whether the page can take another.
        mutating func take(_ record: KeyValueRecord) -> Bool {
            guard request.passes(record) else { return true }
            if Int64(records.count) == allowance {
                more = true
                return false
            }
            byteCount += record.contentCount
            records.append(record)
            if request.keysOnly { records[records.count - 1].value = [] }
            return true
        }
    }
}

extension KeyValueSnapshot {
    /// Begins to read a range page by page. Complexity: that of counting; see `range`.
    public func cursor(_ request: RangeRequest) throws(KeyValueError) -> RangeCursor {
        try request.validate()
        try checkReadable(request.revision)
        return RangeCursor(self, request)
    }
}

extension KeyInterval {
    /// What is left of the interval when all up to a key of it has been read.
    fileprivate func rest(behind key: [UInt8], isReversed: Bool) -> KeyInterval {
        if case .single = end { return KeyInterval(lower: key, end: .before(key)) }
        return isReversed ? KeyInterval(lower: lower, end: .before(key)) : KeyInterval(lower: key + [0], end: end)
    }
}
