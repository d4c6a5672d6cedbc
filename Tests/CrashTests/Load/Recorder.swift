// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What the clients of a round know, filled by many tasks.
final class Recorder: Sendable {
    private struct State {
        var writes: [KnownWrite] = []
        var leases: [Int64: KnownLease] = [:]
        /// The newest revision that any answer has shown.
        var revision: Int64 = 1
        /// When a key was last changed, as far as an answer has told.
        var modRevisions: [String: Int64] = [:]
        var violations: [String] = []
        var acknowledged = 0
    }

    private let state = Mutex(State())

    func begin(_ write: KnownWrite) -> Int {
        state.withLock { state in
            state.writes.append(write)
            return state.writes.count - 1
        }
    }

    func end(_ number: Int, _ outcome: KnownWrite.Outcome) {
        state.withLock { state in
            state.writes[number].outcome = outcome
            if outcome != .unknown { state.acknowledged += 1 }
            guard case .made(let revision) = outcome else { return }
            state.revision = max(state.revision, revision)
            for put in state.writes[number].puts {
                state.modRevisions[put.key] = max(revision, state.modRevisions[put.key] ?? 0)
            }
        }
    }

    func change(lease id: Int64, _ change: (inout KnownLease) -> Void) {
        state.withLock { state in
            var lease = state.leases[id] ?? KnownLease(id: id, ttlSeconds: 0, renewed: .now)
            change(&lease)
            state.leases[id] = lease
        }
    }

    func report(_ violation: String) { state.withLock { $0.violations.append(violation) } }

    /// Takes over what an answer shows.
    func saw(_ key: String, modRevision: Int64) {
        state.withLock { $0.modRevisions[key] = max(modRevision, $0.modRevisions[key] ?? 0) }
    }

    var revision: Int64 { state.withLock { $0.revision } }
    var acknowledged: Int { state.withLock { $0.acknowledged } }
    var leases: [KnownLease] { state.withLock { $0.leases.values.sorted { $0.id < $1.id } } }
    func existence(of lease: Int64) -> KnownLease.Existence? { state.withLock { $0.leases[lease]?.existence } }
    func modRevision(of key: String) -> Int64? { state.withLock { $0.modRevisions[key] } }

    /// The writes since the last call, and what went wrong.
    func takeRound() -> (writes: [KnownWrite], violations: [String]) {
        state.withLock { state in
            defer { (state.writes, state.violations) = ([], []) }
            return (state.writes, state.violations)
        }
    }

    /// Takes over that leases are gone.
    func settle(gone: [Int64]) {
        state.withLock { state in
            for id in gone { state.leases[id]?.existence = .gone }
        }
    }
}
