// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletKeyValue
import MartletReplica

/// One call of RangeStream: a Range whose answer comes as messages that merge into it.
final class RangeStreamCall: ServerCallEvents {
    private let store: MemberStore
    private let call: any EtcdCall
    private var isAsked = false
    private var range: LongRange?
    private var isClosed = false

    init(store: MemberStore, call: any EtcdCall) {
        self.store = store
        self.call = call
    }

    func received(_ message: [UInt8]) {
        guard !isAsked, !isClosed else { return }
        isAsked = true
        guard let query = call.range(message) else { return }
        store.counters.ranges += 1
        do throws(KeyValueError) {
            try query.request.validate()
        } catch {
            return call.fail(EtcdError(error))
        }
        guard query.request.isInKeyOrder else {
            return call.finish(
                GRPCStatus(.unimplemented, "etcdserver: a stream of keys comes in their order; Range sorts otherwise"))
        }
        if query.isSerializable { return answer(query.request) }
        store.read(for: call) { self.answer(query.request) }
    }

    private func answer(_ request: RangeRequest) {
        guard !isClosed, store.allows(request, call) else { return }
        range = LongRange.stream(request, call, of: store)
    }

    func receivedEnd() {
        if !isAsked { call.failWithoutRequest() }
    }

    func becameWritable() { range?.becameWritable() }

    func closed() {
        isClosed = true
        range?.closed()
        range = nil
    }
}
