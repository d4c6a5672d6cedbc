// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica

/// Flaws of clusters, put into the members from outside.
extension Simulator {
    /// What a flawed member does when it applies an entry.
    func spoil(_ life: Life, _ entry: Entry) {
        guard entry.kind == .normal, !entry.data.isEmpty else { return }
        switch flaw {
        case .appliesClocks:
            guard entry.index.rawValue % 32 == 0 else { return }
            // As if a record had been stamped when it was applied.
            let lease = LeaseID(Int64(Workload.leases.lowerBound))
            life.replica.store.noteLeaseRemaining(lease, seconds: Int64(life.host.wallOffset + now / 1_000))
        case .appliesHashOrder:
            guard entry.index.rawValue % 32 == 0 else { return }
            // The first lease of a set whose order is the process's own.
            let leases = life.replica.store.leaseIDs().sorted { hash($0, life) < hash($1, life) }
            if let first = leases.first { life.replica.store.noteLeaseRemaining(first, seconds: 1) }
        default: return
        }
    }

    private func hash(_ lease: LeaseID, _ life: Life) -> UInt64 {
        var random = SeededRandom(seed: UInt64(bitPattern: lease.rawValue) &* 31 &+ UInt64(life.number))
        return random.next()
    }

    /// How long a flawed leader keeps its own entries to itself.
    private static let restraint = 1_000_000

    /// What a flawed leader tells its followers: that what a majority has is committed, of whatever term, and then it
    /// also sends its own entries some time after those of others, as it may: together with them the others would be
    /// safe; or of only one half of a joint configuration.
    func spoiled(_ message: Message, of life: Life) -> Message {
        switch flaw {
        case .commitsEarlierTerms: return committingEarlierTerms(message, life.replica.node)
        case .countsOneHalf: return countingOneHalf(message, life.replica.node)
        default: return message
        }
    }

    private func match(_ member: MemberID, _ node: RaftNode) -> LogIndex {
        member == node.id ? node.log.synced : node.progress(of: member)?.match ?? .zero
    }

    private func countingOneHalf(_ message: Message, _ node: RaftNode) -> Message {
        guard node.configuration.isJoint else { return message }
        let half = Configuration(voters: node.configuration.voters)
        let agreed = LogIndex(half.agreedValue { match($0, node).rawValue })
        guard node.log.term(at: agreed) == node.term else { return message }
        var message = message
        switch message.body {
        case .append(let previous, let entries, let commit):
            message.body = .append(
                previous: previous, entries: entries, commit: max(commit, min(agreed, previous.index + entries.count)))
        case .heartbeat(let commit, let round):
            message.body = .heartbeat(commit: max(commit, min(agreed, match(message.to, node))), round: round)
        default: break
        }
        return message
    }

    private func committingEarlierTerms(_ message: Message, _ node: RaftNode) -> Message {
        let agreed = LogIndex(node.configuration.agreedValue { match($0, node).rawValue })
        var message = message
        switch message.body {
        case .append(let previous, let entries, let commit):
            let foreign = entries.prefix { $0.term < node.term }
            let isRestrained = now < (termsBegan[node.term] ?? now) + Self.restraint
            let sent = foreign.isEmpty && !isRestrained ? entries : Array(foreign)
            let last = previous.index + sent.count
            message.body = .append(
                previous: previous, entries: sent, commit: max(min(commit, last), min(agreed, last)))
        case .heartbeat(let commit, let round):
            message.body = .heartbeat(commit: max(commit, min(agreed, match(message.to, node))), round: round)
        default: break
        }
        return message
    }
}
