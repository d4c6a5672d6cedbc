// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletGRPCWire
import MartletReplica

/// martlet.v1.Store: keys and streams in one step.
package struct StoreService {
    package let store: MemberStore

    package init(store: MemberStore) {
        self.store = store
    }

    /// One record, whatever is in it: also a transaction that only reads goes through the log.
    package func transact(_ call: any EtcdCall, _ message: [UInt8]) {
        guard var request = call.storeRequest(message) else { return }
        do throws(StoreRefusal) {
            try request.validate(maximumOperations: store.configuration.maximumTransactionOperations)
        } catch {
            return call.finish(error.error.status)
        }
        do throws(AuthError) {
            request.identity = try store.identity(of: call.credentials)
        } catch {
            return call.finish(error.status)
        }
        store.transact(request, reply: .call(call))
    }
}
