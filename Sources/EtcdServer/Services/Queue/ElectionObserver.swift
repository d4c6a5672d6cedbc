// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import MartletGRPCWire
import MartletKeyValue

/// An Observe call: the first key of a queue at once, then every change of who that is and of its value.
final class ElectionObserver: ServerCallEvents {
    private let store: MemberStore
    private let call: any EtcdCall
    private var hasStarted = false
    private var queue: KeyQueue?
    private var watch: KeyWatch?
    /// What was sent last. Its revision alone wouldn't do: who comes next has waited, and so may be older.
    private var sent: KeyValueRecord?
    /// Something changed while the client was slow.
    private var isBehind = false

    init(store: MemberStore, call: any EtcdCall) {
        self.store = store
        self.call = call
    }

    func received(_ message: [UInt8]) {
        guard !hasStarted else { return }
        hasStarted = true
        guard let request = call.decodedOfStream(message, as: V3electionpb_LeaderRequest.self) else { return }
        let queue = KeyQueue(name: request.name.bytes)
        guard store.allowsBehindClient(queue.reading, call) else { return }
        self.queue = queue
        follow(queue)
    }

    func receivedEnd() {
        if !hasStarted { call.failWithoutRequest() }
    }

    func becameWritable() {
        guard isBehind, let queue else { return }
        isBehind = false
        report(queue)
    }

    func closed() {
        watch?.cancel()
        watch = nil
    }

    private func follow(_ queue: KeyQueue) {
        watch?.cancel()
        do throws(KeyValueError) {
            watch = try KeyWatch(queue.watchRequest, of: store) { [weak self] news in
                guard let self else { return }
                switch news {
                case .events: report(queue)
                case .lostHistory: follow(queue)
                case .stopped(let status): call.finish(status)
                }
            }
        } catch {
            return call.failBehindClient(EtcdError(error))
        }
        report(queue)
    }

    private func report(_ queue: KeyQueue) {
        guard call.queuedBytes <= ServerCall.outboundHighWater else {
            isBehind = true
            return
        }
        do throws(KeyValueError) {
            // The queue may be empty for a while: then there is nothing to tell.
            guard let head = try queue.head(in: store.keyValue), head != sent else { return }
            sent = head
            var response = V3electionpb_LeaderResponse()
            response.header = store.header
            response.kv = Mvccpb_KeyValue(head)
            call.send(response)
        } catch {
            call.failBehindClient(EtcdError(error))
        }
    }
}
