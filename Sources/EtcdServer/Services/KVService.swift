// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import MartletKeyValue

/// etcdserverpb.KV.
package struct KVService {
    package let store: MemberStore

    package init(store: MemberStore) {
        self.store = store
    }

    package func range(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_RangeRequest.self) else { return }
        store.counters.ranges += 1
        do throws(KeyValueError) {
            let response = try store.keyValue.range(RangeRequest(request))
            call.respond(with: Etcdserverpb_RangeResponse(response, header: store.header(revision: response.revision)))
        } catch {
            call.fail(EtcdError(error))
        }
    }

    package func put(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_PutRequest.self) else { return }
        let put = PutRequest(request)
        do throws(KeyValueError) {
            try put.validate()
        } catch {
            return call.fail(EtcdError(error))
        }
        propose(.put(put), call, message)
        store.noteWritten(byteCount: message.count, versions: 1)
    }

    package func deleteRange(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_DeleteRangeRequest.self) else { return }
        let delete = DeleteRangeRequest(request)
        do throws(KeyValueError) {
            try delete.validate()
        } catch {
            return call.fail(EtcdError(error))
        }
        propose(.deleteRange(delete), call, message)
    }

    package func txn(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_TxnRequest.self) else { return }
        let txn = TxnRequest(request)
        do throws(KeyValueError) {
            try txn.validate(maximumOperations: store.configuration.maximumTransactionOperations)
            guard !txn.isReadOnly else {
                store.counters.transactions += 1
                let response = try store.keyValue.readOnlyTxn(txn)
                let header = store.header(revision: response.revision)
                return call.respond(with: Etcdserverpb_TxnResponse(response, header: header))
            }
        } catch {
            return call.fail(EtcdError(error))
        }
        propose(.txn(txn), call, message)
        store.noteWritten(byteCount: message.count, versions: max(1, txn.success.count))
    }

    package func compact(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_CompactionRequest.self) else { return }
        let compaction = CompactionRequest(revision: request.revision)
        store.propose(.compact(compaction, physical: request.physical), reply: .call(call))
    }

    /// Refuses what would be too large an entry in the log.
    private func propose(_ request: WriteRequest, _ call: any EtcdCall, _ message: [UInt8]) {
        guard message.count + Self.entryFramingBytes <= store.configuration.maximumRequestBytes else {
            return call.fail(.requestTooLarge)
        }
        store.propose(request, reply: .call(call))
    }

    /// What the log's entry adds to a request of some size: its header (tag 2, length 1, id 11 bytes), the request's
    /// own tag and length (4 bytes).
    private static let entryFramingBytes = 18
}
