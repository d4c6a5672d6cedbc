// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue

extension ModelStore {
    func txn(_ request: TxnRequest, _ draft: inout ModelDraft) throws(KeyValueError) -> TxnResponse {
        try request.validate(maximumOperations: KeyValueStore.maximumAppliedOperations)
        let chosen = chosen(request, at: position)
        for case .put(let put) in chosen {
            try checkKeeps(put)
            try checkLease(put)
        }
        try checkRanges(chosen, at: position)
        return run(request, &draft)
    }

    func checkRanges(_ operations: [TxnRequest.Operation], at position: Position) throws(KeyValueError) {
        for case .range(let range) in operations where range.revision != 0 {
            if range.revision > position.revision { throw .futureRevision }
            if range.revision < position.compacted { throw .compacted }
        }
    }

    /// The operations that run, those of transactions inside after their siblings.
    func chosen(_ request: TxnRequest, at position: Position) -> [TxnRequest.Operation] {
        let operations = holds(request, at: position) ? request.success : request.failure
        let inner = operations.flatMap { operation -> [TxnRequest.Operation] in
            if case .txn(let inner) = operation { chosen(inner, at: position) } else { [] }
        }
        return operations + inner
    }

    private func run(_ request: TxnRequest, _ draft: inout ModelDraft) -> TxnResponse {
        let succeeded = holds(request, at: position)
        var responses: [TxnResponse.Operation] = []
        for operation in succeeded ? request.success : request.failure {
            switch operation {
            case .range(let range): responses.append(.range(answer(range, draft.state, draft.current)))
            case .put(let put): responses.append(.put(draft.put(put)))
            case .deleteRange(let delete): responses.append(.deleteRange(draft.delete(delete)))
            case .txn(let inner): responses.append(.txn(run(inner, &draft)))
            case .unset: preconditionFailure("validation lets no operation without variant pass")
            }
        }
        return TxnResponse(revision: draft.current, succeeded: succeeded, responses: responses)
    }

    func holds(_ request: TxnRequest, at position: Position) -> Bool {
        request.compare.allSatisfy { condition in
            let found = records(at: position.revision).filter { condition.interval.contains($0.key) }
            if !found.isEmpty { return found.allSatisfy { condition.isTrue(of: $0) } }
            if case .value = condition.target { return false }
            return condition.isTrue(of: .tombstone(key: condition.key, modRevision: 0))
        }
    }
}

extension TxnCompare {
    fileprivate func isTrue(of record: KeyValueRecord) -> Bool {
        switch target {
        case .version(let wanted): isTrue(record.version, wanted)
        case .createRevision(let wanted): isTrue(record.createRevision, wanted)
        case .modRevision(let wanted): isTrue(record.modRevision, wanted)
        case .lease(let wanted): isTrue(record.lease.rawValue, wanted)
        case .value(let wanted): isTrue(byteOrder(record.value, wanted), 0)
        case .unrecognized: isTrue(0, 0)
        }
    }

    private func isTrue<Number: Comparable>(_ present: Number, _ wanted: Number) -> Bool {
        switch relation {
        case .equal: present == wanted
        case .notEqual: present != wanted
        case .greater: present > wanted
        case .less: present < wanted
        case .unrecognized: true
        }
    }
}
