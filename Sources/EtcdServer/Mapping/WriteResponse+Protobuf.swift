// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdAPI
import MartletKeyValue
import MartletReplica

extension MemberStore {
    /// Answers `call` with the message that belongs to its request.
    func respond(_ response: WriteResponse, to call: any EtcdCall) {
        switch response {
        case .put(let response): call.respond(KVResponseBytes.put(response, responseHead))
        case .deleteRange(let response): call.respond(KVResponseBytes.deleteRange(response, responseHead))
        case .txn(let response): call.respond(KVResponseBytes.txn(response, responseHead))
        case .compact(let response):
            var message = Etcdserverpb_CompactionResponse()
            message.header = header(revision: response.revision)
            call.respond(with: message)
        case .leaseGrant(let id, let ttlSeconds):
            var message = Etcdserverpb_LeaseGrantResponse()
            message.header = header
            message.id = id.rawValue
            message.ttl = ttlSeconds
            call.respond(with: message)
        case .leaseRevoke:
            var message = Etcdserverpb_LeaseRevokeResponse()
            message.header = header
            call.respond(with: message)
        case .leaseRenewal, .alarms, .auth, .downgrade, .members:
            preconditionFailure("no handler waits for \(response)")
        }
    }
}
