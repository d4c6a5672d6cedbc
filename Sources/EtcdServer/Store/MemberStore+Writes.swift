// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import NIOCore

extension MemberStore {
    /// Has the request written to the log; the outcome goes to `reply` once it is applied.
    package func propose(_ request: WriteRequest, reply: WriteReply) {
        eventLoop.preconditionInEventLoop()
        appliedIndex.rawValue += 1
        let result: Result<WriteResponse, EtcdError>
        do throws(KeyValueError) {
            result = .success(try apply(request))
        } catch {
            counters.proposalsFailed += 1
            result = .failure(EtcdError(error))
        }
        if case .compact(_, let physical) = request, case .success(.compact(let response)) = result {
            startReclaiming()
            if physical, isReclaiming {
                pendingCompactions.append((response, reply))
                deliverWatches()
                return
            }
        }
        deliver(result, to: reply)
        deliverWatches()
    }

    /// Changes the store. A request that throws has changed nothing.
    func apply(_ request: WriteRequest) throws(KeyValueError) -> WriteResponse {
        switch request {
        case .put(let request):
            counters.puts += 1
            return .put(try keyValue.put(request))
        case .deleteRange(let request):
            counters.deletes += 1
            return .deleteRange(try keyValue.deleteRange(request))
        case .txn(let request):
            counters.transactions += 1
            return .txn(try keyValue.txn(request))
        case .compact(let request, _):
            return .compact(try keyValue.compact(request))
        case .leaseGrant(let id, let ttlSeconds):
            let granted = try keyValue.grantLease(id: id, ttlSeconds: ttlSeconds, now: now)
            counters.leasesGranted += 1
            return .leaseGrant(id, ttlSeconds: granted)
        case .leaseRevoke(let id):
            _ = try keyValue.revokeLease(id)
            counters.leasesRevoked += 1
            return .leaseRevoke
        }
    }

    func deliver(_ result: Result<WriteResponse, EtcdError>, to reply: WriteReply) {
        switch reply {
        case .discarded:
            break
        case .handler(let handler):
            handler(result)
        case .call(let call):
            switch result {
            case .success(let response): respond(response, to: call)
            case .failure(let error): call.fail(error)
            }
        }
    }
}
