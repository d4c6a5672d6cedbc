// SPDX-License-Identifier: Apache-2.0

import MartletReplica

extension Simulator {
    /// From the end of the last request until every answer is there, every event seen and every lease over. The
    /// longest term, twice the second that a member adds, time to find what is due, to restart and to write.
    static let calmMax = (Workload.longestTermSeconds + 2 + 2) * 1_000_000 + 5_000_000

    /// Looks whether the run can go on to its next part.
    func look() throws(Violation) {
        plan(.look, in: 100_000)
        switch part {
        case .busy:
            // Clients ask again after each answer: none is in flight when all are answered.
            guard operations.count >= conditions.operations else { return }
            part = .calm(since: now)
            relieveAll()
            trace.note(now, "calm", answeredCount)
        case .calm(let since):
            if let missing = missing() {
                if now - since > Self.calmMax { throw Violation("not even in calm: \(missing)") }
                return
            }
            part = .last
            trace.note(now, "last", Int(truncatingIfNeeded: life?.replica.stateDigest() ?? 0))
            try die(.power)
        case .last:
            if now > 1_000_000_000_000 { throw Violation("the member does not come back") }
        case .done: return
        }
    }

    /// What is still to come.
    private func missing() -> String? {
        guard let life, life.isReady else { return "the member" }
        if let number = operations.firstIndex(where: { $0.answer == nil }) { return "the answer to request \(number)" }
        if streamClients.contains(where: { !$0.asked.isEmpty }) { return "an answer about streams" }
        for watcher in watchers.indices {
            for place in watchers[watcher].watches.indices where !watchers[watcher].watches[place].isOver {
                if watchers[watcher].watches[place].id == nil { return "a watch" }
                if !watchers[watcher].watches[place].hasSeenAll(of: oracle.model) { return "an event" }
            }
        }
        let leases = oracle.model.position.leases
        return leases.isEmpty ? nil : "the end of \(leases.keys.sorted())"
    }
}
