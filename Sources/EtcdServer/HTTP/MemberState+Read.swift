// SPDX-License-Identifier: Apache-2.0

import MartletNode
import NIOCore

extension MemberState {
    /// How long a probe's read may take, beside two election time-outs. As in etcd.
    private static let readLimit = TimeAmount.seconds(5)

    /// The state, with what becomes of a read that asks the cluster. Call on the store's loop.
    static func afterRead(of store: MemberStore) -> EventLoopFuture<MemberState> {
        let promise = store.eventLoop.makePromise(of: MemberState.self)
        var isDone = false
        let finish = { (error: EtcdError?) in
            guard !isDone else { return }
            isDone = true
            var state = MemberState(store)
            state.health.linearizableReadFault = error?.message
            promise.succeed(state)
        }
        let limit = readLimit + TimeAmount(store.configuration.electionTimeout * 2)
        let timer = store.eventLoop.assumeIsolated().scheduleTask(in: limit) { finish(.timeout) }
        store.member.read { error in
            timer.cancel()
            finish(error.map { EtcdError($0) })
        }
        return promise.futureResult
    }
}
