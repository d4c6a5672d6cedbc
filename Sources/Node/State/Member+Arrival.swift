// SPDX-License-Identifier: Apache-2.0

import Logging
package import MartletBasics
package import MartletKeyValue
package import MartletRaft
package import MartletReplica
import MartletStorage
package import NIOCore

/// Which state of which member: chunks of one are never taken for those of another.
package struct StateIdentity: Hashable, Sendable {
    package var sender: MemberID
    package var applied: AppliedPosition
    /// See `StateDump.number`; `nil` of a sender that sends each state once.
    package var dump: UInt64?

    package init(sender: MemberID, applied: AppliedPosition, dump: UInt64?) {
        self.sender = sender
        self.applied = applied
        self.dump = dump
    }
}

/// What becomes of a member's wish to send its state.
package enum ArrivalStart: Sendable {
    /// Its chunks are taken; `Member.endArrival` is due in any case.
    case begun(MemberArrival)
    /// All of it is here.
    case isWhole
    /// All of it is being made ready.
    case isEnding
    /// Another one comes, or is being taken, or none can be.
    case isBusy
}

/// The state that is on its way here, at most one, with or without a connection that brings it. Confined to the
/// member's loop.
struct ArrivalPlace {
    struct Underway {
        var identity: StateIdentity
        var arrival: StateArrival
        var begin: Moment
        /// Ends it; set while no connection brings it.
        var expiry: Scheduled<Void>?
    }

    var underway: Underway?
    /// The last that has come whole: its sender may not have heard that it has.
    var lastWhole: StateIdentity?
    /// One that came whole is of no use, and its file is being removed: the next would get the same name.
    var isDiscarding = false
}

extension Member {
    /// Room for another member's state; one at a time. What has come of that same state is kept when its connection
    /// breaks, and the next one goes on behind it; what has come of another one, which nobody brings any more, goes.
    package func beginArrival(_ identity: StateIdentity) -> EventLoopFuture<ArrivalStart> {
        guard case .running = phase, let data, !replica.isTakingState, !arrivals.isDiscarding else {
            return eventLoop.makeSucceededFuture(.isBusy)
        }
        if identity.dump != nil, arrivals.lastWhole == identity { return eventLoop.makeSucceededFuture(.isWhole) }
        if let underway = arrivals.underway {
            if underway.identity == identity, identity.dump != nil {
                return eventLoop.makeSucceededFuture(resume(underway))
            }
            guard underway.expiry != nil else { return eventLoop.makeSucceededFuture(.isBusy) }
            let bound = NIOLoopBound(self, eventLoop: eventLoop)
            return discardArrival().flatMap { bound.value.beginArrival(identity) }
        }
        do {
            let arrival = try StateArrival(data.folder, replica.configuration)
            let underway = ArrivalPlace.Underway(identity: identity, arrival: arrival, begin: now)
            arrivals.underway = underway
            return eventLoop.makeSucceededFuture(resume(underway))
        } catch {
            logger.warning("can't take another member's state", metadata: ["error": "\(error)"])
            return eventLoop.makeSucceededFuture(.isBusy)
        }
    }

    /// The connection that asks brings the state from now on.
    private func resume(_ underway: ArrivalPlace.Underway) -> ArrivalStart {
        guard let (connection, taken) = underway.arrival.connect() else { return .isEnding }
        underway.expiry?.cancel()
        arrivals.underway?.expiry = nil
        return .begun(
            MemberArrival(
                underway.arrival, underway.identity, begin: underway.begin, connection: connection, taken: taken))
    }

    /// How long chunks are kept that no connection follows: longer than a sender tries; see `StateSender.patience`.
    package static let arrivalKeepDuration = TimeAmount.seconds(60)

    /// Whether a state comes, or part of one is kept. For tests.
    package var hasArrival: Bool { arrivals.underway != nil }

    /// A connection brings no more: all of the state is here, or why it isn't. Succeeds when what is of no use is gone.
    ///
    /// - Parameter keepDuration: for which the next connection may go on behind what is here.
    package func endArrival(
        _ arrival: MemberArrival, _ result: Result<RestoredState, any Error>, term: Term,
        keepDuration: TimeAmount = Member.arrivalKeepDuration
    ) -> EventLoopFuture<Void> {
        guard arrivals.underway?.arrival === arrival.arrival, arrival.isLast else {
            return eventLoop.makeSucceededVoidFuture()
        }
        switch result {
        case .success(let state):
            arrivals.underway = nil
            arrivals.lastWhole = arrival.identity
            if case .running = phase { step(.snapshotArrived(state, from: arrival.identity.sender, term: term)) }
        case .failure:
            guard arrival.canResume, case .running = phase else { return discardArrival() }
            let bound = NIOLoopBound(self, eventLoop: eventLoop)
            arrivals.underway?.expiry = eventLoop.scheduleTask(in: keepDuration) {
                _ = bound.value.discardArrival()
            }
        }
        return eventLoop.makeSucceededVoidFuture()
    }

    /// Succeeds when nothing of it is left.
    private func discardArrival() -> EventLoopFuture<Void> {
        guard let arrival = arrivals.underway?.arrival else { return eventLoop.makeSucceededVoidFuture() }
        arrivals.underway?.expiry?.cancel()
        arrivals.underway?.expiry = nil
        // At once: no connection comes in between.
        arrival.refuse()
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        return eventLoop.makeFutureWithTask { await arrival.abandon() }.map {
            if bound.value.arrivals.underway?.arrival === arrival { bound.value.arrivals.underway = nil }
        }
    }

    /// The member ends, and with it what no connection brings; a connection that does finds out by itself.
    func stopArrival() {
        guard let underway = arrivals.underway, let expiry = underway.expiry else { return }
        expiry.cancel()
        underway.arrival.close()
        arrivals.underway = nil
    }
}

/// Takes another member's state, chunk by chunk, from one connection; from any thread.
package struct MemberArrival: Sendable {
    let arrival: StateArrival
    package let identity: StateIdentity
    private let begin: Moment
    private let connection: Int
    /// How many chunks were here before.
    package let taken: Int

    init(_ arrival: StateArrival, _ identity: StateIdentity, begin: Moment, connection: Int, taken: Int) {
        (self.arrival, self.identity, self.begin) = (arrival, identity, begin)
        (self.connection, self.taken) = (connection, taken)
    }

    /// Returns how many chunks are here now; see `StateArrival.add`.
    package func add(_ chunk: [UInt8]) async throws -> Int { try await arrival.add(chunk, by: connection) }

    package func finish() async throws -> RestoredState {
        try await arrival.finish(identity.applied, at: begin, by: connection)
    }

    /// Whether no other connection has come since.
    var isLast: Bool { arrival.isLast(connection) }

    var canResume: Bool { identity.dump != nil && arrival.canResume(after: connection) }
}
