// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletNode
package import MartletReplica

extension MemberStore {
    /// Has the request written to the log; the outcome goes to `reply` in a later turn, once it is applied.
    package func propose(_ write: Write, reply: WriteReply) {
        member.propose(write) { [self] result in answer(result, to: reply) }
    }

    /// The same for a request of the server's own making.
    package func propose(_ request: WriteRequest, reply: WriteReply) {
        propose(Write(request), reply: reply)
    }

    /// The same for a transaction over keys and streams.
    func transact(_ request: StoreRequest, reply: WriteReply) {
        member.transact(request) { [self] result in answer(result, to: reply) }
    }

    /// Changes the members; the outcome goes to `reply` in a later turn.
    package func changeMembers(_ request: MemberRequest, reply: WriteReply) {
        member.changeMembers(request) { [self] result in answer(result, to: reply) }
    }

    /// Starts a lease's term anew; `reply` gets a `leaseRenewal` in a later turn.
    func renewLease(_ id: LeaseID, then reply: @escaping (Result<WriteResponse, ReplicaError>) -> Void) {
        member.renewLease(id) { [self] result in answer(result, to: .handler(reply)) }
    }

    private func answer(_ result: Result<WriteResponse, ReplicaError>, to reply: WriteReply) {
        switch result {
        case .success(let response): count(response)
        case .failure(.noLeader), .failure(.leaderChanged): counters.proposalsFailed += 1
        // An answer like others.
        case .failure: break
        }
        switch reply {
        case .discarded:
            break
        case .handler(let handler):
            handler(result)
        case .call(let call):
            switch result {
            case .success(let response): respond(response, to: call)
            case .failure(let error): call.finish(error.status)
            }
        }
    }

    private func count(_ response: WriteResponse) {
        switch response {
        case .txn(let response): counters.note(response)
        case .leaseGrant(_, let ttlSeconds):
            counters.leasesGranted += 1
            counters.leaseTTLs.add(Double(ttlSeconds))
        case .leaseRevoke: counters.leasesRevoked += 1
        case .leaseRenewal(let ttlSeconds): if ttlSeconds != nil { counters.leasesRenewed += 1 }
        case .put, .deleteRange, .transact, .compact, .alarms, .auth, .downgrade, .members: break
        }
    }

    /// Calls `body` when the store misses nothing that was acknowledged before, or ends `call`.
    func read(for call: any EtcdCall, _ body: @escaping () -> Void) {
        member.read { error in
            if let error { call.finish(error.status) } else { body() }
        }
    }
}
