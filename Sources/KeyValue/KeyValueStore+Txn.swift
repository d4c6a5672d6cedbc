// SPDX-License-Identifier: Apache-2.0

import MartletBasics

extension KeyValueStore {
    /// Runs a transaction: compares, checks what the chosen path needs, then does it.
    public mutating func txn(_ request: TxnRequest) throws(KeyValueError) -> TxnResponse {
        run(try checked(request))
    }

    /// Compares, and refuses what can't be done.
    ///
    /// - Returns: what `run` does, as long as nothing has changed.
    public func checked(_ request: TxnRequest) throws(KeyValueError) -> CheckedTxn {
        try request.validate(maximumOperations: Self.maximumAppliedOperations)
        let path = choosePath(request)
        try check(path)
        return CheckedTxn(path: path)
    }

    /// As above, for operations that are done whatever the store holds: no transactions, and nothing among them that
    /// `TxnRequest.validate` refuses.
    public func checked(valid operations: [TxnRequest.Operation]) throws(KeyValueError) -> CheckedTxn {
        assert(
            (try? TxnRequest(success: operations).validate(maximumOperations: Self.maximumAppliedOperations)) != nil
                && !operations.contains { if case .txn = $0 { true } else { false } },
            "operations were taken for valid: \(operations)")
        let path = Path(succeeded: true, operations: operations, nested: [])
        try check(path)
        return CheckedTxn(path: path)
    }

    /// Does what was checked since the last change of keys and leases.
    public mutating func run(_ txn: CheckedTxn) -> TxnResponse {
        write { store, batch in store.run(txn.path, in: &batch) }
    }

    /// Serves a transaction of plain ranges without changing anything.
    ///
    /// The request must be `isReadOnly`; a transaction that isn't belongs to `txn`.
    public func readOnlyTxn(_ request: TxnRequest) throws(KeyValueError) -> TxnResponse {
        precondition(request.isReadOnly, "a transaction that writes was served as a read")
        try request.validate(maximumOperations: Self.maximumAppliedOperations)
        let path = choosePath(request)
        try check(path)
        var responses: [TxnResponse.Operation] = []
        for case .range(let range) in path.operations { responses.append(.range(view.read(range, current: revision))) }
        return TxnResponse(revision: revision, succeeded: path.succeeded, responses: responses)
    }

    // MARK: Compares

    private typealias Path = CheckedTxn.Path

    /// Depth is bounded by validation.
    private func choosePath(_ request: TxnRequest) -> Path {
        var succeeded = true
        // No closure: it would hold a copy of the store, some dozens of references.
        for condition in request.compare where succeeded { succeeded = holds(condition) }
        let operations = succeeded ? request.success : request.failure
        var nested: [Path] = []
        for case .txn(let inner) in operations { nested.append(choosePath(inner)) }
        return Path(succeeded: succeeded, operations: operations, nested: nested)
    }

    /// Whether a condition holds now.
    public func holds(_ condition: TxnCompare) -> Bool {
        var found = false
        var all = true
        view.index.forEach(in: condition.interval, liveOnly: true) { entry in
            found = true
            all = condition.holds(for: entry.newest.record)
            return all
        }
        return found ? all : condition.holdsForMissingKey
    }

    // MARK: Running

    /// Whether all of `path` can run: first every put, then every range, which decides what error a transaction with
    /// two faults ends in.
    private func check(_ path: Path) throws(KeyValueError) {
        try self.checkPuts(path)
        try self.checkRanges(path)
    }

    private func checkPuts(_ path: Path) throws(KeyValueError) {
        for operation in path.operations {
            switch operation {
            case .put(let request):
                // The other way round than in a plain put, as etcd has it.
                try checkKeeps(request)
                try checkLease(request)
            case .unset:
                throw .keyNotFound
            case .range, .deleteRange, .txn:
                continue
            }
        }
        for inner in path.nested { try self.checkPuts(inner) }
    }

    private func checkRanges(_ path: Path) throws(KeyValueError) {
        for case .range(let request) in path.operations {
            // Unlike a plain range, a negative revision here is an old one, not the newest.
            if request.revision == 0 { continue }
            if request.revision > revision { throw .futureRevision }
            if request.revision < compactRevision { throw .compacted }
        }
        for inner in path.nested { try self.checkRanges(inner) }
    }

    private mutating func run(_ path: Path, in batch: inout WriteBatch) -> TxnResponse {
        var responses: [TxnResponse.Operation] = []
        responses.reserveCapacity(path.operations.count)
        var nested = path.nested.makeIterator()
        for operation in path.operations {
            switch operation {
            case .range(let request):
                responses.append(.range(view.read(request, current: batch.current)))
            case .put(let request):
                responses.append(.put(put(request, in: &batch)))
            case .deleteRange(let request):
                responses.append(.deleteRange(deleteRange(request, in: &batch)))
            case .txn:
                guard let inner = nested.next() else { preconditionFailure("a nested transaction has no path") }
                responses.append(.txn(run(inner, in: &batch)))
            case .unset:
                preconditionFailure("an operation without variant passed validation")
            }
        }
        return TxnResponse(revision: batch.current, succeeded: path.succeeded, responses: responses)
    }
}

/// A transaction that can be done: see `KeyValueStore.checked`.
public struct CheckedTxn: Hashable, Sendable {
    /// The side of a transaction that its compares choose, with the chosen sides of the transactions inside.
    fileprivate struct Path: Hashable, Sendable {
        var succeeded: Bool
        var operations: [TxnRequest.Operation]
        /// For the nested transactions among `operations`, in their order.
        var nested: [Path]
    }

    fileprivate let path: Path
}

extension TxnCompare {
    func holds(for record: KeyValueRecord) -> Bool {
        switch target {
        case .version(let wanted): holds(record.version, wanted)
        case .createRevision(let wanted): holds(record.createRevision, wanted)
        case .modRevision(let wanted): holds(record.modRevision, wanted)
        case .value(let wanted):
            holds(record.withContent { KeyOrder.compare($2, wanted.span.bytes) }, 0)
        case .lease(let wanted): holds(record.lease.rawValue, wanted)
        case .unrecognized: holds(0, 0)
        }
    }

    /// A missing key has no value that anything could be compared with, and zero for everything else.
    var holdsForMissingKey: Bool {
        if case .value = target { return false }
        return holds(for: .tombstone(key: key, modRevision: 0))
    }

    private func holds<Number: Comparable>(_ present: Number, _ wanted: Number) -> Bool {
        switch relation {
        case .equal: present == wanted
        case .notEqual: present != wanted
        case .greater: present > wanted
        case .less: present < wanted
        case .unrecognized: true
        }
    }
}
