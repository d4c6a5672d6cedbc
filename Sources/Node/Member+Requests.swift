// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
import MartletRaft
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

    /// Calls `answer` when the store holds everything that was acknowledged before: at once where nobody else could
    /// have acknowledged anything.
    package func read(then answer: @escaping ReadAnswer) {
        if replica.canReadNow { return answer(nil) }
        let waiter = readers.insert(Reader(answer: answer))
        replica.step(.read(waiter: waiter), at: now, into: &effects)
        endTurnSoon()
    }

    /// What reads look at, and whose watches and leases its owner serves; keys change by `propose` alone.
    package var store: KeyValueStore {
        _read { yield replica.store }
        _modify { yield &replica.store }
    }

    package var term: Term { replica.term }
    /// The last entry that the store holds.
    package var appliedIndex: LogIndex { replica.applied.index }
    /// Leases found due since the start, those that were offered again counted again.
    package var dueLeaseCount: UInt64 { replica.dueLeaseCount }

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
    private func endTurnSoon() {
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
