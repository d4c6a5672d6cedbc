// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Logging
package import MartletBasics
package import MartletKeyValue
package import MartletRaft
package import MartletReplica
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
        let path = "\(tables.path).state-\(peer)"
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

    /// Room for another member's state; one at a time. `endArrival` is due in any case.
    package func beginArrival() -> MemberArrival? {
        guard case .running = phase, let data, !isStateArriving else { return nil }
        do {
            let arrival = MemberArrival(try StateArrival(data.folder, replica.configuration), now)
            isStateArriving = true
            return arrival
        } catch {
            logger.warning("can't take another member's state", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// All of the state is here, or nothing of it that is of use.
    package func endArrival(_ state: RestoredState?, from peer: MemberID, term: Term) {
        isStateArriving = false
        guard let state, case .running = phase else { return }
        step(.snapshotArrived(state, from: peer, term: term))
    }

    func carryOut(_ arrival: Effects.Arrival) {
        guard let data else { return }
        switch arrival {
        case .discard:
            snapshots.queue.async { try? data.folder.removeArrived() }
        case .install: checkpoints?.install(data.folder.arrivedFile)
        }
    }
}

/// Takes another member's state, chunk by chunk; from any thread.
package struct MemberArrival: Sendable {
    private let arrival: StateArrival
    private let moment: Moment

    init(_ arrival: StateArrival, _ moment: Moment) {
        self.arrival = arrival
        self.moment = moment
    }

    package func add(_ chunk: [UInt8]) async throws { try await arrival.add(chunk) }

    package func finish(_ applied: AppliedPosition) async throws -> RestoredState {
        try await arrival.finish(applied, at: moment)
    }

    /// Returns when nothing of it is left: before `endArrival`.
    package func abandon() async { await arrival.abandon() }
}
