// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft

// The quota counts what this member holds, of which removal of compacted versions is a part that goes on at each
// member's own pace. So the quota decides what a leader proposes; what is applied is decided by the alarm alone, which
// stands in the log.
extension Replica {
    /// Whether there is room for a request, and the alarm lifted. Raises it if there is none.
    mutating func hasSpace(for request: WriteRequest, at moment: Moment) -> Bool {
        hasSpace(cost: request.spaceCost, at: moment)
    }

    /// - Parameter cost: as `WriteRequest.spaceCost` has it.
    mutating func hasSpace(cost: Int, at moment: Moment) -> Bool {
        guard let quota = configuration.quotaBytes else { return true }
        if cost == 0 || store.liveBytes + cost < quota { return true }
        raiseNoSpace(at: moment)
        return false
    }

    /// After something was put.
    mutating func checkQuota(at moment: Moment) {
        if let quota = configuration.quotaBytes, store.liveBytes >= quota { raiseNoSpace(at: moment) }
    }

    /// Proposes the alarm, unless that is done.
    mutating func raiseNoSpace(at moment: Moment) {
        guard case .running = phase, unavailability == nil, !isRaisingNoSpace else { return }
        let alarm = AlarmRequest(.activate, .noSpace, of: configuration.member)
        guard !cluster.alarms.contains(alarm.alarm) else { return }
        isRaisingNoSpace = true
        enqueue(.write(.alarm(alarm)), isLeadersOwn: false, at: moment)
    }
}

extension AlarmTable {
    /// Why a request is refused while alarms are raised. Asked before it is proposed, to spare the log, and when it is
    /// applied, which counts. Source: etcd apply `applierV3Capped`, `applierV3Corrupt`.
    func refusal(of request: WriteRequest) -> ReplicaError? {
        guard hasNoSpace || hasCorrupt else { return nil }
        switch request {
        case .put, .deleteRange, .txn, .compact, .leaseGrant, .leaseRevoke: return refusal(cost: request.spaceCost)
        case .alarm, .auth, .downgrade: return nil
        }
    }

    /// The same of what concerns keys and leases.
    func refusal(cost: Int) -> ReplicaError? {
        if hasCorrupt { return .corrupt }
        return hasNoSpace && cost > 0 ? .noSpace : nil
    }
}

extension WriteRequest {
    /// What a put takes beside its bytes, as the quota counts it before the put is made (etcd's value).
    static let putOverheadBytes = 256
    /// The same of a lease (etcd's value).
    static let leaseBytes = 64

    /// How much more the store may hold when the request is applied; 0 for what adds no key and no lease. Source: etcd
    /// storage `BackendQuota.Cost`, which does not look into nested transactions.
    var spaceCost: Int {
        switch self {
        case .put(let request): request.spaceCost
        case .txn(let request): request.spaceCost
        case .leaseGrant: Self.leaseBytes
        case .deleteRange, .compact, .leaseRevoke, .alarm, .auth, .downgrade: 0
        }
    }
}

extension PutRequest {
    fileprivate var spaceCost: Int { WriteRequest.putOverheadBytes + key.count + value.count }
}

extension TxnRequest {
    /// That of the more expensive course. Depth is bounded by the decoder.
    var spaceCost: Int {
        func cost(_ operations: [Operation]) -> Int {
            operations.reduce(0) { sum, operation in
                switch operation {
                case .put(let request): sum + request.spaceCost
                case .txn(let request): sum + request.spaceCost
                case .range, .deleteRange, .unset: sum
                }
            }
        }
        return max(cost(success), cost(failure))
    }
}
