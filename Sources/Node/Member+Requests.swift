// SPDX-License-Identifier: Apache-2.0

package import MartletAuth
package import MartletBasics
package import MartletKeyValue
package import MartletReplica
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension Member {
    /// Has the write put into the log; `answer` gets the outcome in a later turn, when the write is durable and
    /// applied.
    package func propose(_ write: Write, then answer: @escaping WriteAnswer) {
        let waiter = writers.insert(Writer(answer: answer))
        replica.step(.propose(write, waiter: waiter), at: now, into: &effects)
        endTurnSoon()
    }

    /// The same for a transaction over keys and streams; `answer` gets a `transact`.
    package func transact(_ request: StoreRequest, then answer: @escaping WriteAnswer) {
        let waiter = writers.insert(Writer(answer: answer))
        replica.transact(request, for: waiter, at: now, into: &effects)
        endTurnSoon()
    }

    /// Calls `answer` when the store holds everything that was acknowledged before: at once where nobody else could
    /// have acknowledged anything.
    package func read(then answer: @escaping ReadAnswer) {
        if status.canReadNow { return answer(nil) }
        let waiter = readers.insert(Reader(answer: answer))
        replica.step(.read(waiter: waiter), at: now, into: &effects)
        endTurnSoon()
    }

    /// Starts a lease's term anew; `answer` gets a `leaseRenewal` in a later turn.
    package func renewLease(_ id: LeaseID, then answer: @escaping WriteAnswer) {
        let waiter = writers.insert(Writer(answer: answer))
        replica.step(.renewLease(id, waiter: waiter), at: now, into: &effects)
        endTurnSoon()
    }

    /// Changes the members; `answer` gets all of them in a later turn.
    package func changeMembers(_ request: MemberRequest, then answer: @escaping WriteAnswer) {
        let waiter = writers.insert(Writer(answer: answer))
        replica.step(.changeMembers(request, waiter: waiter), at: now, into: &effects)
        endTurnSoon()
    }

    /// What the log says of the cluster. Not for what happens with every request: it is a copy.
    package var cluster: ClusterState { replica.cluster }

    /// Users, roles and rights as of the last applied record.
    package var auth: AuthStore {
        _read { yield replica.auth }
    }

    /// In whose name the server itself changes something, whoever is logged in.
    package var ownIdentity: AuthIdentity { replica.ownIdentity }

    /// What reads look at, and whose watches and leases its owner serves; keys change by `propose` alone.
    package var store: KeyValueStore {
        _read { yield replica.store }
        _modify { yield &replica.store }
    }

    /// Reads a range as it is now.
    package func range(_ request: RangeRequest) throws(KeyValueError) -> RangeResponse {
        try Self.range(request, in: &replica.store)
    }

    /// Whether a range is better read elsewhere, of a snapshot.
    package func isLong(_ request: RangeRequest) -> Bool {
        Self.isLong(request, in: &replica.store)
    }

    // `inout`, though nothing changes: a value read out of an object is a copy of it, with a retain for each of the
    // store's parts, and these are asked with every request.

    private static func range(
        _ request: RangeRequest, in store: inout KeyValueStore
    ) throws(KeyValueError) -> RangeResponse {
        try store.range(request)
    }

    private static func isLong(_ request: RangeRequest, in store: inout KeyValueStore) -> Bool {
        store.isLong(request)
    }

    /// The time of this turn on both clocks.
    package var now: Moment {
        if let turnMoment { return turnMoment }
        let moment = Moment(
            monotonic: .nanoseconds((eventLoop.now - startTime).nanoseconds), wallMilliseconds: Self.wallMilliseconds())
        if isTurnUnderway { turnMoment = moment }
        return moment
    }

    package static func wallMilliseconds() -> UInt64 {
        var time = timespec()
        // It fails only for clocks that don't exist.
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }

    /// Everything else that the loop has now joins the same batch.
    func endTurnSoon() {
        guard !isTurnUnderway else { return }
        isTurnUnderway = true
        eventLoop.assumeIsolated().execute { self.endTurn() }
    }

    private func endTurn() {
        isTurnUnderway = false
        step(.turnEnded)
        turnMoment = nil
    }
}
