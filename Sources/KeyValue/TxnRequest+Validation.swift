// SPDX-License-Identifier: Apache-2.0

extension TxnRequest {
    /// Refuses what can be refused without looking at the store.
    ///
    /// Each list may be `maximumOperations` long; a nested transaction gets what the longest list around it leaves, so
    /// the depth is bounded by the same number. Then no key may be put twice, or put and deleted, on a path that can
    /// run.
    /// Source: etcd v3rpc `checkTxnRequest`, `checkIntervals`.
    public func validate(maximumOperations: Int) throws(KeyValueError) {
        try validateShape(maximumOperations)
        // A transaction of single operations cannot contradict itself: the common compare-and-set.
        if Self.mayContradict(success) { _ = try TxnChanges(of: success) }
        if Self.mayContradict(failure) { _ = try TxnChanges(of: failure) }
    }

    private static func mayContradict(_ list: [Operation]) -> Bool {
        if list.count == 1, case .txn = list[0] { return true }
        return list.count > 1
    }

    /// Whether its lists are no longer, and it is no deeper, than so many operations allow.
    public func hasShape(_ maximumOperations: Int) -> Bool {
        let size = max(compare.count, success.count, failure.count)
        if size > maximumOperations { return false }
        for list in [success, failure] {
            for case .txn(let inner) in list where !inner.hasShape(maximumOperations - size) { return false }
        }
        return true
    }

    private func validateShape(_ maximumOperations: Int) throws(KeyValueError) {
        let size = max(compare.count, success.count, failure.count)
        if size > maximumOperations { throw .tooManyOperations }
        for condition in compare where condition.key.isEmpty { throw .keyNotProvided }
        try Self.validateShape(of: success, maximumOperations - size)
        try Self.validateShape(of: failure, maximumOperations - size)
    }

    private static func validateShape(of list: [Operation], _ maximumOperations: Int) throws(KeyValueError) {
        for operation in list {
            switch operation {
            case .range(let request): try request.validate()
            case .put(let request): try request.validate()
            case .deleteRange(let request): try request.validate()
            case .txn(let request): try request.validateShape(maximumOperations)
            case .unset: throw .keyNotFound
            }
        }
    }
}

/// The keys that a list of operations may put and the ranges that it may delete.
///
/// Deletes may overlap each other. As in etcd, a nested transaction's deletes count against puts that come after it in
/// this sense: its own siblings behind it and the plain puts around it; and a delete "from a key on" (range end of one
/// zero byte) counts against nothing.
private struct TxnChanges {
    private var puts: Set<[UInt8]> = []
    private var deletes: [KeyInterval] = []
    private var deleteTree = IntervalTree<Bool>()

    init(of operations: [TxnRequest.Operation]) throws(KeyValueError) {
        for case .deleteRange(let request) in operations { addDelete(request.interval) }
        for case .txn(let nested) in operations {
            let success = try TxnChanges(of: nested.success)
            let failure = try TxnChanges(of: nested.failure)
            // The two branches exclude each other, so they may repeat a key between them. The order in which a set
            // is walked here decides nothing: any collision has the same outcome.
            for key in success.puts where puts.contains(key) || deleteTree.containsInterval(around: key) {
                throw .duplicateKey
            }
            for key in failure.puts where puts.contains(key) || deleteTree.containsInterval(around: key) {
                throw .duplicateKey
            }
            puts.formUnion(success.puts)
            puts.formUnion(failure.puts)
            for interval in success.deletes { addDelete(interval) }
            for interval in failure.deletes { addDelete(interval) }
        }
        for case .put(let request) in operations {
            if deleteTree.containsInterval(around: request.key) { throw .duplicateKey }
            if !puts.insert(request.key).inserted { throw .duplicateKey }
        }
    }

    private mutating func addDelete(_ interval: KeyInterval) {
        let upper: [UInt8]
        switch interval.end {
        case .single: upper = interval.lower + [0]
        case .before(let end): upper = end
        case .unbounded: return
        }
        guard KeyOrder.isLess(interval.lower, upper) else { return }
        deletes.append(interval)
        deleteTree.update(lower: interval.lower, upper: upper, initial: true) { _ in }
    }
}
