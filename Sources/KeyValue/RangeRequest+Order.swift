// SPDX-License-Identifier: Apache-2.0

extension RangeRequest {
    /// How to read the index for this request.
    struct Scan {
        /// Records to read before filters and sorting, the one that shows that there are more included; `nil`: all.
        var limit: Int64?
        var isReversed: Bool
    }

    /// A limit is pushed down where key order decides what is cut.
    ///
    /// As in etcd, that is also so for another sort target without a sort order: then the first records by key are
    /// taken, and those are sorted.
    var scan: Scan {
        let isByKey = sortTarget == .key
        let isReversed = isByKey && sortOrder == .descend
        // A limit near the greatest integer is as good as none; one more than it must not overflow.
        let isLimited = limit > 0 && limit < Int64.max && !hasFilter && (isByKey || sortOrder == .none)
        return Scan(limit: isLimited ? limit + 1 : nil, isReversed: isReversed)
    }

    func passes(_ record: KeyValueRecord) -> Bool {
        (maxModRevision == 0 || record.modRevision <= maxModRevision)
            && (minModRevision == 0 || record.modRevision >= minModRevision)
            && (maxCreateRevision == 0 || record.createRevision <= maxCreateRevision)
            && (minCreateRevision == 0 || record.createRevision >= minCreateRevision)
    }

    /// Brings records that stand in key order into the order asked for. Equal ones stay in key order either way.
    func sort(_ records: inout [KeyValueRecord]) {
        let isDescending = sortOrder == .descend
        if sortTarget == .key {
            if isDescending { records.reverse() }
            return
        }
        let sign = isDescending ? -1 : 1
        records.sort { left, right in
            let order = sign * compare(left, right)
            return order != 0 ? order < 0 : KeyOrder.isLess(left.key, right.key)
        }
    }

    private func compare(_ left: KeyValueRecord, _ right: KeyValueRecord) -> Int {
        func order(_ left: Int64, _ right: Int64) -> Int { left == right ? 0 : left < right ? -1 : 1 }
        return switch sortTarget {
        case .key, .unrecognized: KeyOrder.compare(left.key, right.key)
        case .version: order(left.version, right.version)
        case .createRevision: order(left.createRevision, right.createRevision)
        case .modRevision: order(left.modRevision, right.modRevision)
        case .value: KeyOrder.compare(left.value, right.value)
        }
    }
}
