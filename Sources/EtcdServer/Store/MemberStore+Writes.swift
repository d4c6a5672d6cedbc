// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletNode
package import MartletReplica

extension MemberStore {
    /// Has the request written to the log; the outcome goes to `reply` in a later turn, once it is applied.
    package func propose(_ write: Write, reply: WriteReply) {
        member.propose(write) { [self] result in
            switch result {
            case .success(let response):
                count(response)
                deliver(.success(response), to: reply)
            case .failure(let error):
                counters.proposalsFailed += 1
                deliver(.failure(EtcdError(error)), to: reply)
            }
        }
    }

    /// The same for a request of the server's own making.
    package func propose(_ request: WriteRequest, reply: WriteReply) {
        propose(Write(request), reply: reply)
    }

    private func count(_ response: WriteResponse) {
        switch response {
        case .put: counters.puts += 1
        case .deleteRange: counters.deletes += 1
        case .txn: counters.transactions += 1
        case .leaseGrant: counters.leasesGranted += 1
        case .leaseRevoke: counters.leasesRevoked += 1
        case .compact, .leaseRenewal, .alarms, .auth, .downgrade, .members: break
        }
    }

    private func deliver(_ result: Result<WriteResponse, EtcdError>, to reply: WriteReply) {
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

    /// Calls `body` when the store misses nothing that was acknowledged before, or ends `call`.
    func read(for call: any EtcdCall, _ body: @escaping () -> Void) {
        member.read { error in
            if let error { call.fail(EtcdError(error)) } else { body() }
        }
    }
}
