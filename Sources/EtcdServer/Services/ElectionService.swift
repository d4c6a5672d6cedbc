// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdAPI
package import MartletGRPCWire
import MartletKeyValue
import MartletReplica

/// v3electionpb.Election.
package struct ElectionService {
    package let store: MemberStore

    package init(store: MemberStore) {
        self.store = store
    }

    package func campaign(_ call: any EtcdCall) -> any ServerCallEvents {
        ContenderCall(call) { [store] message in
            guard let request = call.decoded(message, as: V3electionpb_CampaignRequest.self) else { return nil }
            let queue = KeyQueue(name: request.name.bytes)
            let lease = LeaseID(request.lease)
            let value = request.value.bytes
            return Contender(store: store, call: call, queue: queue, lease: lease, value: value) { result in
                switch result {
                case .success(let place):
                    var response = V3electionpb_CampaignResponse()
                    response.header = store.header
                    response.leader.name = request.name
                    response.leader.key = place.key.data
                    response.leader.rev = place.createRevision
                    response.leader.lease = place.lease.rawValue
                    call.send(response)
                    call.finish(.ok)
                case .failure(let status):
                    call.finish(status)
                }
            }
        }
    }

    package func proclaim(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: V3electionpb_ProclaimRequest.self) else { return }
        guard request.hasLeader else { return call.finish(Self.leaderMissing) }
        let leader = request.leader
        let put = PutRequest(key: leader.key.bytes, value: request.value.bytes, lease: LeaseID(leader.lease))
        change(leader, by: .put(put), call) { [store] in
            var response = V3electionpb_ProclaimResponse()
            response.header = store.header
            call.respond(with: response)
        }
    }

    package func resign(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: V3electionpb_ResignRequest.self) else { return }
        guard request.hasLeader else { return call.finish(Self.leaderMissing) }
        let delete = DeleteRangeRequest(key: request.leader.key.bytes)
        change(request.leader, by: .deleteRange(delete), call, mustLead: false) { [store] in
            var response = V3electionpb_ResignResponse()
            response.header = store.header
            call.respond(with: response)
        }
    }

    package func leader(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: V3electionpb_LeaderRequest.self) else { return }
        let queue = KeyQueue(name: request.name.bytes)
        guard store.allowsBehindClient(queue.reading, call) else { return }
        do throws(KeyValueError) {
            guard let head = try queue.head(in: store.keyValue) else {
                return call.finish(GRPCStatus(.unknown, "election: no leader"))
            }
            var response = V3electionpb_LeaderResponse()
            response.header = store.header
            response.kv = Mvccpb_KeyValue(head)
            call.respond(with: response)
        } catch {
            call.failBehindClient(EtcdError(error))
        }
    }

    package func observe(_ call: any EtcdCall) -> any ServerCallEvents {
        ElectionObserver(store: store, call: call)
    }

    /// Changes the leader's key if it still is the one that won.
    private func change(
        _ leader: V3electionpb_LeaderKey,
        by operation: TxnRequest.Operation,
        _ call: any EtcdCall,
        mustLead: Bool = true,
        then answer: @escaping () -> Void
    ) {
        let txn = TxnRequest(
            compare: [TxnCompare(.createRevision(leader.rev), of: leader.key.bytes)],
            success: [operation]
        )
        guard let identity = store.identityBehindClient(of: call) else { return }
        store.propose(
            Write(.txn(txn), identity: identity),
            reply: .handler { result in
                switch result {
                case .success(.txn(let response)) where response.succeeded || !mustLead: answer()
                case .success: call.finish(GRPCStatus(.unknown, "election: not leader"))
                case .failure(let error): call.failBehindClient(error)
                }
            })
    }

    private static let leaderMissing = GRPCStatus(.unknown, "\"leader\" field must be provided")
}
