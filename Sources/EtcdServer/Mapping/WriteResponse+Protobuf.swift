// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdAPI
import MartletKeyValue
import MartletRaft
import MartletReplica

extension MemberStore {
    /// Answers `call` with the message that belongs to its request.
    func respond(_ response: WriteResponse, to call: any EtcdCall) {
        switch response {
        case .put(let response): call.respond(KVResponseBytes.put(response, responseHead))
        case .deleteRange(let response): call.respond(KVResponseBytes.deleteRange(response, responseHead))
        case .txn(let response): call.respond(KVResponseBytes.txn(response, responseHead))
        case .transact(let response): call.respond(StoreResponseBytes.transact(response, responseHead))
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
        case .alarms(let alarms):
            var message = Etcdserverpb_AlarmResponse()
            message.header = header
            message.alarms = alarms.map { Etcdserverpb_AlarmMember($0) }
            call.respond(with: message)
        case .leaseRenewal, .auth, .downgrade, .members:
            preconditionFailure("\(response) is answered where it was asked for")
        }
    }
}

extension Etcdserverpb_AlarmMember {
    init(_ alarm: Alarm) {
        self.init()
        memberID = alarm.member.rawValue
        self.alarm = Etcdserverpb_AlarmType(rawValue: Int(alarm.kind.rawValue)) ?? .none
    }
}
