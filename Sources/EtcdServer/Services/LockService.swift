// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdAPI
package import MartletGRPCWire
import MartletKeyValue
import MartletReplica

/// v3lockpb.Lock.
package struct LockService {
    package let store: MemberStore

    package init(store: MemberStore) {
        self.store = store
    }

    package func lock(_ call: any EtcdCall) -> any ServerCallEvents {
        ContenderCall(call) { [store] message in
            guard let request = call.decoded(message, as: V3lockpb_LockRequest.self) else { return nil }
            let queue = KeyQueue(name: request.name.bytes)
            return Contender(store: store, call: call, queue: queue, lease: LeaseID(request.lease), value: []) {
                result in
                switch result {
                case .success(let place):
                    var response = V3lockpb_LockResponse()
                    response.header = store.header
                    response.key = place.key.data
                    call.send(response)
                    call.finish(.ok)
                case .failure(let status):
                    call.finish(status)
                }
            }
        }
    }

    package func unlock(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: V3lockpb_UnlockRequest.self) else { return }
        guard !request.key.isEmpty else { return call.failBehindClient(.emptyKey) }
        let delete = WriteRequest.deleteRange(DeleteRangeRequest(key: request.key.bytes))
        guard let identity = store.identityBehindClient(of: call) else { return }
        store.propose(
            Write(delete, identity: identity),
            reply: .handler { [store] result in
                switch result {
                case .success:
                    var response = V3lockpb_UnlockResponse()
                    response.header = store.header
                    call.respond(with: response)
                case .failure(let error):
                    call.failBehindClient(error)
                }
            })
    }
}
