// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdAPI
package import MartletGRPCWire
import MartletKeyValue
import MartletNode
import MartletReplica

/// etcdserverpb.KV.
package struct KVService {
    package let store: MemberStore

    package init(store: MemberStore) {
        self.store = store
    }

    package func range(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let query = call.range(message) else { return }
        store.counters.ranges += 1
        do throws(KeyValueError) {
            try query.request.validate()
        } catch {
            return call.fail(EtcdError(error))
        }
        if query.isSerializable { return answer(query.request, call) }
        store.read(for: call) { answer(query.request, call) }
    }

    /// As `range`, of any length: the answer comes in messages. Source: etcd 3.7.
    package func rangeStream(_ call: any EtcdCall) -> any ServerCallEvents {
        RangeStreamCall(store: store, call: call)
    }

    private func answer(_ request: RangeRequest, _ call: any EtcdCall) {
        guard store.allows(request, call) else { return }
        if store.member.isLong(request) { return LongRange.answer(request, call, of: store) }
        let start = store.counters.rangeTimes == nil ? nil : ContinuousClock.now
        do throws(KeyValueError) {
            let response = try store.member.range(request)
            if let start { store.counters.rangeTimes?.answered.add(ContinuousClock.now - start) }
            guard KVResponseBytes.room(response.records) <= Self.maximumBytesOnLoop else {
                return LongRange.answer(request, call, of: store)
            }
            call.respond(KVResponseBytes.range(response, store.responseHead))
        } catch {
            if let start { store.counters.rangeTimes?.refused.add(ContinuousClock.now - start) }
            call.fail(EtcdError(error))
        }
    }

    package func put(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let write = call.write(.put, message, as: Etcdserverpb_PutRequest.self) else { return }
        propose(write, call)
    }

    package func deleteRange(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let write = call.write(.deleteRange, message, as: Etcdserverpb_DeleteRangeRequest.self) else { return }
        propose(write, call)
    }

    package func txn(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let write = call.write(.txn, message, as: Etcdserverpb_TxnRequest.self),
            case .txn(let txn) = write.request
        else { return }
        guard txn.isReadOnly else { return propose(write, call) }
        guard isValid(write.request, call) else { return }
        store.read(for: call) {
            guard store.allows(txn, call) else { return }
            do throws(KeyValueError) {
                let response = try store.keyValue.readOnlyTxn(txn)
                store.counters.note(response)
                call.respond(KVResponseBytes.txn(response, store.responseHead))
            } catch {
                call.fail(EtcdError(error))
            }
        }
    }

    package func compact(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let write = call.write(.compact, message, as: Etcdserverpb_CompactionRequest.self) else { return }
        store.propose(write, for: call)
    }

    /// Refuses what is wrong whatever the store holds, and what would be too large an entry in the log.
    private func propose(_ write: Write, _ call: any EtcdCall) {
        guard isValid(write.request, call), let write = store.identified(write, call) else { return }
        guard write.bytes.count + Self.entryFramingBytes <= store.configuration.maximumRequestBytes else {
            return call.fail(.requestTooLarge)
        }
        store.propose(write, reply: .call(call))
    }

    /// Whether the request can be asked at all; if not, the call has ended.
    private func isValid(_ request: WriteRequest, _ call: any EtcdCall) -> Bool {
        do throws(KeyValueError) {
            switch request {
            case .put(let put): try put.validate()
            case .deleteRange(let delete): try delete.validate()
            case .txn(let txn):
                try txn.validate(maximumOperations: store.configuration.maximumTransactionOperations)
            case .compact, .leaseGrant, .leaseRevoke, .alarm, .auth, .downgrade: break
            }
            return true
        } catch {
            call.fail(EtcdError(error))
            return false
        }
    }

    /// An answer above it is made beside the loop: copying so much takes some hundred microseconds. One value has less.
    private static let maximumBytesOnLoop = 2 << 20

    /// What etcd's entry adds to a request of some size: its header (tag 2, length 1, id 11 bytes), the request's own
    /// tag and length (4 bytes).
    private static let entryFramingBytes = 18
}
