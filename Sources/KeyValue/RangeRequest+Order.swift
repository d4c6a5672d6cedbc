// SPDX-License-Identifier: Apache-2.0

extension RangeRequest {
    /// Whether the answer's order is that of the keys, one way or the other.
    public var isInKeyOrder: Bool { sortTarget == .key }

    /// Whether records are read from the last key down.
    var isReversed: Bool { sortTarget == .key && sortOrder == .descend }

    /// Whether the limit takes the first records read, so that reading can end there.
    ///
    /// As in etcd, that is also so for another sort target without a sort order and filters: then the first records by
    /// key are taken, the one that shows that there are more among them, and those are sorted.
    var isLimitedByKey: Bool { sortTarget == .key || (sortOrder == .none && !hasFilter) }

    func passes(_ record: KeyValueRecord) -> Bool {
        (maxModRevision == 0 || record.modRevision <= maxModRevision)
            && (minModRevision == 0 || record.modRevision >= minModRevision)
            && (maxCreateRevision == 0 || record.createRevision <= maxCreateRevision)
            && (minCreateRevision == 0 || record.createRevision >= minCreateRevision)
    }

    /// Sorts records by a target other than the key. Equal ones are in key order, whatever the sort order.
    func sort(_ records: inout [KeyValueRecord]) {
        let sign = sortOrder == .descend ? -1 : 1
        records.sort { left, right in
            let order = sign * compare(left, right)
            return order != 0 ? order < 0 : keyOrder(left, right) < 0
        }
    }

    private func compare(_ left: KeyValueRecord, _ right: KeyValueRecord) -> Int {
        func order(_ left: Int64, _ right: Int64) -> Int { left == right ? 0 : left < right ? -1 : 1 }
        return switch sortTarget {
        case .key, .unrecognized: keyOrder(left, right)
        case .version: order(left.version, right.version)
        case .createRevision: order(left.createRevision, right.createRevision)
        case .modRevision: order(left.modRevision, right.modRevision)
        case .value: left.withContent { _, _, value in right.withContent { KeyOrder.compare(value, $2) } }
        }
    }

    private func keyOrder(_ left: KeyValueRecord, _ right: KeyValueRecord) -> Int {
        left.withKey { key in right.withKey { KeyOrder.compare(key, $0) } }
    }
}
