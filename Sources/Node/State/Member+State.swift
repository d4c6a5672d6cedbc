// SPDX-License-Identifier: Apache-2.0

import Dispatch
package import MartletBasics
package import MartletRaft
import MartletReplica
import MartletStorage
package import NIOCore

extension Member {
    /// All that is applied now, or more, for another member. The work is done on threads of its own.
    ///
    /// - Parameter directDuration: see `StateDump`.
    package func makeStateDump(
        for peer: MemberID, directDuration: Duration = StateDump.directDuration
    ) -> EventLoopFuture<StateDump> {
        guard case .running = phase, let data else {
            return eventLoop.makeFailedFuture(data == nil ? StateTransferError.unsupported : .busy)
        }
        let (tables, dumps, isStopping) = (data.tables, snapshots.dumps, snapshots.isStopping)
        // One that nobody wants any more may still be on its way to the same member.
        snapshots.dumpNumber += 1
        let path = data.folder.spoolFile("state-\(peer)-\(snapshots.dumpNumber)")
        return checkpointNow().flatMap { [eventLoop] in
            let promise = eventLoop.makePromise(of: StateDump.self)
            do {
                // It lives until this is done.
                let thread = try YieldingThread("martlet-state")
                dumps.enter()
                thread.async {
                    StateDump.read(
                        tables, spoolingTo: path, after: directDuration, isCancelled: { isStopping.isSet },
                        begun: { promise.completeWith($0) })
                    dumps.leave()
                }
            } catch {
                promise.fail(error)
            }
            return promise.futureResult
        }
    }

    /// What an order of `onStateWanted` has come to: the last entry of what was sent whole; nil if it was not.
    package func stateSent(to peer: MemberID, upTo index: LogIndex?) {
        guard case .running = phase else { return }
        step(.snapshotSent(to: peer, upTo: index))
    }

    func carryOut(_ arrival: Effects.Arrival) {
        guard let data else { return }
        switch arrival {
        case .discard:
            arrivals.isDiscarding = true
            let (bound, eventLoop) = (NIOLoopBound(self, eventLoop: eventLoop), eventLoop)
            snapshots.queue.async {
                try? data.folder.removeArrived()
                eventLoop.execute { bound.value.arrivals.isDiscarding = false }
            }
        case .install: checkpoints?.install(data.folder.arrivedFile)
        }
    }
}
