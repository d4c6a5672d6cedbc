// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica

extension Simulator {
    /// From the end of the last request until every answer is there, every event seen and every lease over. The
    /// longest term, twice the second that a member adds, time to find what is due, to restart and to write.
    static let calmMax = (Workload.longestTermSeconds + 2 + 2) * 1_000_000 + 5_000_000
    /// What several members may take longer: elections, and changes of the leader, which begin all terms anew; and a
    /// request that has got lost waits for its end.
    static let agreeingMax = 40_000_000

    /// Looks whether the run can go on to its next part.
    func look() throws(Violation) {
        plan(.look, in: 100_000)
        if hosts.count > 1 {
            for life in hosts.compactMap(\.life) where looking.once(in: 4) { try compareDigest(life) }
        }
        switch part {
        case .busy:
            // Clients ask again after each answer: none is in flight when all are answered.
            guard operations.count >= conditions.operations || counts.steps > Self.busyStepsMax * (hosts.count + 1)
            else { return }
            part = .calm(since: now)
            relieveAll()
            trace.note(now, "calm", answeredCount)
        case .calm(let since):
            var missing = missing()
            if missing == nil { missing = try missingRun() }
            if let missing {
                if now - since > Self.calmMax + (hosts.count > 1 ? Self.agreeingMax : 0) {
                    throw Violation("not even in calm: \(missing)")
                }
                return
            }
            try checkRegisters()
            part = .last(since: now)
            trace.note(now, "last", Int(truncatingIfNeeded: hosts[0].life?.replica.stateDigest() ?? 0))
            for host in hosts { try die(.power, host.life) }
        case .last(let since):
            if now - since > Self.agreeingMax { throw Violation("not all members come back") }
            guard hosts.count > 1, unsettled() == nil else { return }
            // Blocks of a state that has arrived are where its tables are.
            if hosts.contains(where: { $0.life?.isReceiving == true }) { return }
            for life in hosts.compactMap(\.life) where life.host.isMember {
                try compareDigest(life)
                try oracle.check(life.replica.store)
                try checkStreams(life)
            }
            part = .done
        case .done: return
        }
    }

    /// Where a member stands, for the story.
    func words(_ host: Host) -> String {
        guard let life = host.life else {
            return "\(host.id): not there" + (host.isGone ? ", removed" : host.isLost ? ", lost" : "")
        }
        let node = life.replica.node
        return "\(host.id): \(node.role) in \(node.term), follows \(node.leader.map { "\($0)" } ?? "nobody"), "
            + "applied \(life.replica.applied.index) of \(node.log.last), \(node.configuration)"
            + (life.isReady ? "" : ", not ready")
    }

    /// What is still to come.
    private func missing() -> String? {
        if let unsettled = unsettled() { return unsettled }
        if let lost = hosts.first(where: { $0.isLost && !$0.isReplaced }) { return "a member in place of \(lost.id)" }
        if let number = operations.firstIndex(where: { $0.answer == nil }) { return "the answer to request \(number)" }
        if streamClients.contains(where: { !$0.asked.isEmpty }) { return "an answer about streams" }
        if outbox.contains(where: { $0.asked != nil }) { return "an answer about keys and streams" }
        for watcher in watchers.indices {
            for place in watchers[watcher].watches.indices where !watchers[watcher].watches[place].isOver {
                if watchers[watcher].watches[place].id == nil { return "a watch" }
                if !watchers[watcher].watches[place].hasSeenAll(of: oracle.model) { return "an event" }
            }
        }
        let leases = oracle.model.position.leases
        return leases.isEmpty ? nil : "the end of \(leases.keys.sorted())"
    }

    /// Who is not there, or behind.
    private func unsettled() -> String? {
        if hosts.count == 1 { return hosts[0].life?.isReady == true ? nil : "the member" }
        guard let leader = leadersLife else { return "a leader" }
        for host in hosts { host.isMember = leader.replica.cluster.member(host.id) != nil }
        for host in hosts where host.isMember {
            guard let life = host.life, life.isReady else { return "member \(host.id)" }
            guard life.replica.applied.index.rawValue == UInt64(oracle.entries.count) else {
                return "entries on \(host.id)"
            }
        }
        return nil
    }
}
