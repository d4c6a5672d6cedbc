// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What clients have asked for and were told.
package struct KnownCall: Sendable {
    package enum Action: Sendable, Hashable {
        case put(UInt64)
        case delete
        /// What was found: the value, and the revision of its writing.
        case read(value: UInt64?, modRevision: Int64)
        /// A write where the key holds `expected`.
        case swap(expected: UInt64?, new: UInt64)
    }

    package enum Outcome: Sendable, Hashable {
        /// It was done. The revision is what the answer's header says: for a write that it made.
        case done(revision: Int64)
        /// A swap that found something else, or a deletion that found nothing; the revision at that time.
        case refused(revision: Int64)
        case unknown
        /// The server has said that it did nothing.
        case never
    }

    package var key: String
    package var action: Action
    package var outcome: Outcome
    /// Nanoseconds since the beginning.
    package var began: Int
    package var ended: Int

    package init(key: String, action: Action, outcome: Outcome, began: Int, ended: Int) {
        self.key = key
        self.action = action
        self.outcome = outcome
        self.began = began
        self.ended = ended
    }

    /// What the answer's header said.
    package var revision: Int64? {
        switch outcome {
        case .done(let revision), .refused(let revision): revision
        case .unknown, .never: nil
        }
    }

    /// The value that it writes, which nothing else writes.
    package var written: UInt64? {
        switch action {
        case .put(let value), .swap(_, let value): value
        case .read, .delete: nil
        }
    }
}

/// All calls of a run, from many tasks.
final class TortureLedger: Sendable {
    private struct State {
        var calls: [KnownCall] = []
        var lastValue: UInt64 = 0
        var problems: [String] = []
        var isClosed = false
        var acknowledged = 0
    }

    private let state = Mutex(State())
    private let begin = ContinuousClock.now

    var now: Int {
        let (seconds, attoseconds) = begin.duration(to: .now).components
        return Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
    }

    func newValue() -> UInt64 {
        state.withLock { state in
            state.lastValue += 1
            return state.lastValue
        }
    }

    func note(_ call: KnownCall) {
        state.withLock { state in
            state.calls.append(call)
            if call.revision != nil { state.acknowledged += 1 }
        }
    }

    func report(_ problem: String) { state.withLock { $0.problems.append(problem) } }

    /// Lets all clients end.
    func close() { state.withLock { $0.isClosed = true } }

    var isClosed: Bool { state.withLock { $0.isClosed } }
    var calls: [KnownCall] { state.withLock { $0.calls } }
    var problems: [String] { state.withLock { $0.problems } }
    var acknowledged: Int { state.withLock { $0.acknowledged } }
}
