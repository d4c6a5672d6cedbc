// SPDX-License-Identifier: Apache-2.0

import MartletBasics
package import MartletKeyValue

extension ModelStore {
    /// What a read must answer at a position that was once the present one.
    package func range(
        _ request: RangeRequest, at position: Position
    ) -> Result<RangeResponse, KeyValueError> {
        do throws(KeyValueError) {
            try request.validate()
        } catch {
            return .failure(error)
        }
        if request.revision > position.revision { return .failure(.futureRevision) }
        if request.revision > 0, request.revision < position.compacted { return .failure(.compacted) }
        return .success(answer(request, records(at: position.revision), position.revision))
    }

    /// What a transaction of plain ranges must answer.
    package func readTxn(_ request: TxnRequest, at position: Position) -> Result<TxnResponse, KeyValueError> {
        do throws(KeyValueError) {
            try request.validate(maximumOperations: KeyValueStore.maximumAppliedOperations)
            let chosen = chosen(request, at: position)
            try checkRanges(chosen, at: position)
            var responses: [TxnResponse.Operation] = []
            for case .range(let range) in chosen {
                responses.append(.range(answer(range, records(at: position.revision), position.revision)))
            }
            return .success(
                TxnResponse(
                    revision: position.revision, succeeded: holds(request, at: position), responses: responses))
        } catch {
            return .failure(error)
        }
    }

    /// - Parameter newest: the state that the reader sees, which in a transaction is its own.
    func answer(_ request: RangeRequest, _ newest: [KeyValueRecord], _ current: Int64) -> RangeResponse {
        let isNewest = request.revision <= 0 || request.revision >= current
        let all = (isNewest ? newest : records(at: request.revision)).filter { request.interval.contains($0.key) }
        var response = RangeResponse(revision: current, count: Int64(all.count))
        if request.countOnly { return response }
        var left = all
        // Then the first keys are taken, whatever they are sorted by.
        if request.sortOrder == .none, request.limit > 0, !request.filters {
            left = Array(left.prefix(Int(request.limit) + 1))
        }
        left = left.filter(request.lets)
        let sign = request.sortOrder == .descend ? -1 : 1
        let order = left.indices.sorted { one, two in
            let rank = sign * request.rank(left[one], left[two])
            return rank == 0 ? one < two : rank < 0
        }
        response.records = order.map { left[$0] }
        if request.limit > 0, left.count > request.limit {
            response.records.removeLast(left.count - Int(request.limit))
            response.more = true
        }
        if request.keysOnly { for place in response.records.indices { response.records[place].value = [] } }
        return response
    }
}

extension RangeRequest {
    fileprivate var filters: Bool {
        [minModRevision, maxModRevision, minCreateRevision, maxCreateRevision].contains { $0 != 0 }
    }

    fileprivate func lets(_ record: KeyValueRecord) -> Bool {
        (maxModRevision == 0 || record.modRevision <= maxModRevision) && record.modRevision >= minModRevision
            && (maxCreateRevision == 0 || record.createRevision <= maxCreateRevision)
            && record.createRevision >= minCreateRevision
    }

    /// Below 0 if `one` comes before `two`, 0 if they are equal in what is sorted by.
    fileprivate func rank(_ one: KeyValueRecord, _ two: KeyValueRecord) -> Int {
        switch sortTarget {
        case .key, .unrecognized: byteOrder(one.key, two.key)
        case .version: numberOrder(one.version, two.version)
        case .createRevision: numberOrder(one.createRevision, two.createRevision)
        case .modRevision: numberOrder(one.modRevision, two.modRevision)
        case .value: byteOrder(one.value, two.value)
        }
    }
}

private func numberOrder(_ one: Int64, _ two: Int64) -> Int { one == two ? 0 : one < two ? -1 : 1 }

/// Below 0, 0 or above: shorter bytes come before longer ones that begin with them.
func byteOrder(_ one: [UInt8], _ two: [UInt8]) -> Int {
    one == two ? 0 : one.lexicographicallyPrecedes(two) ? -1 : 1
}
